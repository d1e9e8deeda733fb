"""Renders sample intents with the release binary and judges the trees with programs that are not ours.

    check_render.py <fluxwright> <shared dir> <kustomize>

For every tree: `check`, `render` and a `diff` that is then empty; `kustomize build` of the cluster's root
and of every path that one of its own Flux Kustomizations applies; strict validation of every object built
(strict_schemas.py); no object built by two of them; no intent in any of them. Then the objects that the
reference data describes, and the patches on the upstream bases. The last line is `N passed, M failed`.
"""

import base64
import copy
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from strict_schemas import Validator, documents, identity

HERE = pathlib.Path(__file__).resolve().parent
FLUX = "kustomize.toolkit.fluxcd.io/v1"
INGRESS = (FLUX, "Kustomization", "nova-gitops", "nova-release-ingress-public-main")
NEUVECTOR = (FLUX, "Kustomization", "nova-gitops", "nova-release-neuvector-main")
# A throwaway CA; only its public certificate ever existed on disk.
CA = """-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIULGkwYL/mAwox+EG8aqCrlz4O8KMwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPRXhhbXBsZSBUZXN0IENBMCAXDTI2MTEyMTAyMDk0MFoYDzIx
MjYxMDI4MDIwOTQwWjAaMRgwFgYDVQQDDA9FeGFtcGxlIFRlc3QgQ0EwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQkULmedTKHHSe4sOeyOPjnKIaDf4Fa/VLSVCeo
IyLRlrJNWwrAZhY6aHl1eewUz2W8iQg7kLZrD6WT6uAEYSIpo1MwUTAdBgNVHQ4E
FgQUO9Uq+ymztJTkSd/jMwTErgtKKF0wHwYDVR0jBBgwFoAUO9Uq+ymztJTkSd/j
MwTErgtKKF0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA/vTS
Nzi1QX8LpZmp9CzS2LpfjIeWTLL9ITanxSuVAGwCIGT+MK3cw1oSpW47CELMT+C2
qlW6qz//4UcrJOicgaXL
-----END CERTIFICATE-----
"""
DELIVERY = {
    "corp-external": "{type: ExternalSecret, externalSecret: "
    "{storeRef: {kind: ClusterSecretStore, name: starvault}, key: secret/data/registries/corp}}",
    "corp-substitute": "{type: SubstituteFrom, substituteFrom: "
    "{kind: Secret, name: registry-vars, variable: custom_registry_dockerconfigjson}}",
}


def only_1540_1541(expected):
    expected["data"] = {key: expected["data"][key] for key in ("1540", "1541")}


def our_ca(expected):  # the reference holds a placeholder
    expected["spec"]["trustedCA"] = base64.b64encode(CA.encode()).decode()


