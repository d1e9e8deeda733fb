//! Checks the git wrapper against the real `git` binary, in repositories of its own.
//!
//! Nothing here depends on the configuration of the machine, on the clock or on the network.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, UNIX_EPOCH};

use fluxwright::repo::git::{Changes, Commit, FileChange, GitError, Repository, Request, Target, discover};
use tempfile::TempDir;

/// Is a repository in a directory of its own, driven by the real git.
struct Fixture {
    root: TempDir,
    work: PathBuf,
}

impl Fixture {
    /// Creates a repository on an unborn `main` with everything set locally that a developer's own
    /// configuration could change.
    fn unborn() -> Self {
        let root = TempDir::new().expect("temporary directory");
        let work = root.path().join("work");
        fs::create_dir(&work).expect("work tree");
        let fixture = Self { root, work };
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        for setting in [
            "user.name=Test Author",
            "user.email=test@example.com",
            "commit.gpgSign=false",
            "core.autocrlf=false",
            "core.filesRefLockTimeout=0",
        ] {
            let (key, value) = setting.split_once('=').expect("key=value");
            fixture.git(&["config", key, value]);
        }
        fixture
    }

    /// Creates a repository with two commits.
    fn new() -> Self {
        let fixture = Self::unborn();
        fixture.write("README.md", "first\n");
        fixture.write("out/a.yaml", "a: 1\n");
        fixture.write("out/b.yaml", "b: 1\n");
        fixture.write("out/sub/c.yaml", "c: 1\n");
        fixture.write("user/staged.txt", "staged 0\n");
        fixture.write("user/unstaged.txt", "unstaged 0\n");
        fixture.write("user/gone.txt", "gone\n");
        fixture.commit_all("first");
        fixture.write("README.md", "second\n");
        fixture.commit_all("second");
        fixture
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "diff.autoRefreshIndex=false"])
            .args(args)
            .current_dir(&self.work)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            // Looking must not refresh the index, which the tests compare byte by byte.
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00+00:00")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00+00:00")
            .env("GIT_EDITOR", "true");
        command
    }

    fn try_git(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("git runs")
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn write(&self, path: &str, content: &str) {
        let file = self.work.join(path);
        fs::create_dir_all(file.parent().expect("parent")).expect("directories");
        fs::write(file, content).expect("file");
    }

    /// Sets the modification time of a file to the same second of the past, always.
    fn set_modified(&self, path: &str) {
        let file = fs::File::options().write(true).open(self.work.join(path)).expect("file");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).expect("time");
    }

    fn commit_all(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    fn open(&self) -> Repository {
        open(&self.work)
    }

    /// Writes the changes to the work tree, as the caller of the library does, and commits them.
    fn apply(&self, files: &[FileChange]) -> Result<Option<Commit>, GitError> {
        let repository = self.open();
        preflight(&repository, files)?;
        self.write_all(files);
        commit(&repository, files, "render: update\n\nbody")
    }

    fn write_all(&self, files: &[FileChange]) {
        for file in files.iter().filter(|f| f.content.is_none()) {
            fs::remove_file(self.work.join(&file.path)).expect("deleted");
            let mut dir = self.work.join(&file.path);
            while dir.pop() && dir != self.work && fs::remove_dir(&dir).is_ok() {}
        }
        for file in files {
            if let Some(content) = &file.content {
                self.write(&file.path, std::str::from_utf8(content.bytes()).expect("UTF-8"));
            }
        }
    }

    /// What git says about everything but the commit itself.
    fn status(&self) -> [String; 4] {
        [
            self.git(&["status", "--porcelain=v1", "--untracked-files=all"]),
            self.git(&["diff", "--cached"]),
            self.git(&["diff"]),
            self.git(&["ls-files", "-t", "-v", "--stage"]),
        ]
    }

    /// Every byte that a refused commit must not touch, except for objects.
    fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut todo = vec![self.root.path().to_owned()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(dir).expect("directory") {
                let path = entry.expect("entry").path();
                if path.is_symlink() || path.is_file() {
                    files.insert(path.clone(), fs::read(&path).unwrap_or_default());
                } else if !path.ends_with("objects") {
                    todo.push(path);
                }
            }
        }
        files
    }

    #[track_caller]
    fn assert_sound(&self) {
        let output = self.try_git(&["fsck", "--strict", "--full"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "git fsck: {said}");
        assert!(!self.work.join(".git/index.lock").exists(), "the lock is gone");
        // The index must be readable and complete for git, including its cached trees.
        assert_eq!(self.git(&["write-tree"]).len(), 41);
    }

    /// Lists the paths and states of the last commit.
    fn shown(&self) -> Vec<String> {
        let shown = self.git(&["show", "--format=", "--name-status", "--no-renames", "HEAD"]);
        shown.lines().map(|line| line.replace('\t', " ")).collect()
    }

    #[track_caller]
    fn assert_refused(&self, files: &[FileChange], check: impl Fn(&GitError) -> bool) -> GitError {
        let before = self.snapshot();
        let repository = self.open();
        let error = preflight(&repository, files).expect_err("preflight refuses");
        assert!(check(&error), "preflight: {error:?}");
        let error = commit(&repository, files, "refused").expect_err("commit refuses");
        assert!(check(&error), "commit: {error:?}");
        assert!(before == self.snapshot(), "something changed");
        error
    }
}

