"""CPU time of `fluxwright check` against a `kustomize build` of one small overlay.

    bench.py <fluxwright> [rounds]

Installs the programs it needs with tools.sh. Interleaved rounds after a warm-up; the numbers are the median
user+sys time of one process. Exits 1 only if fluxwright does not need less CPU than `kubectl kustomize`.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
TOOLS = pathlib.Path(os.environ.get("FLUXWRIGHT_TOOLS") or f"{CACHE}/fluxwright-ci")
OVERLAY = {
    "base/kustomization.yaml": "resources: [app.yaml]\n",
    "base/app.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
        - {name: app, image: registry.example/app:1.0, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: 8080}]
""",
    "overlay/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
    "overlay/patch.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 3
  template: {spec: {containers: [{name: app, resources: {requests: {cpu: 100m}}}]}}
""",
}


def cpu_seconds(command):
    with open(os.devnull, "r+b") as null:
        child = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} exits {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def main(fluxwright, rounds):
    subprocess.run([HERE / "tools.sh", "kustomize", "kubectl"], check=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as work:
        work = pathlib.Path(work)
        repo = work / "cluster-repo"
        shutil.copytree(HERE.parent / "examples/cluster-repo", repo)
        subprocess.run(["git", "init", "-q", repo], check=True)
        for name, text in OVERLAY.items():
            (work / name).parent.mkdir(exist_ok=True)
            (work / name).write_text(text)
        commands = {
            "fluxwright check prod": [fluxwright, "--repo", repo, "check", "prod"],
            "kustomize build": [TOOLS / "bin/kustomize", "build", work / "overlay"],
            "kubectl kustomize": [TOOLS / "bin/kubectl", "kustomize", work / "overlay"],
        }
        times = {name: [] for name in commands}
        for turn in range(rounds + 2):
            for name, command in commands.items():
                taken = cpu_seconds(command)
                if turn >= 2:  # the first two warm the caches
                    times[name].append(taken)
    median = {name: statistics.median(taken) for name, taken in times.items()}
    ours = median["fluxwright check prod"]
    print(f"\n{'median CPU of ' + str(rounds) + ' rounds':<28}{'ms':>8}{'min':>8}{'max':>8}{'ratio':>8}")
    for name, taken in times.items():
        numbers = "".join(f"{value * 1000:8.1f}" for value in (median[name], min(taken), max(taken)))
        print(f"{name:<28}{numbers}{median[name] / ours:8.2f}")
    if ours >= median["kubectl kustomize"]:
        print("bench: fluxwright does not need less CPU than kubectl kustomize")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) == 3 else 21))