CORP = [
    ("ingress/tcp-udp-services.yaml", "nova-ingress-public-tcp-services-config", None),
    ("ingress/tcp-udp-services.yaml", "nova-ingress-public-udp-services-config", None),
    ("platform/proxy.yaml", "cluster", our_ca),
    ("platform/patches/nova-release-neuvector-main.yaml", "nova-release-neuvector-main", None),
    ("registries/serviceaccount.yaml", "app", None),
    ("sources/sources.yaml", "cluster-intent", None),
    ("sources/kustomizations.yaml", "cluster-intent-platform", None),
]
PORTS = ("platform/patches/nova-release-ingress-public-main.yaml", "nova-release-ingress-public-main", None)
# sample -> reference objects that it must reproduce: (file of data/rendered, name, what the sample changes in it)
COMPARE = {
    "minimal": [
        PORTS,
        ("ingress/tcp-udp-services.yaml", "nova-ingress-public-tcp-services-config", only_1540_1541),
    ],
    "minimal-named": [PORTS],
    "corp-external": [
        *CORP,
        ("registries/pull-secret-eso.yaml", "custom-registry-credentials", None),
        ("sources/kustomizations.yaml", "cluster-intent-registries", None),
    ],
    "corp-substitute": [*CORP, ("registries/pull-secret-substitute.yaml", "custom-registry-credentials", None)],
}
# (sample, "Kind/name", JSON pointer), each may hold `*` -> why this difference from the reference is right.
# An entry that no difference uses is a failure.
ARGUED = {
    ("minimal", "Kustomization/nova-release-ingress-public-main", "/spec/patches/0/patch/0/value/name"): (
        "the intent gives no port name: <protocol>-<port>"
    ),
    ("minimal", "Kustomization/nova-release-ingress-public-main", "/spec/patches/0/patch/1/value/name"): (
        "the intent gives no port name: <protocol>-<port>"
    ),
    ("*", "ServiceAccount/app", "/metadata/annotations/kustomize.toolkit.fluxcd.io~1prune"): (
        "a service account that others own must not be deleted when the intent drops it"
    ),
    ("corp-substitute", "ServiceAccount/app", "/metadata/annotations/kustomize.toolkit.fluxcd.io~1substitute"): (
        "Flux substitutes in the whole text of an object; one without variables is kept out of it"
    ),
    ("*", "GitRepository/cluster-intent", "/metadata/annotations"): (
        "the root is part of its own tree; losing it must not delete the whole tree"
    ),
}


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def that(self, holds, what, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print("\n     ".join([f"FAIL {what}", *detail.rstrip().splitlines()]))
        return bool(holds)


def run(*command, cwd=None):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "NO_COLOR": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


# --- trees -----------------------------------------------------------------------------------------------


def sample_intents(shared):
    """sample name -> text of its intent"""
    samples = shared / "data/samples"
    texts = {
        name: (samples / f"{name}.yaml").read_text().replace("intent.example.io/v1alpha1", "fluxwright.dev/v1alpha1")
        for name in ("minimal", "airgapped")
    }
    texts["minimal-named"] = re.sub(r"\{port: (154[01]), backend", r"{port: \1, name: 1c-\1, backend", texts["minimal"])
    corp = (HERE / "intents/corp.yaml").read_text()
    for name, delivery in DELIVERY.items():
        texts[name] = corp.replace("delivery: DELIVERY", f"delivery: {delivery}")
    return texts


def write_repository(repo, text):
    intent = documents(text)[0]
    home = repo / "clusters" / intent["metadata"]["name"]
    (home / "ca").mkdir(parents=True)
    (home / "cluster.yaml").write_text(text)
    for pem in set(re.findall(r"ca/[\w-]+\.pem", text)):
        (home / pem).write_text(CA)
    run("git", "init", "-q", repo)


def contents(repo):
    return {
        path.relative_to(repo): path.read_bytes()
        for path in repo.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repo).parts
    }


def render(checks, fluxwright, repo, name):
    for command in ("check", "render", "diff"):  # the diff after a render is empty
        code, out, err = run(fluxwright, "--repo", repo, command)
        if not checks.that(code == 0, f"{name}: fluxwright {command} exits {code}", (out + err)[-3000:]):
            return False
    return True


def cluster_folders(repo):
    """folder of each cluster -> its intent"""
    found = {}
    for path in sorted((repo / "clusters").rglob("*.yaml")):
        for doc in documents(path.read_text()):
            if isinstance(doc, dict) and doc.get("kind") == "ClusterIntent":
                found[repo / "clusters" / path.relative_to(repo / "clusters").parts[0]] = doc
    return found


def built_paths(repo, folder, intent):
    """The root of a cluster and every path that its own Flux Kustomizations apply."""
    own = f"./clusters/{folder.name}/"
    source = intent["spec"]["gitops"]["source"]["name"]
    paths = [folder]
    for file in sorted(folder.rglob("*.yaml")):
        for doc in documents(file.read_text()):
            spec = doc.get("spec") or {} if isinstance(doc, dict) else {}
            if isinstance(doc, dict) and (doc.get("apiVersion"), doc.get("kind")) == (FLUX, "Kustomization"):
                if spec.get("sourceRef", {}).get("name") == source and str(spec.get("path", "")).startswith(own):
                    paths.append(repo / spec["path"])
    return list(dict.fromkeys(paths))