#[track_caller]
fn open(dir: &Path) -> Repository {
    discover(dir).expect("readable").expect("a repository")
}

fn request<'a>(target: &'a Target, changes: &'a Changes, message: &'a str) -> Request<'a> {
    Request { target, changes, message, trailers: &[], sign: None, verify: true }
}

fn preflight(repository: &Repository, files: &[FileChange]) -> Result<(), GitError> {
    let (target, changes) = (repository.target(None)?, repository.changes(files.to_vec())?);
    repository.preflight(&request(&target, &changes, "message")).map(drop)
}

fn commit(repository: &Repository, files: &[FileChange], message: &str) -> Result<Option<Commit>, GitError> {
    let (target, changes) = (repository.target(None)?, repository.changes(files.to_vec())?);
    let request = request(&target, &changes, message);
    repository.commit(&request, repository.preflight(&request)?)
}

fn put(path: &str, content: &str) -> FileChange {
    FileChange { path: path.to_owned(), content: Some(content.as_bytes().to_vec().into()) }
}

fn delete(path: &str) -> FileChange {
    FileChange { path: path.to_owned(), content: None }
}

fn texts(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Runs `body` in a process of its own whose environment has only `vars`, since the library reads
/// the identity from the environment, and that of a running test harness must not be changed.
fn with_env(test: &str, vars: &[(&str, &str)], body: impl FnOnce()) {
    const MARK: &str = "GIT_TEST_CHILD";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let home = TempDir::new().expect("temporary directory");
    let output = Command::new(std::env::current_exe().expect("test binary"))
        .args(["--exact", test, "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env(MARK, "1")
        .envs(vars.iter().copied())
        .output()
        .expect("test binary runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

// ---- finding and reading ----

#[test]
fn finds_the_repository_from_below_and_nothing_outside() {
    let fixture = Fixture::new();
    let repository = open(&fixture.work.join("out/sub"));
    let expected = fixture.work.canonicalize().expect("work tree");
    assert_eq!(repository.work_dir(), Some(expected.as_path()));
    assert!(discover(fixture.root.path()).expect("readable").is_none());
    let error = discover(&fixture.work.join("missing")).expect_err("no such directory");
    assert!(matches!(error, GitError::Open { .. }), "{error:?}");
}

#[test]
fn reads_the_files_of_branches_tags_ancestors_and_hashes() {
    let fixture = Fixture::new();
    fixture.git(&["tag", "--annotate", "v1", "--message", "v1", "HEAD~1"]);
    let hash = fixture.git(&["rev-parse", "HEAD~1"]);
    fixture.write("README.md", "not committed\n");
    let repository = fixture.open();
    let readme = ["README.md".to_owned()];
    for rev in ["HEAD~1", "v1", hash.trim(), &hash[..10]] {
        assert_eq!(repository.files_at(rev, &readme).expect(rev), texts(&[("README.md", "first\n")]));
    }
    for rev in ["HEAD", "main", "refs/heads/main"] {
        assert_eq!(repository.files_at(rev, &readme).expect(rev), texts(&[("README.md", "second\n")]));
    }
}

#[test]
fn reads_only_below_the_given_paths() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let at = |below: &[&str]| {
        let below: Vec<String> = below.iter().map(|path| (*path).to_owned()).collect();
        repository.files_at("HEAD", &below).expect("readable").into_keys().collect::<Vec<_>>()
    };
    assert_eq!(at(&["out"]), ["out/a.yaml", "out/b.yaml", "out/sub/c.yaml"]);
    assert_eq!(at(&["./out/sub/", "out/a.yaml"]), ["out/a.yaml", "out/sub/c.yaml"]);
    assert_eq!(at(&["ou", "missing", "out/a.yaml/deeper"]), [""; 0]);
    assert_eq!(at(&[]), [""; 0]);
    assert_eq!(at(&["."]).len(), 7);
    assert_eq!(at(&[""]), at(&["."]));
}

#[cfg(unix)]
#[test]
fn skips_links_submodules_and_names_that_are_not_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let fixture = Fixture::new();
    std::os::unix::fs::symlink("a.yaml", fixture.work.join("out/link")).expect("link");
    fs::write(fixture.work.join("out").join(std::ffi::OsStr::from_bytes(b"\xff")), "x").expect("file");
    let head = fixture.git(&["rev-parse", "HEAD"]);
    fixture.git(&["add", "--all"]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},out/module", head.trim())]);
    fixture.git(&["commit", "--quiet", "--message", "odd"]);
    let files = fixture.open().files_at("HEAD", &["out".to_owned()]).expect("readable");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["out/a.yaml", "out/b.yaml", "out/sub/c.yaml"]);
}

#[test]
fn an_unborn_head_has_no_files_and_a_bad_revision_is_an_error() {
    let fixture = Fixture::unborn();
    assert!(fixture.open().files_at("HEAD", &[String::new()]).expect("empty").is_empty());

    let fixture = Fixture::new();
    for rev in ["nope", "HEAD~9", "", "..", "HEAD..main", "HEAD:README.md", "0123456789"] {
        let error = fixture.open().files_at(rev, &[String::new()]).expect_err(rev);
        assert!(matches!(error, GitError::Revision { shallow: false, .. }), "{rev}: {error:?}");
        assert_eq!(error.to_string(), format!("`{rev}` does not name a revision of this repository"));
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_revision_that_a_shallow_clone_lacks_is_explained() {
    let fixture = Fixture::new();
    let url = format!("file://{}", fixture.work.display());
    fixture.git(&["clone", "--quiet", "--depth=1", &url, "../shallow"]);
    let shallow = open(&fixture.root.path().join("shallow"));
    let error = shallow.files_at("HEAD~1", &[String::new()]).expect_err("not there");
    assert!(matches!(error, GitError::Revision { shallow: true, .. }), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--unshallow")));
}

// ---- committing ----

#[test]
fn commits_exactly_the_given_paths_and_leaves_the_rest_alone() {
    let fixture = Fixture::new();
    fixture.write("user/staged.txt", "staged 1\n");
    fixture.write("user/new.txt", "new\n");
    fixture.git(&["add", "user"]);
    fixture.write("user/staged.txt", "staged 2\n");
    fixture.git(&["rm", "--quiet", "--cached", "user/gone.txt"]);
    fixture.write("user/unstaged.txt", "unstaged 1\n");
    fixture.write("user/untracked.txt", "untracked\n");
    fixture.write("user/announced.txt", "announced\n");
    fixture.git(&["add", "--intent-to-add", "user/announced.txt"]);
    fixture.git(&["update-index", "--assume-unchanged", "README.md"]);
    fixture.git(&["update-index", "--skip-worktree", "out/sub/c.yaml"]);
    // Fills the tree cache, which would be stale after the commit.
    fixture.git(&["write-tree"]);

    let files = [put("out/a.yaml", "a: 2\n"), put("out/d.yaml", "d: 1\n"), delete("out/b.yaml")];
    let before = fixture.status();
    let parent = fixture.git(&["rev-parse", "HEAD"]);
    let commit = fixture.apply(&files).expect("commits").expect("a commit");
    let mut after = fixture.status();

    assert_eq!(commit.branch, "main");
    assert_eq!(fixture.git(&["rev-parse", "HEAD"]).trim(), commit.id);
    assert_eq!(fixture.git(&["rev-parse", "HEAD^"]), parent);
    assert_eq!(fixture.shown(), ["M out/a.yaml", "D out/b.yaml", "A out/d.yaml"]);
    assert_eq!(fixture.git(&["show", "HEAD:out/a.yaml"]), "a: 2\n");
    // The listing of the index differs in our paths, and only there.
    let others = |listing: &str| {
        let others = listing.lines().filter(|line| !files.iter().any(|f| line.ends_with(&f.path)));
        others.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(others(&after[3]), others(&before[3]));
    let ours: Vec<_> = after[3].lines().filter(|line| line.contains("\tout/")).collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    after[3].clone_from(&before[3]);
    assert_eq!(after, before);
    fixture.assert_sound();

    // What the user does next must not see a stale tree cache.
    fixture.git(&["commit", "--quiet", "--message", "user"]);
    assert_eq!(fixture.shown(), ["D user/gone.txt", "A user/new.txt", "M user/staged.txt"]);
}

#[test]
fn the_metadata_of_our_entries_lets_git_skip_reading_the_files() {
    let fixture = Fixture::new();
    fixture.apply(&[put("out/a.yaml", "a: 2\n"), put("out/new.yaml", "n: 1\n")]).expect("commits");
    // Plumbing does not refresh: it reports an entry whose metadata does not match the file.
    assert_eq!(fixture.git(&["diff-files", "--name-only"]), "");
}

#[test]
fn an_edit_after_rendering_stays_visible() {
    let fixture = Fixture::new();
    fixture.git(&["config", "core.trustCtime", "false"]);
    let files = [put("out/a.yaml", "a: 2\n")];
    fixture.write("out/a.yaml", "a: 3\n");
    // A file older than the index is one that git does not read if the metadata matches.
    fixture.set_modified("out/a.yaml");
    commit(&fixture.open(), &files, "render").expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["show", "HEAD:out/a.yaml"]), "a: 2\n");
    assert_eq!(fixture.git(&["status", "--porcelain"]), " M out/a.yaml\n");
}

#[test]
fn a_change_in_the_second_of_the_old_index_stays_visible() {
    let fixture = Fixture::new();
    fixture.git(&["config", "core.trustCtime", "false"]);
    let set = |path| fixture.set_modified(path);
    set("user/unstaged.txt");
    fixture.git(&["update-index", "--refresh"]);
    set(".git/index");
    fixture.write("user/unstaged.txt", "unstaged 1\n");
    set("user/unstaged.txt");
    let before = fixture.git(&["status", "--porcelain"]);
    assert_eq!(before, " M user/unstaged.txt\n");
    fixture.apply(&[put("out/a.yaml", "a: 2\n")]).expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["status", "--porcelain"]), before);
}

#[test]
fn nothing_that_differs_makes_no_commit() {
    let fixture = Fixture::new();
    fixture.write("user/staged.txt", "staged 1\n");
    fixture.git(&["add", "user"]);
    let before = fixture.snapshot();
    let repository = fixture.open();
    for files in [&[][..], &[put("out/a.yaml", "a: 1\n"), delete("out/never.yaml")]] {
        preflight(&repository, files).expect("acceptable");
        assert_eq!(commit(&repository, files, "nothing").expect("works"), None);
    }
    assert!(before == fixture.snapshot());
    fixture.assert_sound();

    let fixture = Fixture::unborn();
    assert_eq!(commit(&fixture.open(), &[], "nothing").expect("works"), None);
}

#[test]
fn makes_the_root_commit_of_an_unborn_branch() {
    let fixture = Fixture::unborn();
    fixture.write("staged.txt", "staged\n");
    fixture.git(&["add", "staged.txt"]);
    let commit = fixture.apply(&[put("out/a.yaml", "a: 1\n")]).expect("commits").expect("a commit");
    assert_eq!(commit.branch, "main");
    assert_eq!(fixture.git(&["rev-list", "--parents", "HEAD"]).trim(), commit.id);
    assert_eq!(fixture.shown(), ["A out/a.yaml"]);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "A  staged.txt\n");
    assert_eq!(fixture.git(&["reflog", "--format=%gs"]), "commit (initial): render: update\n");
    fixture.assert_sound();

    // Without any index file at all.
    let fixture = Fixture::unborn();
    fixture.apply(&[put("a.yaml", "a: 1\n")]).expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn deletes_files_and_the_directories_that_become_empty() {
    let fixture = Fixture::new();
    fixture.apply(&[delete("out/sub/c.yaml"), delete("out/a.yaml")]).expect("commits").expect("a commit");
    assert_eq!(fixture.shown(), ["D out/a.yaml", "D out/sub/c.yaml"]);
    assert_eq!(fixture.git(&["ls-tree", "-r", "--name-only", "HEAD", "out"]), "out/b.yaml\n");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn deletes_the_last_file() {
    let fixture = Fixture::unborn();
    fixture.apply(&[put("out/a.yaml", "a: 1\n")]).expect("commits").expect("a commit");
    fixture.apply(&[delete("out/a.yaml")]).expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["ls-tree", "-r", "HEAD"]), "");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn creates_nested_directories_in_the_order_of_git() {
    let fixture = Fixture::new();
    let files = ["x/y/z/deep.yaml", "x.yaml", "x-y", "x/y.yaml", "x/y-z", "out-a", "out.yaml"].map(|p| put(p, p));
    fixture.apply(&files).expect("commits").expect("a commit");
    assert_eq!(fixture.shown().len(), files.len());
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn a_file_and_a_directory_trade_places() {
    let fixture = Fixture::new();
    let files = [
        delete("out/a.yaml"),
        put("out/a.yaml/inner.yaml", "i: 1\n"),
        put("out/sub", "file\n"),
        delete("out/sub/c.yaml"),
    ];
    fixture.apply(&files).expect("commits").expect("a commit");
    assert_eq!(fixture.shown(), ["D out/a.yaml", "A out/a.yaml/inner.yaml", "A out/sub", "D out/sub/c.yaml"]);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[cfg(unix)]
#[test]
fn keeps_the_executable_bit_of_existing_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new();
    let script = fixture.work.join("out/run.sh");
    fixture.write("out/run.sh", "true\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("mode");
    fixture.commit_all("script");
    fixture.apply(&[put("out/run.sh", "false\n"), put("out/plain.sh", "x\n")]).expect("commits").expect("a commit");
    let listed = fixture.git(&["ls-tree", "HEAD", "out/run.sh", "out/plain.sh"]);
    let modes: Vec<_> = listed.lines().map(|line| &line[..6]).collect();
    assert_eq!(modes, ["100644", "100755"]);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn accepts_a_path_that_is_already_staged_or_announced_as_we_commit_it() {
    let fixture = Fixture::new();
    fixture.write("out/a.yaml", "a: 2\n");
    fixture.git(&["add", "out/a.yaml"]);
    fixture.write("out/new.yaml", "n: 1\n");
    fixture.git(&["add", "--intent-to-add", "out/new.yaml"]);
    fixture.git(&["rm", "--quiet", "--cached", "out/b.yaml"]);
    let files = [put("out/a.yaml", "a: 2\n"), put("out/new.yaml", "n: 1\n"), delete("out/b.yaml")];
    fixture.apply(&files).expect("commits").expect("a commit");
    assert_eq!(fixture.shown(), ["M out/a.yaml", "D out/b.yaml", "A out/new.yaml"]);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}

#[test]
fn keeps_the_flags_of_our_entries() {
    let fixture = Fixture::new();
    fixture.git(&["update-index", "--skip-worktree", "out/a.yaml"]);
    fixture.git(&["update-index", "--assume-unchanged", "out/b.yaml"]);
    fixture.apply(&[put("out/a.yaml", "a: 2\n"), put("out/b.yaml", "b: 2\n")]).expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["ls-files", "-v", "out/*.yaml"]), "S out/a.yaml\nh out/b.yaml\nH out/sub/c.yaml\n");
    assert_eq!(fixture.git(&["diff", "--cached"]), "");
    fixture.assert_sound();
}

#[test]
fn works_in_a_linked_work_tree() {
    let fixture = Fixture::new();
    fixture.git(&["worktree", "add", "--quiet", "-b", "side", "../linked"]);
    let linked = Fixture { work: fixture.root.path().join("linked"), root: fixture.root };
    linked.write("user/staged.txt", "staged 1\n");
    linked.git(&["add", "user"]);
    let commit = linked.apply(&[put("out/a.yaml", "a: 2\n")]).expect("commits").expect("a commit");
    assert_eq!(commit.branch, "side");
    assert_eq!(linked.git(&["rev-parse", "side"]).trim(), commit.id);
    assert_eq!(linked.git(&["rev-parse", "main"]), linked.git(&["rev-parse", "side~1"]));
    assert_eq!(linked.shown(), ["M out/a.yaml"]);
    assert_eq!(linked.git(&["status", "--porcelain"]), "M  user/staged.txt\n");
    assert_eq!(linked.git(&["reflog", "-1", "--format=%gs", "HEAD"]), "commit: render: update\n");
    let canonical = linked.work.canonicalize().expect("work tree");
    assert_eq!(linked.open().work_dir(), Some(canonical.as_path()));
    linked.assert_sound();
    let main = Fixture { work: linked.root.path().join("work"), root: linked.root };
    assert_eq!(main.git(&["status", "--porcelain"]), "");
}

#[test]
fn records_message_and_reflog_like_git() {
    let fixture = Fixture::new();
    fixture.apply(&[put("out/a.yaml", "a: 2\n")]).expect("commits").expect("a commit");
    assert_eq!(fixture.git(&["log", "-1", "--format=%B"]), "render: update\n\nbody\n\n");
    for name in ["HEAD", "main"] {
        assert_eq!(fixture.git(&["reflog", "-1", "--format=%gs", name]), "commit: render: update\n");
    }
    let files = [put("out/a.yaml", "a: 3\n")];
    for message in ["", " \n\n", "a\0b"] {
        let error = commit(&fixture.open(), &files, message).expect_err("refused");
        assert!(matches!(error, GitError::InvalidMessage), "{error:?}");
    }
}

#[test]
fn works_with_a_split_index_and_with_version_4() {
    for setting in [["core.splitIndex", "true"], ["index.version", "4"]] {
        let fixture = Fixture::new();
        fixture.git(&["config", setting[0], setting[1]]);
        fixture.git(&["update-index", "--force-write-index"]);
        fixture.write("user/staged.txt", "staged 1\n");
        fixture.git(&["add", "user"]);
        fixture.apply(&[put("out/a.yaml", "a: 2\n"), delete("out/b.yaml")]).expect("commits").expect("a commit");
        assert_eq!(fixture.git(&["status", "--porcelain"]), "M  user/staged.txt\n", "{setting:?}");
        fixture.assert_sound();
    }
}

#[test]
fn works_in_a_partial_clone_without_the_neighbouring_files() {
    let fixture = Fixture::new();
    fixture.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", fixture.work.display());
    fixture.git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "../partial"]);
    let partial = Fixture { work: fixture.root.path().join("partial"), root: fixture.root };
    for (key, value) in [("user.name", "T"), ("user.email", "t@example.com"), ("commit.gpgSign", "false")] {
        partial.git(&["config", key, value]);
    }
    partial.git(&["read-tree", "HEAD"]);
    partial.apply(&[put("out/new.yaml", "n: 1\n")]).expect("commits").expect("a commit");
    assert_eq!(partial.shown(), ["A out/new.yaml"]);
}

#[test]
fn takes_identity_and_dates_from_the_environment() {
    let vars = [
        ("GIT_AUTHOR_NAME", "Ann"),
        ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ("GIT_AUTHOR_DATE", "2020-02-03T04:05:06+02:00"),
        ("GIT_COMMITTER_DATE", "@1600000000 +0000"),
        // These belong to the repository of whoever runs us, such as a hook.
        ("GIT_DIR", "/nonexistent"),
        ("GIT_WORK_TREE", "/nonexistent"),
        ("GIT_INDEX_FILE", "/nonexistent"),
    ];
    with_env("takes_identity_and_dates_from_the_environment", &vars, || {
        let fixture = Fixture::new();
        fixture.apply(&[put("out/a.yaml", "a: 2\n")]).expect("commits").expect("a commit");
        let format = "--format=%an <%ae> %ad|%cn <%ce> %cd";
        assert_eq!(
            fixture.git(&["log", "-1", "--date=raw", format]),
            "Ann <ann@example.com> 1580695506 +0200|Test Author <test@example.com> 1600000000 +0000\n"
        );
        fixture.assert_sound();
    });
}

#[test]
fn many_files_become_one_pack() {
    let fixture = Fixture::new();
    let count = |what: &str| {
        let counted = fixture.git(&["count-objects", "--verbose"]);
        let line = counted.lines().find_map(|line| line.strip_prefix(what)).expect("counted").trim().to_owned();
        line.parse::<usize>().expect("a number")
    };
    let loose = count("count:");
    let text = |n: usize| format!("n: {n}\n").repeat(n % 400 + 1);
    let files: Vec<_> = (0..5000).map(|n| put(&format!("fleet/{}/{n}.yaml", n % 7), &text(n))).collect();
    fixture.apply(&files).expect("commits").expect("a commit");
    assert_eq!((count("packs:"), count("count:")), (1, loose + 1), "only the commit is a file of its own");
    assert_eq!(fixture.shown().len(), 5000);
    assert_eq!(fixture.git(&["show", "HEAD:fleet/3/4651.yaml"]), text(4651));
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
    let pack = fs::read_dir(fixture.work.join(".git/objects/pack")).expect("packs");
    let names: Vec<_> = pack.map(|entry| entry.expect("entry").path()).collect();
    let index = names.iter().find(|path| path.extension().is_some_and(|e| e == "idx")).expect("an index");
    fixture.git(&["verify-pack", index.to_str().expect("UTF-8")]);
    assert_eq!(names.len(), 2, "{names:?}");

    // What is there already is not stored again, and few objects are files of their own.
    let (same, moved) = (&files[..], put("elsewhere/0.yaml", &text(0)));
    let before = count("count:");
    fixture.apply(&[same, &[moved]].concat()).expect("commits").expect("a commit");
    assert_eq!((count("packs:"), count("count:")), (1, before + 3), "two directories and the commit");
    assert_eq!(fixture.apply(same).expect("works"), None);
    assert_eq!((count("packs:"), count("count:")), (1, before + 3));
    fixture.git(&["gc", "--quiet"]);
    assert_eq!((count("packs:"), count("count:")), (1, 0));
    fixture.apply(&[put("out/a.yaml", "a: 2\n")]).expect("commits").expect("a commit");
    fixture.assert_sound();
}

// ---- refusing ----

#[test]
fn refuses_a_path_that_is_staged_otherwise() {
    let fixture = Fixture::new();
    fixture.write("out/a.yaml", "a: staged\n");
    fixture.write("out/new.yaml", "n: staged\n");
    fixture.git(&["add", "out"]);
    fixture.git(&["rm", "--quiet", "--cached", "out/b.yaml"]);
    fixture.git(&["update-index", "--chmod=+x", "out/sub/c.yaml"]);
    let files = ["out/a.yaml", "out/b.yaml", "out/new.yaml", "out/sub/c.yaml", "README.md"].map(|p| put(p, "ours\n"));
    let error = fixture.assert_refused(&files, |e| matches!(e, GitError::Staged { .. }));
    assert_eq!(
        error.to_string(),
        "other content is already staged for `out/a.yaml`, `out/b.yaml`, `out/new.yaml`, `out/sub/c.yaml`"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("git reset -- ")));
    fixture.assert_refused(&[delete("out/a.yaml")], |e| matches!(e, GitError::Staged { .. }));
}

