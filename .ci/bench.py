"""CPU time of fluxwright against real kustomize, on the same files and in one run.

    bench.py <fluxwright> [rounds]

Two parts: `fluxwright check` against one small build, and `fluxwright build` against `kustomize build` on generated
repositories. Installs the programs it needs with tools.sh. A number is the median user+sys time of one process over
interleaved rounds; each command runs once unmeasured just before it is measured, because an idle cache goes cold within
seconds. Times of one machine mean nothing on another one, so only ratios of one run have goals. Exits 1 when a goal is
missed.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench_table import Table

HERE = pathlib.Path(__file__).resolve().parent
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
TOOLS = pathlib.Path(os.environ.get("FLUXWRIGHT_TOOLS") or f"{CACHE}/fluxwright-ci")
# Overlays of the 31 objects; the largest number takes kustomize minutes, so a sample of them is measured there.
OVERLAYS = (1, 10, 100, 1000)
SAMPLE = 10
SIZES = (310, 1550, 3100)
CRD_BYTES = 3_500_000
# What must hold: the share of kustomize's CPU time at most, and two that are no shares.
ONE_OVERLAY = 1 / 10
ALL_OVERLAYS = 1 / 20
EACH_OVERLAY = 0.005
LARGEST = 1 / 30
CRDS = 1 / 9
# Cost that grows as the objects do, with some room for the start of the program and for noise.
LINEAR = 1.3
SMALL = {
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
# Ten of them and a Namespace are the 31 objects of the base.
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{n}
  labels:
    app: app-{n}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-{n}
  template:
    metadata:
      labels:
        app: app-{n}
    spec:
      serviceAccountName: default
      containers:
      - name: app
        image: registry.example/app:1.{n}
        ports:
        - name: http
          containerPort: 8080
        envFrom:
        - configMapRef:
            name: app-{n}
        - configMapRef:
            name: settings
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
        readinessProbe:
          httpGet:
            path: /ready
            port: http
---
apiVersion: v1
kind: Service
metadata:
  name: app-{n}
spec:
  selector:
    app: app-{n}
  ports:
  - name: http
    port: 80
    targetPort: http
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: app-{n}
data:
  LOG_LEVEL: info
  ENDPOINT: http://app-{n}.shop.svc:80
"""
OVERLAY = """\
resources:
- ../../base
namespace: shop-{n}
namePrefix: o{n}-
configMapGenerator:
- name: settings
  literals:
  - STAGE=stage-{n}
  - REGION=eu
patches:
- path: merge.yaml
- target:
    kind: Service
    name: app-1
  patch: |
    - op: replace
      path: /spec/ports/0/port
      value: 8080
"""
MERGE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-0
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: app
        resources:
          limits:
            memory: 256Mi
"""


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def apps(count):
    return "---\n".join(APP.format(n=n) for n in range(count))


def overlays(root, count):
    files = {
        "base/kustomization.yaml": "resources: [namespace.yaml, apps.yaml]\n",
        "base/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        "base/apps.yaml": apps(10),
    }
    for n in range(count):
        files[f"overlays/o{n}/kustomization.yaml"] = OVERLAY.format(n=n)
        files[f"overlays/o{n}/merge.yaml"] = MERGE
    write(root, files)
    return [root / f"overlays/o{n}" for n in range(count)]


def one_kustomization(root, objects):
    """A single kustomization with this number of objects, the generated one among them."""
    groups = (objects - 1) // 3
    rest = "".join(
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more-{n}}}\n" for n in range(objects - 1 - 3 * groups)
    )
    # Without a prefix: with one, kustomize takes a minute and a half for the largest.
    kustomization = OVERLAY.format(n=0).replace("../../base", "objects.yaml").replace("namePrefix: o0-\n", "")
    write(root, {"kustomization.yaml": kustomization, "objects.yaml": apps(groups) + rest, "merge.yaml": MERGE})
    return root


def crds(root):
    """CRDs as generators of controllers write them: deep schemas with long descriptions."""

    def schema(depth):
        leaf = {"type": "string", "description": "The value that the controller reads. " * 4, "maxLength": 253}
        if depth == 0:
            return leaf
        below = {f"field{n}": schema(depth - 1) for n in range(5)}
        return {"type": "object", "description": "A part of the configuration. " * 6, "properties": below}

    names, size = [], 0
    while size < CRD_BYTES:
        n = len(names)
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"kinds{n}.example.io"},
            "spec": {
                "group": "example.io",
                "names": {"kind": f"Kind{n}", "plural": f"kinds{n}"},
                "scope": "Namespaced",
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema(4)}}],
            },
        }
        text = blocks(crd)
        write(root, {f"crd{n}.yaml": text})
        names.append(f"crd{n}.yaml")
        size += len(text)
    write(root, {"kustomization.yaml": f"resources: {json.dumps(names)}\ncommonAnnotations: {{note: x}}\n"})
    return root


def blocks(value, indent=""):
    """YAML of maps, lists of maps and plain values, in blocks."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines.append(f"{indent}{key}:\n{blocks(inner, indent + '  ')}")
        elif isinstance(inner, list):
            items = "".join(f"{indent}- {blocks(item, indent + '  ').lstrip()}" for item in inner)
            lines.append(f"{indent}{key}:\n{items}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(inner)}\n")
    return "".join(lines)