def judge(checks, kustomize, validator, repo, name):
    """Builds and validates one rendered repository; returns identity -> object."""
    objects = {}
    folders = cluster_folders(repo)
    checks.that(folders, f"{name}: no cluster found")
    for folder, intent in folders.items():
        writers = {}
        paths = built_paths(repo, folder, intent)
        checks.that(len(paths) > 1, f"{name}: no Flux Kustomization applies a path of clusters/{folder.name}")
        for path in paths:
            where = f"{name}: kustomize build {path.relative_to(repo)}"
            code, out, err = run(kustomize, "build", path)
            if not checks.that(code == 0, where, err):
                continue
            for obj in documents(out):
                key = identity(obj)
                label = f"{where}: {key[1]} {key[2]}/{key[3]}"
                checks.that(key[1] != "ClusterIntent", f"{label}: the intent would be applied")
                problems = validator.problems(obj)
                checks.that(not problems, label, "\n".join(problems))
                if path == folder:  # builds the root once more, for whoever builds the whole directory
                    continue
                checks.that(key not in writers, f"{label}: also built by {writers.get(key)}")
                writers[key] = path.relative_to(repo)
                objects[key] = obj
        print(f"{name}: clusters/{folder.name}: {len(paths)} builds, {len(writers)} objects")
    return objects


# --- the reference objects -------------------------------------------------------------------------------


def seconds(text):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", text))


def meaning(value, key=""):
    """A value whose spelling no longer matters: durations in seconds, the text of a patch as what it says."""
    if isinstance(value, dict):
        return {name: meaning(child, name) for name, child in value.items()}
    if isinstance(value, list):
        return [meaning(child) for child in value]
    if isinstance(value, str) and key in {"interval", "retryInterval", "timeout", "refreshInterval"}:
        return seconds(value)
    if isinstance(value, str) and key == "patch":
        return documents(value)[0]
    return value


def differences(expected, actual, at=""):
    """(JSON pointer, expected, actual), None for absent"""
    if isinstance(expected, dict) and isinstance(actual, dict):
        pairs = [(str(key), expected.get(key), actual.get(key)) for key in sorted({*expected, *actual})]
    elif isinstance(expected, list) and isinstance(actual, list):
        size = max(len(expected), len(actual))
        pad = lambda items: items + [None] * (size - len(items))
        pairs = [(str(i), *pair) for i, pair in enumerate(zip(pad(expected), pad(actual)))]
    else:
        if type(expected) is not type(actual) or expected != actual:
            yield at, expected, actual
        return
    for key, left, right in pairs:
        yield from differences(left, right, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")


def compare(checks, rendered, sample, objects, used):
    for file, name, change in COMPARE.get(sample, []):
        expected = copy.deepcopy(
            next(doc for doc in documents((rendered / file).read_text()) if doc["metadata"]["name"] == name)
        )
        if change:
            change(expected)
        what = f"{expected['kind']}/{name}"
        actual = objects.get(identity(expected))
        if not checks.that(actual, f"{sample}: {what} of {file} is not rendered"):
            continue
        unargued = []
        for pointer, left, right in differences(meaning(expected), meaning(actual)):
            place = (sample, what, pointer)
            entries = {entry for entry in ARGUED if all(map(fnmatch.fnmatchcase, place, entry))}
            used |= entries
            if not entries:
                unargued += [pointer, f"  reference {json.dumps(left)}", f"  rendered  {json.dumps(right)}"]
        checks.that(not unargued, f"{sample}: {what} differs from {file}", "\n".join(unargued))


# --- the patches on the bases ----------------------------------------------------------------------------


def patched(checks, kustomize, validator, bases, base, owner, work, label):
    """What kustomize makes of a base with the patches of a rendered Flux Kustomization: kind/name -> object."""
    if not checks.that(owner, f"{label}: the Flux Kustomization is not rendered"):
        return {}
    folder = pathlib.Path(tempfile.mkdtemp(dir=work))
    shutil.copytree(bases / base, folder / base)
    overlay = {"resources": [base], "patches": owner["spec"]["patches"]}
    (folder / "kustomization.yaml").write_text(json.dumps(overlay))
    code, out, err = run(kustomize, "build", folder)
    if not checks.that(code == 0, f"{label}: kustomize build of {base}", err):
        return {}
    for obj in documents(out):
        problems = validator.problems(obj)
        checks.that(not problems, f"{label}: patched {obj['kind']} is not valid", "\n".join(problems))
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in documents(out)}