#[test]
fn refuses_a_detached_head() {
    let fixture = Fixture::new();
    fixture.git(&["checkout", "--quiet", "--detach"]);
    fixture.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::DetachedHead));
}

#[test]
fn refuses_operations_in_progress_and_names_them() {
    let conflict = || {
        let fixture = Fixture::new();
        fixture.git(&["checkout", "--quiet", "-b", "side"]);
        fixture.write("README.md", "side\n");
        fixture.commit_all("side");
        fixture.git(&["checkout", "--quiet", "main"]);
        fixture.write("README.md", "main\n");
        fixture.commit_all("main");
        fixture
    };
    for (args, operation) in [
        (&["merge", "side"][..], "merge"),
        (&["cherry-pick", "side"], "cherry-pick"),
        (&["revert", "HEAD~1"], "revert"),
        (&["rebase", "side"], "rebase"),
    ] {
        let fixture = conflict();
        assert!(!fixture.try_git(args).status.success(), "{args:?} must conflict");
        let error = fixture.assert_refused(
            &[put("out/a.yaml", "a: 2\n")],
            |e| matches!(e, GitError::InProgress { operation: o } if *o == operation),
        );
        assert_eq!(error.to_string(), format!("a {operation} is in progress"));
    }
    // Resolved, but not concluded.
    let fixture = conflict();
    fixture.try_git(&["merge", "side"]);
    fixture.git(&["add", "README.md"]);
    fixture.assert_refused(&[], |e| matches!(e, GitError::InProgress { .. }));
}

