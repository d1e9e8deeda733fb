#!/usr/bin/env python3
"""`fluxwright build --flux` against the libraries of kustomize-controller, object for object.

    check_flux.py <fluxwright> <test data> <oracle> [first seed [rounds]]

Golden files of `flux build kustomization`, and Kustomizations made at random: values of YAML 1.1 in every place and with
every operator, and small trees with patches, images, components, prefixes, labels and variables. Each round is one
repository with many Kustomizations, built by one run of fluxwright; the oracle (tests/oracle) answers for each of them. What
is refused by name counts as refused. Last line: `N passed, M failed`.
"""

import base64
import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import yaml

ROUNDS = 6
CASES = 60
NAMESPACE = "flux-system"
VALUES = """yes No ON y ~ null 1e3 012 0o17 0x1f 0X1F 0b1 1_000 12:30 2024-01-01 .5 5. +1 -1 .inf -.INF .NaN = << - ... {a: 1}
[a] *a &a !a %a @a `a | > 1.0e+21 0 -0 08 1__0 _1 0x 9007199254740993 9223372036854775808 18446744073709551616 a:b ? -a tRUE
True nO 1.e5 it's "x" \\ ' é 日本 😀 x,y a/b/c a.b.c aaa A.tar.gz foobar Éa éA ßx $a $$ ${a} #x a#b []a][ 0.1 100000000000000000000
1.50 0644 -0o7 -0b1 +0x1F 1e999 .5e3 1.5e-7 -.5 ~x nullx 2001-12-14t21:59:43.10-05:00 2001-1-1 1:60""".split()
VALUES += ["", " ", " a", "a ", "a: b", "a #b", "- a", "a\nb", "\n", "\t", "word " * 30, "k: {x: [1, 2]}", "a, b", "x\x01", "é" * 40, "\\/"]
NAMES = ["a", "b", "c_1", "_d", "empty", "gone", "also_gone", "LONG"]
PATTERNS = ["a", "*", "?", "a*", "*a", "[a-c]", "[^a]*", "*.", ".*", "\\a", "[", "[]", "é", "??", "*b*", "[a", "a\\", "[é-ü]", "", "/", "o*b"]
KINDS = [("example.com/v1", "Thing"), ("v1", "ConfigMap"), ("v1", "Service"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob")]

passed = failed = 0
refused = collections.Counter()


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED: {what}\n{detail}"[:20000])


def expression(rng, depth=0):
    """One `${...}`, right or wrong."""

    def inner(empty=True):
        if depth < 3 and rng.random() < 0.25:
            return expression(rng, depth + 1)
        return rng.choice(["x", "1", "a b", "é", "-", ":", "$", "$$", "\\", "/", "#", "yes", "0", "q: r", "{", *([""] if empty else [])])

    name = rng.choice(NAMES)
    kind = rng.randrange(13)
    if kind < 4:
        return "${" + name + "}"
    if kind == 4:
        return "${" + name + rng.choice([":=", ":-", "=", ":+", ":?", "-", "+", "?"]) + inner() + inner() + "}"
    if kind == 5:
        return "${" + name + rng.choice(["^", "^^", ",", ",,", "^,", ",^"]) + "}"
    if kind == 6:
        return "${" + name + rng.choice(["#", "##", "%", "%%"]) + rng.choice([rng.choice(PATTERNS), inner()]) + "}"
    if kind == 7:
        return "${" + name + ":" + rng.choice(["0", "1", "-1", "-3", "100", "x", " 1", "+1", inner()]) + rng.choice(["", ":1", ":-1", ":0", ":100", "::2", ":x", ":"]) + "}"
    if kind in (8, 9):
        return "${" + name + rng.choice(["/", "//", "/#", "/%"]) + rng.choice([*"aobx.é", "\\/", "a\\\\", "$$", "", inner()]) + rng.choice(["/", "//", ""]) + rng.choice(["", "x", "é", "\\/", inner()]) + "}"
    if kind == 10:
        return "${#" + name + "}"
    if kind == 11:
        return rng.choice(["$" + name, "$$", "$${" + name + "}", "$$${" + name + "}", "${}", "${", "${" + name, "$", "$$$", "${1x}", "${é}", "${" + name + "!}", "${ " + name + "}"])
    return "${" + name + ":-" + rng.choice(["d", "4", "true", "[1]", "{x: y}", ""]) + "}"


def text(rng):
    parts = [rng.choice(["", "", "a", "x: ", "/", "-", " ", "word " * 20, "'", '"', "\n", "1", ".", "é", "#", " # "]) if rng.random() < 0.6 else expression(rng) for _ in range(rng.randint(1, 4))]
    return expression(rng) if rng.random() < 0.3 else "".join(parts)


def value(rng, depth=0):
    if depth < 2 and rng.random() < 0.2:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    if depth < 2 and rng.random() < 0.2:
        return {rng.choice(["k", "l", "m", text(rng)]): value(rng, depth + 1) for _ in range(rng.randint(0, 3))}
    return text(rng) if rng.random() < 0.8 else rng.choice([1, True, None, 1.5, 9007199254740993, "plain", "012"])


def named(number, rng, api, kind):
    body = {"apiVersion": api, "kind": kind, "metadata": {"name": f"n{number}-{rng.choice('ab')}"}}
    if rng.random() < 0.3:
        body["metadata"]["namespace"] = rng.choice(["one", "two"])
    if rng.random() < 0.3:
        body["metadata"]["labels"] = {"app": rng.choice(["web", "db"])}
    return body


def workload(number, rng):
    api, kind = rng.choice(KINDS)
    body = named(number, rng, api, kind)
    pod = {"containers": [{"name": "main", "image": rng.choice(["nginx", "nginx:1.0", "reg.example/app@sha256:" + "0" * 64, "app:${b:-2}"]), "ports": [{"containerPort": 80}]}]}
    if kind == "Thing":
        body["spec"] = {"v": rng.choice(["x", "${a:-y}", 5]), "list": [1, {"a": "b"}], "image": "nginx"}
        body["status"] = {"x": 1}
    elif kind == "ConfigMap":
        body["data"] = {"k": rng.choice(["x", "a\nb\n", "${LONG:-z}"])}
    elif kind == "Service":
        body["spec"] = {"ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}], "selector": {"app": "web"}}
    elif kind == "Deployment":
        body["spec"] = {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}}
    else:
        body["spec"] = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}}}
    return body


