"""CPU time of fluxwright on fleets, against cp and git on the same files and in one run.

    bench_fleet.py <fluxwright> [rounds] [clusters ...]

A fleet is the production cluster of the example, many times in one repository. Everything lies in /dev/shm, where creating
files costs the same each time, and each command runs once unmeasured before it is measured. A number is the median
user+sys time of one process with its children. Only ratios of one run have goals. Exits 1 when a goal of the largest
fleet is missed.
"""

import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench_table import Table

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/cluster-repo/clusters/prod"
FLEETS = (1, 100, 1000)
# What must hold, as shares of the peer, seconds above the start of the process, and bytes.
RENDER = 2.0
NO_OP = 1.0
CHANGED = 0.050
COMMIT = 1.0
PACK = 0.3
MEMORY = 200 << 20
ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    # What git does in the background after a commit belongs to no measurement.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "maintenance.auto",
    "GIT_CONFIG_VALUE_0": "false",
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "bench"), ("EMAIL", "bench@example.com"))},
}


def fleet(root, clusters):
    """Copies the inputs of the production cluster, each time under another name."""
    for number in range(clusters):
        name = f"prod-{number:04}"
        target = root / "clusters" / name
        target.mkdir(parents=True)
        intent = (EXAMPLE / "cluster.yaml").read_text()
        (target / "cluster.yaml").write_text(re.sub(r"(?m)^  name: prod$", f"  name: {name}", intent))
        for file in EXAMPLE.rglob("*"):
            if file.suffix == ".pem" or file.name.endswith(".sops.yaml"):
                (target / file.relative_to(EXAMPLE)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / file.relative_to(EXAMPLE))


def run(command, cwd):
    """CPU seconds and peak bytes of one command with its children."""
    with open(os.devnull, "r+b") as null:
        child = subprocess.Popen(command, cwd=cwd, env=ENVIRONMENT, stdin=null, stdout=null, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} exits {child.returncode}: {said.decode()[-500:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def medians(rounds, cwd, **commands):
    """Median CPU of interleaved rounds. A command may be a function that prepares and gives the arguments."""
    taken = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            cpu, _ = run(command() if callable(command) else command, cwd)
            if turn:
                taken[name].append(cpu)
    return {name: statistics.median(values) for name, values in taken.items()}


class Shares(Table):
    def ratio(self, name, ours, peer, goal):
        self.row(name, ours, peer, f"{ours / peer:.2f}x", f"<= {goal:g}x", ours <= goal * peer)


def bench(work, fluxwright, clusters, rounds):
    repo = work / f"fleet-{clusters}"
    fleet(repo, clusters)
    subprocess.run(["git", "init", "-q", "-b", "main", repo], check=True, env=ENVIRONMENT)
    run([fluxwright, "--repo", repo, "-q", "render"], repo)
    files = sum(len(names) for where, _, names in os.walk(repo) if ".git" not in where)
    table = Shares(f"{clusters} clusters, {files} files", "peer")
    few = max(3, rounds // 4) if clusters > 100 else rounds

    fresh = iter(range(1 << 30))

    def into(*command):
        def prepare():
            for old in work.glob("out-*"):
                shutil.rmtree(old)
            return [*command, work / f"out-{next(fresh)}"]

        return prepare

    found = medians(
        few,
        work,
        ours=into(fluxwright, "--repo", repo, "-q", "render", "--out"),
        peer=into("cp", "-r", repo / "clusters"),
    )
    table.ratio("render to an empty directory, cp -r", found["ours"], found["peer"], RENDER)
    _, peak = run(into(fluxwright, "--repo", repo, "-q", "render", "--out")(), work)
    table.row("peak memory of it, in MB", peak / 1e9, None, f"{peak / 1e6:.0f} MB", f"<= {MEMORY / 1e6:.0f} MB", peak <= MEMORY)

    def unborn(kind):
        def prepare():
            copy = work / "unborn"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(repo, copy)
            if kind == "git":
                return ["sh", "-c", f"cd {copy} && git add -A && git commit -qm first"]
            return [fluxwright, "--repo", copy, "-q", "commit"]

        return prepare

    # What a commit costs above rendering, which git does not do.
    first = medians(
        few, work, ours=unborn("ours"), peer=unborn("git"), start=[fluxwright, "--repo", repo, "-q", "check", "-o", "json"]
    )
    table.ratio("first commit, git add -A && git commit", first["ours"], first["peer"], COMMIT)
    table.ratio("the same without rendering", max(first["ours"] - first["start"], 0), first["peer"], PACK)

    run([fluxwright, "--repo", repo, "-q", "commit"], repo)
    run(["git", "status", "--short"], repo)
    found = medians(
        rounds,
        repo,
        ours=[fluxwright, "--repo", repo, "diff"],
        peer=["git", "status", "--short"],
        start=[fluxwright, "--version"],
    )
    table.ratio("diff without a change, git status", found["ours"], found["peer"], NO_OP)

    changed = repo / f"clusters/prod-{clusters // 2:04}/cluster.yaml"
    text = changed.read_text()
    changed.write_text(text.replace("infra: 3", "infra: 4"))
    found = medians(
        rounds,
        repo,
        ours=[fluxwright, "--repo", repo, "check", "--changed-since", "HEAD"],
        start=[fluxwright, "--version"],
    )
    changed.write_text(text)
    above = found["ours"] - found["start"]
    table.row("check --changed-since, one line", found["ours"], found["start"], f"+{above * 1000:.0f} ms", f"<= +{CHANGED * 1000:.0f} ms", above <= CHANGED)
    shutil.rmtree(repo)
    return table.missed


def main(fluxwright, rounds, fleets):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    missed = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as work:
        for clusters in fleets:
            missed = bench(pathlib.Path(work), fluxwright, clusters, rounds)
    for name in missed:
        print(f"bench: the goal of `{name}` is missed")
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    numbers = [int(text) for text in sys.argv[2:]]
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), numbers[0] if numbers else 11, numbers[1:] or FLEETS))