#[test]
fn refuses_conflicts_in_the_index() {
    let fixture = Fixture::new();
    fixture.write("user/staged.txt", "stashed\n");
    fixture.git(&["stash", "--quiet"]);
    fixture.write("user/staged.txt", "committed\n");
    fixture.commit_all("other");
    assert!(!fixture.try_git(&["stash", "pop"]).status.success());
    let error = fixture.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::Conflicts { .. }));
    assert_eq!(error.to_string(), "the index has unresolved conflicts in `user/staged.txt`");
}

#[test]
fn refuses_a_bare_repository() {
    let fixture = Fixture::new();
    fixture.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    let bare = Fixture { work: fixture.root.path().join("bare.git"), root: fixture.root };
    assert_eq!(bare.open().work_dir(), None);
    assert_eq!(bare.open().files_at("HEAD", &["out/sub".to_owned()]).expect("readable").len(), 1);
    bare.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::Bare { .. }));
}

#[test]
fn tracked_files_that_look_like_a_bare_repository_are_none() {
    let fixture = Fixture::new();
    for dir in ["", "sub/"] {
        fixture.write(&format!("{dir}HEAD"), "ref: refs/heads/main\n");
        fixture.write(&format!("{dir}config"), "[core]\n\tbare = true\n");
        fixture.write(&format!("{dir}objects/x"), "");
        fixture.write(&format!("{dir}refs/heads/.keep"), "");
    }
    fixture.commit_all("planted");
    for dir in ["", "sub", "sub/refs/heads"] {
        let found = open(&fixture.work.join(dir));
        assert_eq!(found.work_dir(), Some(fixture.work.canonicalize().expect("there").as_path()), "{dir}");
        assert!(!found.files_at("HEAD", &["sub".to_owned()]).expect("readable").is_empty());
    }
}