def variables(rng):
    """Values in place, ConfigMaps and Secrets."""
    values = {name: rng.choice(VALUES) for name in NAMES[:4] if rng.random() < 0.8}
    values.update({"empty": "", "LONG": "x" * 20 + " " + rng.choice(VALUES)})
    places = [{}, {}, {}]
    for name, one in values.items():
        rng.choice(places)[name] = one
        if rng.random() < 0.2:
            rng.choice(places)[name] = rng.choice(VALUES)
    return places


def kustomization(index, rng, spec):
    post = {}
    inline, from_map, from_secret = variables(rng)
    if inline:
        post["substitute"] = inline
    post["substituteFrom"] = [{"kind": "ConfigMap", "name": f"map-{index}"}, {"kind": "Secret", "name": f"secret-{index}"}]
    rng.shuffle(post["substituteFrom"])
    if rng.random() < 0.3:
        post["substituteFrom"].append({"kind": "Secret", "name": "nowhere", "optional": True})
        rng.shuffle(post["substituteFrom"])
    if rng.random() < 0.2:
        post["substituteStrategy"] = "Always"
    if rng.random() < 0.9:
        spec["postBuild"] = post
    one = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": f"case-{index}", "namespace": NAMESPACE},
        "spec": {"interval": "1m", "prune": True, "path": f"./case-{index}", "sourceRef": {"kind": "GitRepository", "name": NAMESPACE}, **spec},
    }
    return one, from_map, from_secret


def scalars(index, rng):
    """Texts with variables in every place of an object."""
    body = named(0, rng, "example.com/v1", "Thing")
    body["spec"] = {"x": value(rng), "y": text(rng)}
    if rng.random() < 0.1:
        body["metadata"]["name"] = "n-" + rng.choice(["${a}", "${c_1:-d}"])
    if rng.random() < 0.1:
        key = rng.choice(["labels", "annotations"])
        body["metadata"][key] = {"kustomize.toolkit.fluxcd.io/substitute": rng.choice(["disabled", "Disabled", "enabled"])}
    files = {f"case-{index}/thing.yaml": json.dumps(body, ensure_ascii=False)}
    return files, *kustomization(index, rng, {})


