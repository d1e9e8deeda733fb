"""Renders sample intents with the release binary and judges the trees with programs that are not ours.

    check_render.py <fluxwright> <shared dir> <kustomize>

For every tree: `check`, `render` and a `diff` that is then empty; `kustomize build` of the cluster's root
and of every path that one of its own Flux Kustomizations applies; strict validation of every object built
(strict_schemas.py) or handed over in `install/`; no object built by two of them; no intent in any of them. Then
everything that the reference data describes, and the patches on the upstream bases. The last line is
`N passed, M failed`.
"""

import base64
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import typing

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
    "corp-csi": "{type: StarVaultCSI, starVaultCSI: {address: 'https://starvault.example:8200', "
    "role: nova-neuvector-registry, path: secret/data/registries/corp}}",
}
# Rights and number of scanners: the reference has both ways of giving rights, for NeuVector 5.2 and before it.
RIGHTS = {
    "upstream-least": ("LeastPrivilege", "replicas: 2"),
    "upstream-legacy": ("Legacy", "autoscale: {strategy: delayed, minPods: 2, maxPods: 5}"),
}


class Reference(typing.NamedTuple):
    """An object of data/rendered that a sample must reproduce."""

    file: str
    what: str  # Kind/name
    change: typing.Callable | None = None  # what the sample changes in it
    here: str | None = None  # namespace/name of its counterpart, when it is called otherwise here: see ARGUED


def only_1540_1541(expected):
    expected["data"] = {key: expected["data"][key] for key in ("1540", "1541")}


def our_ca(expected):  # the reference holds a placeholder
    expected["spec"]["trustedCA"] = base64.b64encode(CA.encode()).decode()


def no_replicas(expected):  # the reference's own comment: "drop the line when autoscaling"
    del expected["spec"]["replicas"]


