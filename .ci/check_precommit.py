"""Runs the hooks of .pre-commit-hooks.yaml with the real pre-commit in scratch repositories.

    check_precommit.py <fluxwright> <pre-commit> <target directory of cargo>

The system hooks run <fluxwright> from the PATH. The rust hooks are installed by pre-commit from a clone of this
repository as its last commit has it; <target directory> lets `cargo install` use what is compiled already.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTENT = """\
apiVersion: fluxwright.dev/v1alpha1
kind: ClusterIntent
metadata: {{name: {name}}}
spec:
  platform: {{type: Nova, kubernetesVersion: "1.28", nodes: {{infra: 3}}}}
  gitops:
    source: {{name: cluster-intent, url: "https://git.corp.example/platform/clusters.git"}}
"""
PORT = """\
  exposedPorts:
    - port: 5432
      backend: {namespace: db, service: pg, port: 5432}
"""
REGISTRY = """\
  registries:
    - name: corp
      host: registry.corp.example
      pullSecret:
        name: pull
        namespaces: [shop]
        delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: vault}, key: registries/corp}}
"""
results = []


def check(what, holds, output=""):
    results.append(bool(holds))
    print(f"{'ok' if holds else 'FAIL'}  {what}")
    if not holds:
        print(str(output), flush=True)


class Scratch:
    """A repository with clusters one and two, rendered and committed, and the hooks installed."""

    def __init__(self, folder, hooks, environment, source):
        self.root = pathlib.Path(folder)
        self.environment = environment
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.run("git", "config", "user.name", "Test Author")
        self.run("git", "config", "user.email", "author@corp.example")
        lines = "".join(f"      - id: {hook}\n        verbose: true\n" for hook in hooks)
        head = self.run("git", "rev-parse", "HEAD", cwd=source).stdout.strip()
        self.write(".pre-commit-config.yaml", f"repos:\n  - repo: {source}\n    rev: {head}\n    hooks:\n{lines}")
        for name in ("one", "two"):
            self.write(f"clusters/{name}/cluster.yaml", INTENT.format(name=name))
        self.write("README.md", "notes\n")
        self.run("fluxwright", "render")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message=start")
        self.run("pre-commit", "install")

    def run(self, *command, fails=False, cwd=None):
        done = subprocess.run(command, cwd=cwd or self.root, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not fails and done.returncode:
            raise SystemExit(f"{command}: {done.stdout}")
        return done

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, path):
        return (self.root / path).read_text()

    def append(self, path, text):
        self.write(path, self.read(path) + text)

    def commit(self, *paths):
        """Stages paths and commits; gives the exit code, what pre-commit said, and which clusters were looked at."""
        if paths:
            self.run("git", "add", *paths)
        done = self.run("git", "commit", "--message=change", fails=True)
        names = {line.split(":")[0] for line in done.stdout.splitlines() if line.startswith(("one: ", "two: "))}
        return done.returncode, done.stdout, sorted(names)

    def reset(self):
        self.run("git", "reset", "--quiet", "--hard", "HEAD")
        self.run("git", "clean", "--quiet", "-fd")


def scenarios(repo):
    repo.append("README.md", "more\n")
    code, out, names = repo.commit("README.md")
    check("a file outside of clusters: no cluster is looked at", code == 0 and names == [], out)

    repo.append("clusters/one/cluster.yaml", PORT)
    code, out, names = repo.commit("clusters/one/cluster.yaml")
    check("a stale rendering fails", code != 0 and "files were modified by this hook" in out, out)
    check("only the touched cluster is looked at", names == ["one"], out)
    check("what changed is shown as a unified diff", "+++ b/clusters/one/ingress/tcp-udp-services.yaml\n@@ " in out, out)
    check("new files are named", "created clusters/one/ingress/tcp-udp-services.yaml" in out, out)
    code, out, names = repo.commit("--update", ".")
    check("new files that are not staged fail, with what to do", code != 0 and "`git add clusters/one`" in out, out)
    code, out, names = repo.commit("clusters/one")
    check("the rendering is committed once it is staged", code == 0 and names == ["one"], out)
    status = repo.run("git", "status", "--porcelain").stdout
    check("nothing is left over", status == "", status)

    repo.append("clusters/one/cluster.yaml", REGISTRY)
    repo.run("fluxwright", "render", "one")
    repo.commit("clusters/one")
    there = (repo.root / "clusters/one/registries").exists()
    repo.write("clusters/one/cluster.yaml", INTENT.format(name="one") + PORT)
    code, out, names = repo.commit("clusters/one/cluster.yaml")
    gone = there and not (repo.root / "clusters/one/registries").exists()
    check("a file that is rendered no longer is deleted, and the commit fails", code != 0 and gone, out)
    code, out, names = repo.commit("clusters/one")
    check("the deletion is committed once it is staged", code == 0 and names == ["one"], out)

    repo.write("--help", "a file\n")
    repo.append("clusters/two/cluster.yaml", "  exposedPort: []\n")
    repo.run("git", "add", "--", "--help")
    code, out, names = repo.commit("clusters/two/cluster.yaml")
    check("a file that is called as an option is a file", code != 0 and "error[unknown-field]" in out, out)
    repo.run("git", "rm", "--quiet", "--force", "--", "--help")
    code, out, names = repo.commit("clusters/two/cluster.yaml")
    check("an invalid intent fails, with its code", code != 0 and "error[unknown-field]" in out and "one" not in names, out)
    repo.append("clusters/one/cluster.yaml", "# a comment\n")
    repo.run("git", "reset", "--quiet")
    code, out, names = repo.commit("clusters/one/cluster.yaml")
    check("a fault that is not part of the commit does not stop it", code == 0 and names == ["one"], out)
    check("what was not staged is still there", "exposedPort: []" in repo.read("clusters/two/cluster.yaml"))
    repo.reset()

    repo.append("clusters/one/HANDOVER.md", "by hand\n")
    code, out, names = repo.commit("clusters/one/HANDOVER.md")
    check("a file that was changed by hand fails", code != 0 and "error[hand-edited-file]" in out, out)
    repo.reset()

    repo.run("git", "rm", "--quiet", "clusters/two/flux/bootstrap.yaml")
    code, out, names = repo.commit()
    check("a commit that only deletes looks at every cluster", names == ["one", "two"], out)
    check("a rendered file that is deleted fails", code != 0 and "created clusters/two/flux/bootstrap.yaml" in out, out)
    repo.reset()

    repo.write("plugins/modules/shop/plugin.yaml", "not a plugin\n")
    code, out, names = repo.commit("plugins")
    check("a plugin that is not valid fails", code != 0 and "error[plugin-invalid]" in out, out)
    shutil.rmtree(repo.root / "plugins")
    repo.run("git", "reset", "--quiet")
    repo.run("fluxwright", "modules", "new", "shop")
    code, out, names = repo.commit("plugins")
    check("a changed plugin looks at every cluster", code == 0 and names == ["one", "two"], out)

    repo.run("git", "mv", "clusters/two", "clusters/three")
    repo.write("clusters/three/cluster.yaml", repo.read("clusters/three/cluster.yaml").replace("two", "three"))
    code, out, names = repo.commit("clusters/three")
    check("a renamed cluster is rendered under its new name", code != 0 and "three: " in out and not names, out)
    repo.run("fluxwright", "render", "three", fails=True)
    code, out, names = repo.commit("--all")
    check("the renamed cluster is committed", code == 0 and "three: " in out, out)

    page = (ROOT / "docs/pre-commit.md").read_text()
    [local] = [block.split("```")[0] for block in page.split("```yaml\n")[1:] if "repo: local" in block.split("```")[0]]
    repo.write("../local.yaml", local)
    done = repo.run("pre-commit", "run", "--all-files", "--verbose", "--config", "../local.yaml", fails=True)
    check("the configuration without a copy of ours works", done.returncode == 0 and "one: 0 created" in done.stdout,
          done.stdout)
    done = repo.run("pre-commit", "run", "--all-files", fails=True)
    check("pre-commit run --all-files passes at the end", done.returncode == 0 and "one: " in done.stdout, done.stdout)


def rust(repo):
    """What pre-commit compiled is what runs: its own program, since no other is on the PATH."""
    repo.append("clusters/one/cluster.yaml", PORT)
    code, out, names = repo.commit("clusters/one/cluster.yaml")
    check("language rust: a stale rendering fails", code != 0 and names == ["one"] and "created clusters/one/" in out, out)
    code, out, names = repo.commit("clusters/one")
    check("language rust: the staged rendering passes", code == 0 and names == ["one"], out)


def main(fluxwright, pre_commit, target):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("bin", "home", "system", "rust"):
            (folder / name).mkdir()
        (folder / "bin/fluxwright").symlink_to(pathlib.Path(fluxwright).resolve())
        (folder / "bin/pre-commit").symlink_to(pathlib.Path(pre_commit).absolute())
        cargo = shutil.which("cargo")
        environment = {
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
            "HOME": str(folder / "home"), "GIT_CONFIG_NOSYSTEM": "1", "PRE_COMMIT_HOME": str(folder / "store"),
            "CARGO_HOME": os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo")),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
            "CARGO_TARGET_DIR": str(pathlib.Path(target).resolve()),
        }
        assert cargo, "cargo is not on the PATH"
        source = folder / "source"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True, stdin=subprocess.DEVNULL)
        for language in ("system", "rust"):
            suffix = "-system" if language == "system" else ""
            hooks = [f"fluxwright-render{suffix}", f"fluxwright-check{suffix}"]
            repo = Scratch(folder / language, hooks, environment, source)
            if language == "rust":
                done = repo.run("pre-commit", "install-hooks", fails=True)
                check("language rust: pre-commit installs the program", done.returncode == 0, done.stdout)
                (folder / "bin/fluxwright").unlink()
                rust(repo)
            else:
                scenarios(repo)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