def tree(index, rng):
    """A small repository."""
    top = f"case-{index}"
    bodies = [workload(number, rng) for number in range(rng.randint(0, 4))]
    files = {f"{top}/d{number % 2}/f{number}.yaml": yaml.safe_dump(body) for number, body in enumerate(bodies)}
    files[f"{top}/notes.txt"] = "nothing"
    spec = {}
    if rng.random() < 0.5 and bodies:
        own = {"resources": [path.removeprefix(top + "/") for path in files if path.endswith(".yaml")]}
        if rng.random() < 0.3:
            own["namespace"] = "own"
        if rng.random() < 0.4:
            own["images"] = [dict([("name", "nginx"), rng.choice([("newTag", "2.0"), ("newName", "reg.example/x"), ("digest", "sha256:" + "1" * 64)])])]
        if rng.random() < 0.2:
            own["unheardOf"] = 1
        if rng.random() < 0.3:
            own["patches"] = [{"patch": json.dumps([{"op": "add", "path": "/metadata/annotations", "value": {"p": "${a:-1}"}}]), "target": {"kind": rng.choice(["Thing", "Service"])}}]
        files[f"{top}/{rng.choice(['kustomization.yaml', 'kustomization.yml', 'Kustomization'])}"] = yaml.safe_dump(own)
    elif rng.random() < 0.3:
        files[f"{top}/d1/kustomization.yaml"] = yaml.safe_dump({"resources": [f"f{n}.yaml" for n in range(1, len(bodies), 2)], "namespace": "inner"})
    if rng.random() < 0.3:
        files[f"{top}/part/kustomization.yaml"] = yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": [{"name": "app", "newTag": "9"}], "namespace": "part"})
        spec["components"] = ["part"]
        if not any(path.endswith("ization.yaml") or path.endswith("ization.yml") or path.endswith("Kustomization") for path in files if path.count("/") == 1):
            files.pop(f"{top}/part/kustomization.yaml")
            files[f"{top}-part/kustomization.yaml"] = yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "namespace": "part"})
            spec["components"] = [f"../{top}-part"]
    if rng.random() < 0.2:
        spec["components"] = spec.get("components", []) + ["gone"]
        spec["ignoreMissingComponents"] = rng.random() < 0.7
    if rng.random() < 0.4:
        spec["targetNamespace"] = "target"
    if rng.random() < 0.3:
        spec["namePrefix"] = "pre-"
    if rng.random() < 0.3:
        spec["nameSuffix"] = "-suf"
    if rng.random() < 0.4:
        spec["images"] = [dict([("name", "nginx"), rng.choice([("newTag", "3.0"), ("newName", "reg.example/y"), ("digest", "sha256:" + "2" * 64)])])]
    if rng.random() < 0.4:
        spec["commonMetadata"] = {"labels": {"team": "x", "app": "over"}, "annotations": {"note": "y"}}
    if rng.random() < 0.4:
        target = rng.choice([{"kind": "Deployment"}, {"kind": "Thing", "name": "n.*"}, {"labelSelector": "app=web"}, {"kind": "(Service|ConfigMap)", "namespace": "one"}])
        spec["patches"] = [{"patch": yaml.safe_dump([{"op": "add", "path": "/metadata/annotations", "value": {"x": "${a:-n}"}}]), "target": target}]
    return files, *kustomization(index, rng, spec)


def clean(body):
    """What an object says: without the zero values that the types of Go add."""
    if isinstance(body, dict):
        out = {key: clean(one) for key, one in body.items() if key != "creationTimestamp"}
        return {key: one for key, one in out.items() if one is not None and one != {} and (key, one) != ("targetPort", 0)}
    if isinstance(body, list):
        return [clean(one) for one in body]
    if isinstance(body, (int, float)) and not isinstance(body, bool):
        return float(body)
    return body


def load(text):
    """Objects of a stream as YAML 1.1 of Go reads them: what fluxwright prints means the same to every reader."""
    return [one for one in yaml.load_all(text, Loader=Plain) if one]


class Plain(yaml.CSafeLoader):
    pass


# PyYAML reads some floats as texts, dates as dates, and gives `=` and `<<` a meaning.
Plain.yaml_implicit_resolvers = {first: [one for one in all_of if one[0] not in ("tag:yaml.org,2002:" + name for name in ("timestamp", "float", "value", "merge"))] for first, all_of in yaml.CSafeLoader.yaml_implicit_resolvers.items()}
Plain.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), list("-+.0123456789"))


