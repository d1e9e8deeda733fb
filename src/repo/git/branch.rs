//! [`Target`]: the branch that a commit goes to, which need not be the one that is checked out.

use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::refs::FullName;

use super::error::failed;
use super::{GitError, Repository};

/// The branch that a commit goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) name: FullName,
    /// The commit that the next one follows; a branch without commits has none.
    pub(super) parent: Option<ObjectId>,
    /// Whether the branch is checked out here, so that index and work tree go with it.
    pub(super) current: bool,
    /// Whether the commit makes the branch.
    pub(super) new: bool,
}

impl Target {
    /// Returns the short name of the branch.
    pub fn branch(&self) -> String {
        self.name.shorten().to_string()
    }

    /// Returns a revision that has the files which the commit starts from.
    pub fn revision(&self) -> String {
        self.parent.map_or_else(|| "HEAD".to_owned(), |id| id.to_string())
    }

    /// Tells whether the branch is checked out here.
    pub fn is_current(&self) -> bool {
        self.current
    }

    /// Tells whether a commit makes the branch.
    pub fn is_new(&self) -> bool {
        self.new
    }
}

/// What the names of branches start with.
const BRANCHES: &str = "refs/heads/";

/// Names the operations that wait for the user, by their marks; a bisection does not hinder commits.
const OPERATIONS: [(&str, &str); 7] = [
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "`git am`"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer/todo", "cherry-pick or revert of several commits"),
];

impl Repository {
    /// Finds the branch for a commit: the current one, or the one of that name, which need not exist.
    ///
    /// Refused are a bare repository, a name that git refuses, a branch that another work tree has checked out, and for the
    /// current branch an operation in progress and a detached `HEAD`.
    pub fn target(&self, branch: Option<&str>) -> Result<Target, GitError> {
        self.require_work_dir()?;
        let name = branch.map(full_name).transpose()?;
        let mut head = self.git.head().map_err(failed("read `HEAD`"))?;
        let current = head.referent_name().map(|name| FullName::try_from(self.followed(&name.as_bstr().to_string())));
        let current = current.transpose().map_err(failed("read `HEAD`"))?;
        let Some(name) = name.filter(|name| Some(name) != current.as_ref()) else {
            // Before `HEAD`, because a rebase detaches it and is the better explanation.
            if let Some((_, operation)) = OPERATIONS.iter().find(|(mark, _)| self.git.git_dir().join(mark).exists()) {
                return Err(GitError::InProgress { operation });
            }
            let name = current.ok_or(GitError::DetachedHead)?;
            let parent = head.try_peel_to_id().map_err(failed("read `HEAD`"))?.map(|id| id.detach());
            return Ok(Target { name, parent, current: true, new: parent.is_none() });
        };
        let found = self.git.try_find_reference(name.as_ref()).map_err(failed("read the branch"))?;
        if let Some(leads) = found.as_ref().and_then(|found| found.target().try_name().map(ToOwned::to_owned)) {
            let (branch, leads) = (name.shorten().to_string(), leads.shorten().to_string());
            return Err(GitError::SymbolicBranch { branch, leads });
        }
        self.refuse_checked_out(&name)?;
        if found.is_none() {
            self.refuse_nested(&name)?;
        }
        let (parent, new) = match found {
            Some(mut branch) => {
                let commit = branch.peel_to_commit().map_err(failed("read the branch"))?;
                (Some(commit.id), false)
            }
            None => (head.try_peel_to_id().map_err(failed("read `HEAD`"))?.map(|id| id.detach()), true),
        };
        Ok(Target { name, parent, current: false, new })
    }

    /// Refuses a new branch in whose name another branch takes the place of a directory, or the other way round.
    fn refuse_nested(&self, name: &FullName) -> Result<(), GitError> {
        let full = name.to_string();
        let above = full.match_indices('/').map(|(at, _)| &full[..at]).filter(|part| part.len() > BRANCHES.len());
        let mut around: Vec<String> = Vec::new();
        for part in above {
            let found = self.git.try_find_reference(part).map_err(failed("read the branches"))?;
            around.extend(found.map(|branch| branch.name().shorten().to_string()));
        }
        let all = self.git.references().map_err(failed("read the branches"))?;
        let below = all.prefixed(format!("{full}/").as_str()).map_err(failed("read the branches"))?;
        around.extend(below.flatten().next().map(|branch| branch.name().shorten().to_string()));
        match around.pop() {
            Some(other) => Err(GitError::BranchInTheWay { branch: name.shorten().to_string(), other }),
            None => Ok(()),
        }
    }

    /// Follows symbolic references to the name of a branch.
    fn followed(&self, name: &str) -> String {
        let mut name = name.to_owned();
        // As many as git follows.
        for _ in 0..5 {
            let found = self.git.try_find_reference(name.as_str()).ok().flatten();
            match found.and_then(|found| Some(found.target().try_name()?.to_string())) {
                Some(next) => name = next,
                None => break,
            }
        }
        name
    }

    /// Refuses a branch that a work tree has checked out, or will go back to after a rebase or a bisection.
    fn refuse_checked_out(&self, name: &FullName) -> Result<(), GitError> {
        let mut trees = vec![(self.git.git_dir().to_owned(), self.work_dir().map(Path::to_owned))];
        let main = self.git.main_repo().map_err(failed("look at the work trees"))?;
        if !main.is_bare() {
            trees.push((main.git_dir().to_owned(), main.workdir().map(Path::to_owned)));
        }
        for linked in self.git.worktrees().map_err(failed("look at the work trees"))? {
            trees.push((linked.git_dir().to_owned(), linked.base().ok()));
        }
        let short = name.shorten().to_string();
        for (git_dir, dir) in trees {
            let holds = |mark: &str| {
                let text = std::fs::read_to_string(git_dir.join(mark)).unwrap_or_default();
                let text = text.trim();
                let text = text.strip_prefix("ref:").map_or(text, str::trim);
                text.starts_with(BRANCHES) && self.followed(text).as_bytes() == name.as_bstr().as_bytes()
                    || mark == "BISECT_START" && text == short
            };
            if ["HEAD", "rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"].into_iter().any(holds) {
                return Err(GitError::CheckedOut { branch: short, dir: dir.unwrap_or(git_dir) });
            }
        }
        Ok(())
    }
}

/// Makes the full name of a branch, if git takes it.
fn full_name(branch: &str) -> Result<FullName, GitError> {
    let invalid = || GitError::InvalidBranch { branch: branch.to_owned() };
    // As names of references these are valid; as branches they mean something else wherever git takes one.
    if matches!(branch, "HEAD" | "@") || branch.starts_with('-') || branch.starts_with("refs/") {
        return Err(invalid());
    }
    FullName::try_from(format!("{BRANCHES}{branch}")).map_err(|_| invalid())
}