#[test]
fn refuses_without_an_identity() {
    with_env("refuses_without_an_identity", &[], || {
        let fixture = Fixture::new();
        fixture.git(&["config", "--unset", "user.name"]);
        let files = [put("out/a.yaml", "a: 2\n")];
        let error = fixture.assert_refused(&files, |e| matches!(e, GitError::NoIdentity { role: "author" }));
        assert!(error.hint().is_some_and(|hint| hint.contains("git config user.name")));
        fixture.git(&["config", "user.name", " "]);
        fixture.assert_refused(&files, |e| matches!(e, GitError::NoIdentity { .. }));
        fixture.git(&["config", "user.name", "Someone"]);
        fixture.git(&["config", "--unset", "user.email"]);
        fixture.assert_refused(&files, |e| matches!(e, GitError::NoIdentity { .. }));
    });
}

#[test]
fn refuses_a_date_that_is_none() {
    with_env("refuses_a_date_that_is_none", &[("GIT_COMMITTER_DATE", "whenever")], || {
        let fixture = Fixture::new();
        let error =
            fixture.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::InvalidDate { .. }));
        assert_eq!(error.to_string(), "the environment variable `GIT_COMMITTER_DATE` is not a date: `whenever`");
    });
}

#[test]
fn refuses_while_the_index_is_locked() {
    let fixture = Fixture::new();
    fixture.write(".git/index.lock", "");
    let error = fixture.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::IndexLocked { .. }));
    assert!(error.to_string().contains(".git/index.lock`"), "{error}");
}