def write(root, files):
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def ask(oracle, cases):
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([oracle], input=lines, capture_output=True, text=True, timeout=1200, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(program, oracle, seed):
    rng = random.Random(seed)
    strict = rng.random() < 0.6
    cases, files, entry = [], {}, []
    for index in range(CASES):
        made, flux, from_map, from_secret = rng.choice([scalars, tree])(index, rng)
        secret = {key: base64.b64encode(one.encode()).decode() for key, one in from_secret.items()}
        maps = {f"map-{index}": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"map-{index}", "namespace": NAMESPACE}, "data": from_map}}
        secrets = {f"secret-{index}": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"secret-{index}", "namespace": NAMESPACE}, "data": secret}}
        cases.append({"files": made, "kustomization": flux, "configMaps": maps, "secrets": secrets, "strict": strict})
        files.update(made)
        entry += [flux, *maps.values(), *secrets.values()]
    files["clusters/one/all.yaml"] = "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in entry)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        write(scratch / "repo", files)
        (scratch / "out").mkdir()
        version = "2.9" if strict else "2.8"
        command = [program, "--repo", scratch / "repo", "build", "--flux", scratch / "repo/clusters/one", "-o", scratch / "out", "--flux-version", version]
        ours = subprocess.run(command, capture_output=True, text=True, timeout=600)
        for index, (case, real) in enumerate(zip(cases, ask(oracle, cases))):
            printed = scratch / f"out/{NAMESPACE}_case-{index}.yaml"
            said = [line for line in ours.stderr.splitlines() if f"{NAMESPACE}/case-{index} " in line or f"{NAMESPACE}/case-{index}:" in line]
            errors = [line for line in said if line.startswith("error")]
            if errors and (named := re.search(r"`([^`]+)` is not supported", errors[0])):
                refused[re.sub(r"\[\d+\]", "", named[1])] += 1
                continue
            if any(line.startswith("warning") for line in said):
                refused["optional values"] += 1
                continue
            detail = f"{json.dumps(case, ensure_ascii=False)}\nreal: {json.dumps(real, ensure_ascii=False)}\nours: {printed.read_text() if printed.exists() else said or ours.stderr[-300:]}"
            if errors and "error" not in real and "cannot be read as YAML" in errors[0]:
                # A quote that is never closed on its line: our reader wants the next line deeper, Go's takes it as it is.
                refused["open quotes"] += 1
                continue
            if not errors and "alphabetic or numeric character" in real.get("error", ""):
                # The name of an anchor: YAML 1.2 lets it have more characters.
                refused["odd anchors"] += 1
                continue
            if "error" in real:
                check(f"seed {seed}, case {index} is an error", errors, detail)
            elif not printed.exists():
                check(f"seed {seed}, case {index} is built", False, detail)
            else:
                check(f"seed {seed}, case {index}", clean(load(printed.read_text())) == clean(real.get("objects", [])), detail)


GOLDEN = {
    "podinfo": ("podinfo-result.yaml", None),
    "delete-service": ("podinfo-without-service-result.yaml", None),
    "var-substitution": ("podinfo-with-var-substitution-result.yaml", None),
    "ignore": ("podinfo-with-ignore-result.yaml", "!configmap.yaml\n!secret.yaml\n"),
    "podinfo-with-my-app": ("podinfo-with-my-app-result.yaml", None),
}


def golden(program, data):
    """The golden files of `flux build kustomization`, which shows `stringData` as it is and encrypted Secrets anyway."""
    data = data / "data/flux-build"
    for directory, (result, ignore) in GOLDEN.items():
        flux = yaml.safe_load((data / "podinfo-kustomization.yaml").read_text().replace("{{ .fluxns }}", "default"))
        flux["spec"].update(path=f"./{directory}", decryption={"provider": "sops"})
        source = yaml.safe_load((data / "podinfo-source.yaml").read_text().replace("{{ .fluxns }}", "default").split("---\n")[-1])
        source["spec"]["ignore"] = ignore
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            for file in (path for path in data.rglob("*") if path.is_file()):
                write(root, {file.relative_to(data): file.read_text()})
            write(root, {"entry/all.yaml": yaml.safe_dump_all([flux, source])})
            done = subprocess.run([program, "--repo", root, "build", "--flux", root / "entry"], capture_output=True, text=True)
        if named := re.search(r"`([^`]+)` is not supported", done.stderr):
            refused[named[1]] += 1
            continue
        wanted = load((data / result).read_text().replace("{{ .fluxns }}", "default"))
        for one in wanted:
            for key, text in one.pop("stringData", {}).items():
                one.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
        # The entry itself is no part of what `flux build` prints.
        printed = [one for one in load(done.stdout) if one["kind"] != "GitRepository" and one["metadata"]["name"] != "podinfo" or "labels" in one["metadata"]]
        check(f"flux build of {directory}", done.returncode == 0 and clean(printed) == clean(wanted), f"{printed}\n{wanted}\n{done.stderr}")


def main():
    program, data, oracle = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else ROUNDS
    golden(program, data)
    for seed in range(first, first + rounds):
        compare(program, oracle, seed)
    names = ", ".join(f"{name} {count}" for name, count in sorted(refused.items()))
    print(f"refused: {sum(refused.values())} ({names})")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