def cpu_seconds(command):
    with open(os.devnull, "r+b") as null:
        child = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command[:4]))} exits {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure(commands, rounds):
    """Medians of interleaved rounds; every command is warm when it is measured."""
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            cpu_seconds(command)
            times[name].append(cpu_seconds(command))
    return times


def check(work, fluxwright, rounds):
    repo = work / "cluster-repo"
    shutil.copytree(HERE.parent / "examples/cluster-repo", repo)
    subprocess.run(["git", "init", "-q", repo], check=True)
    write(work, SMALL)
    commands = {
        "fluxwright check prod": [fluxwright, "--repo", repo, "check", "prod"],
        "kustomize build": [TOOLS / "bin/kustomize", "build", work / "overlay"],
        "kubectl kustomize": [TOOLS / "bin/kubectl", "kustomize", work / "overlay"],
    }
    times = measure(commands, rounds)
    median = {name: statistics.median(taken) for name, taken in times.items()}
    ours = median["fluxwright check prod"]
    print(f"\n{'median CPU of ' + str(rounds) + ' rounds':<28}{'ms':>8}{'min':>8}{'max':>8}{'ratio':>8}")
    for name, taken in times.items():
        numbers = "".join(f"{value * 1000:8.1f}" for value in (median[name], min(taken), max(taken)))
        print(f"{name:<28}{numbers}{median[name] / ours:8.2f}")
    if ours >= median["kubectl kustomize"]:
        print("bench: fluxwright does not need less CPU than kubectl kustomize")
        return False
    return True


class Builds(Table):
    def ratio(self, name, ours, real, goal):
        wanted = f"<= 1/{1 / goal:.0f}" if goal else ""
        self.row(name, ours, real, f"1/{real / ours:.1f}", wanted, not goal or ours <= real * goal)


def builds(work, fluxwright, rounds):
    kustomize, table = TOOLS / "bin/kustomize", Builds("CPU of one process", "kustomize")
    few = max(3, rounds // 7)
    each = None
    for count in OVERLAYS:
        directories = overlays(work / f"overlays-{count}", count)
        sample = directories[:: max(1, count // SAMPLE)][:SAMPLE]
        commands = {"ours": [fluxwright, "build", *directories]}
        commands |= {one.name: [kustomize, "build", one] for one in sample}
        times = {name: statistics.median(taken) for name, taken in measure(commands, rounds if count == 1 else few).items()}
        ours = times.pop("ours")
        # kustomize builds one directory in one process, so many of them cost as many processes.
        real = statistics.mean(times.values()) * count
        goals = {1: ONE_OVERLAY, 1000: ALL_OVERLAYS}
        table.ratio(f"{count} overlays of 31 objects", ours, real, goals.get(count))
        each = ours / count
    table.row("one of the 1000 overlays", each, None, f"{each * 1000:.2f} ms", f"<= {EACH_OVERLAY * 1000:.0f} ms", each <= EACH_OVERLAY)
    costs = {}
    for size in SIZES:
        root = one_kustomization(work / f"objects-{size}", size)
        ours = measure({"ours": [fluxwright, "build", root]}, few)["ours"]
        # Once is enough where kustomize takes a minute; ours is measured on both sides of it.
        real = statistics.median(cpu_seconds([kustomize, "build", root]) for _ in range(3 if size < 1000 else 1))
        ours = statistics.median(ours + measure({"ours": [fluxwright, "build", root]}, few)["ours"])
        costs[size] = ours
        table.ratio(f"{size} objects in one kustomization", ours, real, LARGEST if size == SIZES[-1] else None)
    first, last = SIZES[0], SIZES[-1]
    growth = (costs[last] / costs[first]) / (last / first)
    table.row("growth of the cost over the objects", costs[last], None, f"{growth:.2f}", f"<= {LINEAR}", growth <= LINEAR)
    root = crds(work / "crds")
    commands = {"ours": [fluxwright, "build", root], "real": [kustomize, "build", root]}
    times = {name: statistics.median(taken) for name, taken in measure(commands, few).items()}
    table.ratio(f"{CRD_BYTES / 1e6} MB of CRDs", times["ours"], times["real"], CRDS)
    for name in table.missed:
        print(f"bench: the goal of `{name}` is missed")
    return not table.missed


def main(fluxwright, rounds):
    subprocess.run([HERE / "tools.sh", "kustomize", "kubectl"], check=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as work:
        work = pathlib.Path(work)
        good = check(work, fluxwright, rounds)
        return 0 if builds(work, fluxwright, rounds) and good else 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) == 3 else 21))