CORP = [
    Reference("ingress/tcp-udp-services.yaml", "ConfigMap/nova-ingress-public-tcp-services-config"),
    Reference("ingress/tcp-udp-services.yaml", "ConfigMap/nova-ingress-public-udp-services-config"),
    Reference("platform/proxy.yaml", "Proxy/cluster", our_ca),
    Reference("platform/patches/nova-release-neuvector-main.yaml", "Kustomization/nova-release-neuvector-main"),
    Reference("registries/serviceaccount.yaml", "ServiceAccount/app"),
    Reference("sources/sources.yaml", "GitRepository/cluster-intent"),
    Reference("sources/kustomizations.yaml", "Kustomization/cluster-intent-platform"),
]
PORTS = Reference(
    "platform/patches/nova-release-ingress-public-main.yaml", "Kustomization/nova-release-ingress-public-main"
)
UPSTREAM = [
    Reference("neuvector/scanner-updater.yaml", "CronJob/neuvector-updater-pod"),
    Reference("neuvector/standalone-scan.yaml", "Job/scan-ubuntu-16-04"),
    Reference("modules/longhorn/helmrelease.yaml", "HelmRelease/longhorn"),
    Reference("modules/velero/velero.yaml", "HelmRelease/velero", here="nova-gitops/velero"),
    Reference("modules/velero/velero.yaml", "Schedule/neuvector-daily"),
    Reference("modules/opensearch/opensearch.yaml", "HelmRelease/opensearch", here="nova-gitops/opensearch"),
    Reference("modules/opensearch/opensearch.yaml", "ClusterOutput/opensearch"),
    Reference("modules/opensearch/opensearch.yaml", "ClusterFlow/all-to-opensearch"),
    Reference("modules/astrom/operator.yaml", "HelmRelease/astromkey-operator", here="nova-gitops/astromkey-operator"),
    Reference("modules/astrom/dynakube.yaml", "DynaKube/dynakube"),
    Reference("sources/sources.yaml", "HelmRepository/longhorn"),
    Reference("sources/sources.yaml", "HelmRepository/corp-charts", here="nova-gitops/velero"),
    Reference("sources/sources.yaml", "HelmRepository/corp-charts", here="nova-gitops/opensearch"),
    Reference("sources/sources.yaml", "HelmRepository/astrom-charts", here="nova-gitops/astromkey-operator"),
]
# sample -> what it must reproduce
COMPARE = {
    "minimal": [
        PORTS,
        Reference(
            "ingress/tcp-udp-services.yaml", "ConfigMap/nova-ingress-public-tcp-services-config", only_1540_1541
        ),
    ],
    "minimal-named": [PORTS],
    "corp-external": [
        *CORP,
        Reference("registries/pull-secret-eso.yaml", "ExternalSecret/custom-registry-credentials"),
        Reference("sources/kustomizations.yaml", "Kustomization/cluster-intent-registries"),
    ],
    "corp-substitute": [
        *CORP,
        Reference("registries/pull-secret-substitute.yaml", "Secret/custom-registry-credentials"),
    ],
    "corp-csi": [
        *CORP,
        Reference("registries/pull-secret-csi.yaml", "SecretProviderClass/custom-registry-credentials"),
        Reference("registries/pull-secret-csi.yaml", "Deployment/custom-registry-credentials-sync"),
        Reference("sources/kustomizations.yaml", "Kustomization/cluster-intent-registries"),
    ],
    "upstream-least": [
        *UPSTREAM,
        Reference("neuvector/scanner-updater.yaml", "Deployment/neuvector-scanner-pod"),
        Reference("neuvector/rbac.yaml", "Role/neuvector-binding-scanner"),
        Reference("neuvector/rbac.yaml", "RoleBinding/neuvector-binding-scanner"),
    ],
    "upstream-legacy": [
        *UPSTREAM,
        Reference("neuvector/scanner-updater.yaml", "Deployment/neuvector-scanner-pod", no_replicas),
        Reference("neuvector/rbac.yaml", "RoleBinding/neuvector-admin"),
        Reference("neuvector/init.yaml", "ConfigMap/neuvector-init"),
    ],
    "alauda": [Reference("registries/alauda.yaml", "RoleBinding/cross-ns-pull")],
    "release": [Reference("modules/nova-release-velero-main.yaml", "Kustomization/nova-release-velero-main")],
}
# The sample that reproduces data/rendered/hosts, text files for containerd.
HOSTS = "corp-external"
# Files of data/rendered that no sample reproduces.
NOT_RENDERED = {"registries/pull-secret-sops.yaml"}  # encrypted by the user; we only include it
# Releases of charts whose reference lies in the namespace of the release -> that namespace.
NAMESPACES = {"velero": "velero", "opensearch": "logging", "astromkey-operator": "astromkey"}
ESO_TEMPLATE = (
    '{"auths":{"registry.corp.example":{"username":{{ .username | toJson }},"password":{{ .password | toJson }},'
    '"auth":"{{ printf "%s:%s" .username .password | b64enc }}"}}}'
)
# (sample, "Kind/name", JSON pointer, what is rendered as JSON), each may hold `*` -> why this difference from the
# reference is right. An entry that no difference uses is a failure.
ARGUED = {
    (
        "upstream-*", "HelmRelease/longhorn", "/spec/values/privateRegistry",
        '{"registrySecret": "custom-registry-credentials", "registryUrl": "registry.corp.example"}',
    ): "charts up to 1.9 know privateRegistry only, and later ones take global first",
    ("upstream-*", "HelmRelease/velero", "/spec/values/snapshotsEnabled", "false"): (
        "the chart's own location of snapshots has no provider, which the CRD requires"
    ),
    ("upstream-*", "HelmRelease/velero", "/spec/values/upgradeCRDs", "false"): (
        "Flux upgrades the CRDs; the chart's Job would pull kubectl from a public registry"
    ),
    ("upstream-*", "HelmRelease/opensearch", "/spec/values/global", '{"dockerRegistry": "registry.corp.example"}'): (
        "the registry of the init containers, too; the image keeps its path in it"
    ),
    ("upstream-*", "HelmRelease/opensearch", "/spec/values/image", "null"): "global.dockerRegistry stands for it",
    ("minimal", "Kustomization/nova-release-ingress-public-main", "/spec/patches/0/patch/0/value/name", '"tcp-1540"'): (
        "the intent gives no port name: <protocol>-<port>"
    ),
    ("minimal", "Kustomization/nova-release-ingress-public-main", "/spec/patches/0/patch/1/value/name", '"tcp-1541"'): (
        "the intent gives no port name: <protocol>-<port>"
    ),
    ("corp-*", "ServiceAccount/app", "/metadata/annotations/kustomize.toolkit.fluxcd.io~1prune", '"disabled"'): (
        "a service account that others own must not be deleted when the intent drops it"
    ),
    (
        "corp-substitute", "ServiceAccount/app",
        "/metadata/annotations/kustomize.toolkit.fluxcd.io~1substitute", '"disabled"',
    ): "Flux substitutes in the whole text of an object; one without variables is kept out of it",
    (
        "corp-*", "GitRepository/cluster-intent",
        "/metadata/annotations", '{"kustomize.toolkit.fluxcd.io/prune": "disabled"}',
    ): "the root is part of its own tree; losing it must not delete the whole tree",
    (
        "corp-external", "ExternalSecret/custom-registry-credentials",
        "/spec/target/template/data/.dockerconfigjson", json.dumps(ESO_TEMPLATE),
    ): "toJson brings its own quotes, and escapes those in a password, which would break the JSON",
    (
        "release", "Kustomization/nova-release-velero-main",
        "/metadata/annotations", '{"kustomize.toolkit.fluxcd.io/substitute": "disabled"}',
    ): "variables in its text are the module's; the part that applies it must not replace them",
    ("release", "Kustomization/nova-release-velero-main", "/spec/retryInterval", "60.0"): (
        "every Kustomization gets the retryInterval of the intent, else a failure waits for the whole interval"
    ),
    (
        "upstream-*", "CronJob/neuvector-updater-pod",
        "/spec/jobTemplate/spec/template/spec/containers/0/image", '"neuvector/updater:latest"',
    ): "no tag means latest; it is written out",
    (
        "upstream-*", "Job/scan-ubuntu-16-04", "/spec/template/spec/containers/0/image", '"neuvector/scanner:latest"',
    ): "no tag means latest; it is written out",
    (
        "upstream-least", "CronJob/neuvector-updater-pod",
        "/spec/jobTemplate/spec/template/spec/serviceAccountName", '"updater"',
    ): "the Role is bound to this account, which the manifests of 5.2 and later bring",
    (
        "upstream-least", "Deployment/neuvector-scanner-pod", "/spec/template/spec/serviceAccountName", '"scanner"',
    ): "the manifests of 5.2 and later run it with this account, not with `default`",
    ("upstream-*", "HelmRelease/*", "/spec/timeout", "600.0"): (
        "always written out; without it Flux gives Helm 5m, which is short for a first pull of images"
    ),
    ("upstream-*", "HelmRelease/longhorn", "/spec/*/remediation", '{"retries": 3}'): (
        "as in the reference's own HelmRelease of ASTROM: without it Flux gives up after the first failure"
    ),
    (
        "upstream-*", "HelmRelease/*",
        "/spec/install", '{"crds": "CreateReplace", "createNamespace": true, "remediation": {"retries": 3}}',
    ): "as in the reference's HelmReleases of Longhorn and ASTROM; one policy for all modules",
    ("upstream-*", "HelmRelease/*", "/spec/upgrade", '{"crds": "CreateReplace", "remediation": {"retries": 3}}'): (
        "as in the reference's HelmReleases of Longhorn and ASTROM; one policy for all modules"
    ),
    ("upstream-*", "HelmRelease/astromkey-operator", "/spec/install/createNamespace", "true"): (
        "a HelmRelease outside of the namespace has to create it, as the reference's of Longhorn does"
    ),
    ("upstream-*", "HelmRelease/astromkey-operator", "/spec/values/csidriver", '{"enabled": true}'): (
        "an option of the intent; true is also the chart's default"
    ),
    ("upstream-*", "HelmRelease/*", "/metadata/namespace", '"nova-gitops"'): (
        "lies beside its repository, as the reference's of Longhorn does, so that it exists before its namespace"
    ),
    ("upstream-*", "HelmRelease/*", "/spec/chart/spec/sourceRef/namespace", "null"): "its repository lies beside it",
    ("upstream-*", "HelmRepository/astrom-charts", "/metadata/namespace", '"nova-gitops"'): (
        "all sources lie in the GitOps namespace, beside the HelmReleases"
    ),
}
for _release, _namespace in NAMESPACES.items():
    _here = f"HelmRelease/{_release}"
    ARGUED |= {
        ("upstream-*", _here, "/spec/*Namespace", f'"{_namespace}"'): "where the reference's own namespace was",
        ("upstream-*", _here, "/spec/releaseName", f'"{_release}"'): (
            "with a targetNamespace Flux would call the release <namespace>-<name>"
        ),
        ("upstream-*", _here, "/spec/chart/spec/sourceRef/name", f'"{_release}"'): (
            "each release has a repository of its own, called like it, that comes and goes with it"
        ),
        ("upstream-*", "HelmRepository/*-charts", "/metadata/name", f'"{_release}"'): (
            "each release has a repository of its own, called like it, that comes and goes with it"
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
        for name in ("minimal", "airgapped", "full")
    }
    texts["minimal-named"] = re.sub(r"\{port: (154[01]), backend", r"{port: \1, name: 1c-\1, backend", texts["minimal"])
    corp = (HERE / "intents/corp.yaml").read_text()
    for name, delivery in DELIVERY.items():
        texts[name] = corp.replace("delivery: DELIVERY", f"delivery: {delivery}")
    upstream = (HERE / "intents/upstream.yaml").read_text()
    for name, (rights, scale) in RIGHTS.items():
        texts[name] = upstream.replace("rbac: RIGHTS", f"rbac: {rights}").replace("replicas: SCALE", scale)
    for name in ("alauda", "release", "bases"):
        texts[name] = (HERE / f"intents/{name}.yaml").read_text()
    return texts


def write_repository(repo, text, with_pem=True):
    intent = documents(text)[0]
    home = repo / "clusters" / intent["metadata"]["name"]
    (home / "ca").mkdir(parents=True)
    (home / "cluster.yaml").write_text(text)
    for pem in set(re.findall(r"ca/[\w-]+\.pem", text)) if with_pem else ():
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


def handed_over(folder):
    """(file, object) of each Kubernetes object in install/, which people apply by hand."""
    for file in sorted((folder / "install").rglob("*.yaml")):
        for doc in documents(file.read_text()):
            if isinstance(doc, dict) and "apiVersion" in doc and "kind" in doc:
                yield file, doc


def judge(checks, kustomize, validator, repo, name):
    """Builds and validates one rendered repository; returns identity -> object, those of install/ included."""
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
        by_hand = list(handed_over(folder))
        for file, obj in by_hand:
            problems = validator.problems(obj)
            checks.that(not problems, f"{name}: {file.relative_to(repo)}: {obj['kind']}", "\n".join(problems))
            objects.setdefault(identity(obj), obj)  # an object that Flux completes later is built as well
        counts = f"{len(paths)} builds, {len(writers)} objects, {len(by_hand)} by hand"
        print(f"{name}: clusters/{folder.name}: {counts}")
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


def reference_object(rendered, reference):
    kind, name = reference.what.split("/")
    for doc in documents((rendered / reference.file).read_text()):
        if (doc["kind"], doc["metadata"]["name"]) == (kind, name):
            return doc
    raise LookupError(f"{reference.file} has no {reference.what}")


def counterpart(objects, expected, here):
    """The object that stands for a reference object; under another name when `here` gives one."""
    api_version, kind, namespace, name = identity(expected)
    if here:
        namespace, name = here.split("/")
    return objects.get((api_version, kind, namespace, name))


def compare(checks, rendered, sample, objects, used, seen):
    for reference in COMPARE.get(sample, []):
        expected = reference_object(rendered, reference)
        if reference.change:
            reference.change(expected)
        actual = counterpart(objects, expected, reference.here)
        if not checks.that(actual, f"{sample}: {reference.what} of {reference.file} is not rendered"):
            continue
        seen.add((reference.file, reference.what))
        unargued = []
        for pointer, left, right in differences(meaning(expected), meaning(actual)):
            place = (sample, reference.what, pointer, json.dumps(right))
            entries = {entry for entry in ARGUED if all(map(fnmatch.fnmatchcase, place, entry))}
            used |= entries
            if not entries:
                unargued += [pointer, f"  reference {json.dumps(left)}", f"  rendered  {json.dumps(right)}"]
        checks.that(not unargued, f"{sample}: {reference.what} differs from {reference.file}", "\n".join(unargued))


def compare_hosts(checks, rendered, tree, seen):
    """Files for containerd, by what they mean to a TOML reader."""
    for file in sorted((rendered / "hosts").rglob("*.toml")):
        path = file.relative_to(rendered)
        if checks.that((tree / path).is_file(), f"{HOSTS}: {path} is not rendered"):
            seen.add((str(path), None))
            left, right = (tomllib.loads(found.read_text()) for found in (file, tree / path))
            checks.that(left == right, f"{HOSTS}: {path} differs", f"reference {left}\nrendered  {right}")


def check_nothing_is_left(checks, rendered, seen):
    """Every object of the reference data is compared with something."""
    for file in sorted(path for path in rendered.rglob("*") if path.is_file()):
        path = str(file.relative_to(rendered))
        if path in NOT_RENDERED:
            continue
        objects = documents(file.read_text()) if file.suffix == ".yaml" else []
        for what in [f"{doc['kind']}/{doc['metadata']['name']}" for doc in objects] or [None]:
            checks.that((path, what) in seen, f"{path}: {what or 'the file'} is compared with nothing")


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


def check_scanner(checks, build, owner, label, image, replicas=None):
    deployment = build("nv-base", owner, label).get("Deployment/neuvector-scanner-pod")
    if not deployment:
        return
    spec = deployment["spec"]["template"]["spec"]
    found = deployment["spec"].get("replicas")
    checks.that(found == replicas, f"{label}: spec.replicas is {found}, not {replicas}")
    images = [container["image"] for container in spec["containers"]]
    checks.that(images == [image], f"{label}: containers run {images}, not {[image]}")
    secrets = spec.get("imagePullSecrets")
    checks.that(secrets == [{"name": "custom-registry-credentials"}], f"{label}: imagePullSecrets are {secrets}")


def check_exposure(checks, build, owner, label):
    """HostPort, strategic merge, patched ConfigMaps and flags, as the intent `bases` asks for them."""
    found = build("ingress-base", owner, label)
    if not found:
        return
    ingress = "nova-ingress-public"
    ours = [("tcp-514", 514, "TCP"), ("syslog-udp", 514, "UDP"), ("tcp-5432", 5432, "TCP")]
    ports = [
        (port["name"], port["port"], port["protocol"], port["targetPort"])
        for port in found[f"Service/{ingress}-controller"]["spec"]["ports"]
    ]
    expected = [(*port, port[1]) for port in ours] + [("http", 80, "TCP", "http"), ("https", 443, "TCP", "https")]
    checks.that(sorted(ports) == sorted(expected), f"{label}: the Service has the ports {ports}")

    controller = found[f"DaemonSet/{ingress}-controller"]["spec"]["template"]["spec"]["containers"][0]
    ports = [
        (port["name"], port["hostPort"], port["protocol"], port["containerPort"])
        for port in controller["ports"]
        if "hostPort" in port
    ]
    checks.that(ports == expected[:3], f"{label}: the DaemonSet has the host ports {ports}")
    # The base has such flags already; that ours come last is what counts.
    flags = [f"--{kind}-services-configmap={ingress}/{ingress}-{kind}-services-config" for kind in ("tcp", "udp")]
    checks.that(controller["args"][-2:] == flags, f"{label}: the last flags are {controller['args'][-2:]}")

    for kind, data in {
        "tcp": {"514": "logging/syslog:514", "5432": "db/pg:5432:PROXY"},
        "udp": {"514": "logging/syslog:514"},
    }.items():
        actual = found[f"ConfigMap/{ingress}-{kind}-services-config"].get("data")
        checks.that(actual == data, f"{label}: the {kind} ConfigMap holds {actual}")


def check_own_patch(checks, build, owner, label):
    """The patch that the sample `full` brings itself, in the same list as ours."""
    daemon_set = build("ingress-base", owner, label).get("DaemonSet/nova-ingress-public-controller")
    if daemon_set:
        found = daemon_set["spec"]["template"]["metadata"].get("annotations")
        checks.that(found == {"team": "net"}, f"{label}: the pods have the annotations {found}")


def check_neuvector(checks, build, owner, label):
    """The updater, and what the scanners of the intent `bases` have besides image and replicas."""
    found = build("nv-base", owner, label)
    if not found:
        return
    updater = found["CronJob/neuvector-updater-pod"]["spec"]
    when = (updater["schedule"], updater.get("timeZone"))
    checks.that(when == ("30 3 * * *", "Europe/Moscow"), f"{label}: the updater runs at {when}")
    pod = found["Deployment/neuvector-scanner-pod"]["spec"]["template"]["spec"]
    memory = pod["containers"][0]["resources"]["limits"]["memory"]
    checks.that(memory == "4506Mi", f"{label}: the scanner may use {memory}")
    checks.that(len(pod.get("topologySpreadConstraints", [])) == 1, f"{label}: the scanners are not spread")


def check_proofs(checks, fluxwright, repo, bases, owners):
    """Our own proofs agree: every patch lands on the bases."""
    patches = sum(len(owner["spec"]["patches"]) for owner in owners if owner)
    code, out, err = run(fluxwright, "--repo", repo, "check", "--base", f"nova-release={bases}")
    proven = patches and f"{patches} of {patches} patches proven on base" in out
    checks.that(code == 0 and proven, f"{repo.name}: check --base exits {code}, patches: {patches}", out + err)


def check_without_pem(checks, fluxwright, repo, text):
    """Certificates may come later: `check` warns of them."""
    write_repository(repo, text, with_pem=False)
    code, out, err = run(fluxwright, "--repo", repo, "check")
    checks.that(code == 0 and "ca-file-missing" in err, f"{repo.name}: check exits {code}", (out + err)[-3000:])


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
        samples = sample_intents(shared)
        for name, text in samples.items():
            repo = work / name
            write_repository(repo, text)
            rendered = render(checks, fluxwright, repo, name)
            trees[name] = judge(checks, kustomize, validator, repo, name) if rendered else {}

        check_without_pem(checks, fluxwright, work / "full-without-pem", samples["full"])

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

        used, seen = set(), set()
        for sample in COMPARE:
            compare(checks, data / "rendered", sample, trees[sample], used, seen)
        compare_hosts(checks, data / "rendered", work / HOSTS / "clusters/prod", seen)
        check_nothing_is_left(checks, data / "rendered", seen)
        for entry in ARGUED.keys() - used:
            checks.that(False, f"ARGUED entry without a difference: {entry}")

        def build(base, owner, label):
            return patched(checks, kustomize, validator, data / "bases", base, owner, work, label)

        for sample, names in {
            "minimal": ["tcp-1540", "tcp-1541", "http", "https"],
            "minimal-named": ["1c-1540", "1c-1541", "http", "https"],
            "full": ["udp-514", "1c-1540", "tcp-5432", "http", "https"],
        }.items():
            check_ports(checks, build, trees[sample].get(INGRESS), sample, names)
        ours = "registry.corp.example/nova/neuvector/scanner-nova:latest"
        for sample, image, replicas in [
            ("airgapped", "registry.closed.example:5000/neuvector/scanner-nova:latest", None),
            ("corp-external", ours, None),
            ("bases", ours, None),
            ("full", ours, 2),
        ]:
            check_scanner(checks, build, trees[sample].get(NEUVECTOR), sample, image, replicas)
        check_own_patch(checks, build, trees["full"].get(INGRESS), "full")
        check_exposure(checks, build, trees["bases"].get(INGRESS), "bases")
        check_neuvector(checks, build, trees["bases"].get(NEUVECTOR), "bases")
        owners = [trees["bases"].get(key) for key in (INGRESS, NEUVECTOR)]
        check_proofs(checks, fluxwright, work / "bases", data / "bases", owners)

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