#[test]
fn a_locked_branch_fails_with_nothing_changed() {
    let fixture = Fixture::new();
    fixture.write(".git/refs/heads/main.lock", "");
    fixture.assert_refused(&[put("out/a.yaml", "a: 2\n")], |e| matches!(e, GitError::BranchLocked { .. }));
}

#[test]
fn refuses_paths_that_git_cannot_store() {
    let fixture = Fixture::new();
    for path in ["", "/out", "out/", "out//a", "../x", "out/./a", ".git/config", "out/.GIT/x"] {
        let error = fixture.assert_refused(&[put(path, "x")], |e| matches!(e, GitError::InvalidPath { .. }));
        assert_eq!(error.to_string(), format!("`{path}` is not a path that git can store"));
    }
}

#[test]
fn refuses_to_replace_tracked_files_that_are_not_given() {
    let fixture = Fixture::new();
    let head = fixture.git(&["rev-parse", "HEAD"]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},module", head.trim())]);
    fixture.git(&["commit", "--quiet", "--message", "module"]);
    fixture.write("announced/x", "x\n");
    fixture.git(&["add", "announced"]);
    for (path, by) in [
        ("out", "out/a.yaml"),
        ("out/a.yaml/inner", "out/a.yaml"),
        ("module", "module"),
        ("module/x", "module"),
        ("announced", "announced/x"),
        ("announced/x/y", "announced/x"),
    ] {
        let error = fixture.assert_refused(&[put(path, "x")], |e| matches!(e, GitError::Obstructed { .. }));
        assert_eq!(error.to_string(), format!("cannot commit `{path}`: git tracks `{by}`, which is in the way"));
    }
    let files = [put("both", "x"), put("both/inner", "x")];
    fixture.assert_refused(&files, |e| matches!(e, GitError::Obstructed { path, .. } if path == "both/inner"));
    fixture.assert_refused(&[delete("out")], |e| matches!(e, GitError::Obstructed { .. }));
}

#[test]
fn refuses_paths_outside_a_sparse_checkout() {
    let fixture = Fixture::new();
    fixture.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "user"]);
    for file in [put("out/a.yaml", "a: 2\n"), put("out/sub/new", "n"), delete("out/a.yaml")] {
        fixture.assert_refused(&[file], |e| matches!(e, GitError::Obstructed { by, .. } if by == "out/"));
    }
    fixture.apply(&[put("user/new.yaml", "n: 1\n")]).expect("commits").expect("a commit");
    assert_eq!(fixture.shown(), ["A user/new.yaml"]);
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    fixture.assert_sound();
}