def check_ports(checks, build, owner, label, names):
    service = build("ingress-base", owner, label).get("Service/nova-ingress-public-controller")
    if service:
        found = [port["name"] for port in service["spec"]["ports"]]
        checks.that(found == names, f"{label}: ports are {found}, not {names}")


def check_scanner(checks, build, owner, label, image):
    deployment = build("nv-base", owner, label).get("Deployment/neuvector-scanner-pod")
    if not deployment:
        return
    spec = deployment["spec"]["template"]["spec"]
    checks.that("replicas" not in deployment["spec"], f"{label}: spec.replicas is still set")
    images = [container["image"] for container in spec["containers"]]
    checks.that(images == [image], f"{label}: containers run {images}, not {[image]}")
    secrets = spec.get("imagePullSecrets")
    checks.that(secrets == [{"name": "custom-registry-credentials"}], f"{label}: imagePullSecrets are {secrets}")


def main(fluxwright, shared, kustomize):
    checks = Checks()
    data = shared / "data"
    validator = Validator(data / "crds")

    refused = [path for path in sorted((data / "negative").glob("*.yaml"))]
    checks.that(len(refused) == 4, f"data/negative has {len(refused)} manifests, not 4")
    for path in refused:
        problems = [found for doc in documents(path.read_text()) for found in validator.problems(doc)]
        checks.that(problems and "no schema" not in problems[0], f"{path.name} is not refused", str(problems))

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        trees = {}
        for name, text in sample_intents(shared).items():
            repo = work / name
            write_repository(repo, text)
            rendered = render(checks, fluxwright, repo, name)
            trees[name] = judge(checks, kustomize, validator, repo, name) if rendered else {}

        repo = work / "example"
        shutil.copytree(HERE.parent / "examples/cluster-repo", repo)
        run("git", "init", "-q", repo)
        before = contents(repo)
        code, out, err = run(fluxwright, "--repo", repo, "diff")
        checks.that(code == 0, f"example: the committed rendering is not current: diff exits {code}", (out + err)[-3000:])
        if render(checks, fluxwright, repo, "example"):
            after = contents(repo)
            changed = [str(path) for path in {*before, *after} if before.get(path) != after.get(path)]
            checks.that(not changed, "example: render changes files", "\n".join(sorted(changed)))
            judge(checks, kustomize, validator, repo, "example")

        used = set()
        for sample in COMPARE:
            compare(checks, data / "rendered", sample, trees[sample], used)
        for entry in ARGUED.keys() - used:
            checks.that(False, f"ARGUED entry without a difference: {entry}")

        def build(base, owner, label):
            return patched(checks, kustomize, validator, data / "bases", base, owner, work, label)

        for sample, names in {
            "minimal": ["tcp-1540", "tcp-1541", "http", "https"],
            "minimal-named": ["1c-1540", "1c-1541", "http", "https"],
        }.items():
            check_ports(checks, build, trees[sample].get(INGRESS), sample, names)
        for sample, image in {
            "airgapped": "registry.closed.example:5000/neuvector/scanner-nova:latest",
            "corp-external": "registry.corp.example/nova/neuvector/scanner-nova:latest",
        }.items():
            check_scanner(checks, build, trees[sample].get(NEUVECTOR), sample, image)

    for kind in sorted(validator.skipped):
        print(f"not validated, it has no public schema: {kind}")
    for kind in sorted(validator.shaped):
        print(f"validated by a shape of our own only: {kind}")
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]))
