"""Runs the release binary as a function of the real kustomize, kubectl and kpt.

    check_function.py <fluxwright> <shared dir> <directory of kustomize, kubectl and kpt>

What each mode gives under `generators:`, `transformers:` and `validators:`, and as a plugin of the older kind; that the
transformer's result is, byte for byte, what kustomize makes of the rendered patches; that kpt changes nothing but what
it is told to; that every program shows the diagnostics of an intent with an error. The last line is `N passed, M failed`.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml
from check_render import FLUX, Checks, documents, sample_intents, write_repository

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples/cluster-repo"
ALLOW = ["--enable-alpha-plugins", "--enable-exec"]
MODES = ("generator", "transformer", "validator", None)
# base in data/bases -> the Kustomization that deploys it
BASES = {"ingress-base": "nova-release-ingress-public-main", "nv-base": "nova-release-neuvector-main"}
WRONG = [{"port": 99999, "backend": {"namespace": "a", "service": "b", "port": 1}}]


class Tools:
    def __init__(self, fluxwright, bin_dir):
        self.fluxwright = fluxwright
        self.kustomize, self.kubectl, self.kpt = (bin_dir / name for name in ("kustomize", "kubectl", "kpt"))


def run(*command, cwd=None, stdin=None, **env):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, timeout=300,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "NO_COLOR": "1", **{key: str(value) for key, value in env.items()}},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False))


def config(intent, mode, path=None, executable=None, name=None):
    """The intent as a function's configuration."""
    intent = json.loads(json.dumps(intent))
    notes = intent["metadata"].setdefault("annotations", {})
    if mode:
        notes["fluxwright.dev/function"] = mode
    if path:
        notes["fluxwright.dev/path"] = path
    if executable:
        notes["config.kubernetes.io/function"] = f"exec:\n  path: {executable}\n"
    if name:
        intent["metadata"]["name"] = name
    return intent


def example(name):
    return documents((EXAMPLES / f"clusters/{name}/cluster.yaml").read_text())[0]


def objects(text):
    return [(doc["kind"], doc["metadata"]["name"]) for doc in documents(text)] if text.strip() else []


def kustomization(folder, **fields):
    write(folder / "kustomization.yaml", {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **fields})


# --- how it is called ------------------------------------------------------------------------------------


def check_modes(checks, tools, work, bases):
    """What each mode gives in each list of a kustomization.yaml: None is a build that fails."""
    dev = example("dev")
    folder = work / "modes"
    shutil.copytree(bases / "ingress-base", folder / "base")
    kustomization(folder, resources=["base"])
    before = run(tools.kustomize, "build", folder)[1]
    count = len(objects(before))
    results = {}
    for mode in MODES:
        write(folder / "cluster.yaml", config(dev, mode, executable=tools.fluxwright))
        for field in ("generators", "transformers", "validators"):
            kustomization(folder, resources=["base"], **{field: ["cluster.yaml"]})
            code, out, err = run(tools.kustomize, "build", *ALLOW, folder)
            if code:
                results[mode, field] = "fails"
            elif out == before:
                results[mode, field] = "unchanged"
            elif not out.strip():
                results[mode, field] = "empty"
            elif len(objects(out)) > count:
                results[mode, field] = "added"
            else:
                results[mode, field] = "changed"
    expected = {
        ("generator", "generators"): "added", ("generator", "transformers"): "added", ("generator", "validators"): "fails",
        ("transformer", "generators"): "unchanged", ("transformer", "transformers"): "changed",
        ("transformer", "validators"): "fails",
        ("validator", "generators"): "unchanged", ("validator", "transformers"): "empty",
        ("validator", "validators"): "unchanged",
        (None, "generators"): "unchanged", (None, "transformers"): "unchanged", (None, "validators"): "fails",
    }
    for key, wanted in expected.items():
        checks.that(results[key] == wanted, f"kustomize: {key[0]} under {key[1]} gives {results[key]}, not {wanted}")

    # without the flags
    write(folder / "cluster.yaml", config(dev, "transformer", executable=tools.fluxwright))
    kustomization(folder, resources=["base"], transformers=["cluster.yaml"])
    for flags, wanted in {(): 1, ("--enable-exec",): 1, ("--enable-alpha-plugins",): 0}.items():
        code, out, err = run(tools.kustomize, "build", *flags, folder)
        checks.that(code == wanted, f"kustomize: exit {code} with {flags or 'no flags'}, not {wanted}", err)
        checks.that(out == (before if wanted == 0 else ""), f"kustomize with {flags}: the function is not left out", out[:400])

    # a bare name on PATH; a path relative to the kustomization
    changed = run(tools.kustomize, "build", *ALLOW, folder)[1]
    os.symlink(tools.fluxwright, folder / "fluxwright-link")
    for executable in ("fluxwright", "./fluxwright-link"):
        write(folder / "cluster.yaml", config(dev, "transformer", executable=executable))
        path = f"{tools.fluxwright.parent}:{os.environ['PATH']}"
        code, out, err = run(tools.kustomize, "build", *ALLOW, folder, PATH=path)
        checks.that((code, out) == (0, changed), f"kustomize: executable {executable} exits {code}", err)


def check_legacy(checks, tools, work, bases):
    """A plugin of the older kind, which kubectl can run, too."""
    folder = work / "legacy"
    shutil.copytree(bases / "ingress-base", folder / "base")
    kind = folder / "plugins/fluxwright.dev/v1alpha1/clusterintent"
    kind.mkdir(parents=True)
    os.symlink(tools.fluxwright, kind / "ClusterIntent")
    env = {"KUSTOMIZE_PLUGIN_HOME": folder / "plugins"}
    programs = {"kubectl": [tools.kubectl, "kustomize"], "kustomize": [tools.kustomize, "build"]}
    dev, wrong = example("dev"), example("dev")
    wrong["spec"]["exposedPorts"] = WRONG
    for name, program in programs.items():
        for mode, field, wanted in [
            ("generator", "generators", ("Kustomization", "cluster-intent")),
            ("transformer", "transformers", ("Service", "nova-ingress-public-controller")),
        ]:
            write(folder / "cluster.yaml", config(dev, mode))
            kustomization(folder, resources=["base"], **{field: ["cluster.yaml"]})
            code, out, err = run(*program, "--enable-alpha-plugins", folder, **env)
            checks.that(code == 0 and wanted in objects(out), f"{name}: plugin as {mode} exits {code}", err)
            if mode == "transformer":
                write(folder / "cluster.yaml", config(dev, mode, executable=tools.fluxwright))
                as_function = run(tools.kustomize, "build", *ALLOW, folder)[1]
                checks.that(out == as_function, f"{name}: the plugin's result differs from the function's")
        write(folder / "cluster.yaml", config(wrong, "transformer"))
        code, out, err = run(*program, "--enable-alpha-plugins", folder, **env)
        shown = code == 1 and not out and "error[invalid-value]" in err
        checks.that(shown, f"{name}: plugin with an error exits {code}", out[:300] + err)


def check_errors(checks, tools, work, bases):
    """An intent with an error stops kustomize, and what is wrong is seen."""
    folder = work / "errors"
    shutil.copytree(bases / "ingress-base", folder / "base")
    wrong = example("dev")
    wrong["spec"]["exposedPorts"] = WRONG
    for mode in MODES:
        write(folder / "cluster.yaml", config(wrong, mode, executable=tools.fluxwright))
        for field in ("generators", "transformers", "validators"):
            kustomization(folder, resources=["base"], **{field: ["cluster.yaml"]})
            code, out, err = run(tools.kustomize, "build", *ALLOW, folder)
            shown = code == 1 and not out and "error[invalid-value]" in err and "99999" in err
            checks.that(shown, f"kustomize: {mode} under {field} with an error exits {code}", out[:300] + err)


# --- the transformer is what the patches are ---------------------------------------------------------------


def rendered_patches(folder, base_objects):
    """Patches of the rendered Kustomizations by their names, and the partial objects that are for some of the objects."""
    owners, parts = {}, []
    for file in sorted(folder.rglob("*.yaml")):
        if file.name in ("cluster.yaml", "kustomization.yaml") or "install" in file.relative_to(folder).parts:
            continue
        for doc in documents(file.read_text()):
            notes = doc["metadata"].get("annotations") or {}
            if (doc["apiVersion"], doc["kind"]) == (FLUX, "Kustomization") and doc["spec"].get("patches"):
                owners[doc["metadata"]["name"]] = doc["spec"]["patches"]
            if notes.get("kustomize.toolkit.fluxcd.io/ssa") == "Merge":
                kept = {key: text for key, text in notes.items() if not key.startswith("kustomize.toolkit.fluxcd.io/")}
                doc["metadata"].pop("annotations")
                if kept:
                    doc["metadata"]["annotations"] = kept
                same = (doc["kind"], doc["metadata"].get("namespace"), doc["metadata"]["name"])
                if same in base_objects:
                    parts.append({"patch": yaml.safe_dump(doc, sort_keys=False)})
    return owners, parts


# What a kustomization does besides, at the level of the function.
BESIDES = {
    "alone": {},
    "prefix": {"namePrefix": "blue-"},
    "suffix": {"nameSuffix": "-b"},
    "namespace": {"namespace": "elsewhere"},
    "all names": {"namePrefix": "p-", "nameSuffix": "-s", "namespace": "elsewhere"},
    "generated": {"resources": ["user.yaml"], "configMapGenerator": [{"name": "settings", "literals": ["a=b"]}]},
}
USER = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"},
    "spec": {"containers": [{"name": "a", "image": "a:1", "envFrom": [{"configMapRef": {"name": "settings"}}]}]},
}


def check_equal(checks, tools, work, bases, repo, label, besides):
    """The same kustomization, once with the rendered patches, once with the function; returns how many differ from the base."""
    changed = 0
    for cluster in sorted((repo / "clusters").iterdir()):
        intent = documents((cluster / "cluster.yaml").read_text())[0]
        for base, owner in BASES.items():
            folder = repo / f"build-{cluster.name}-{base}"
            shutil.copytree(bases / base, folder / "base")
            kustomization(folder, resources=["base"])
            before = run(tools.kustomize, "build", folder)[1]
            there = {(doc["kind"], doc["metadata"].get("namespace"), doc["metadata"]["name"]) for doc in documents(before)}
            owners, parts = rendered_patches(cluster, there)
            patches = [*owners.get(owner, []), *parts]
            write(folder / "cluster.yaml", config(intent, "transformer", executable=tools.fluxwright))
            write(folder / "user.yaml", USER)
            for name, fields in besides.items():
                fields = {**fields, "resources": ["base", *fields.get("resources", [])]}
                what = f"{label}/{cluster.name} on {base}, {name}"
                kustomization(folder, **fields, patches=patches)
                code, wanted, err = run(tools.kustomize, "build", folder)
                checks.that(code == 0, f"{what}: kustomize does not build the patches", err)
                kustomization(folder, **fields, transformers=["cluster.yaml"])
                code, out, err = run(tools.kustomize, "build", *ALLOW, folder)
                same = code == 0 and out == wanted
                checks.that(same, f"{what}: the function exits {code}, its result differs", diff(wanted, out, work) + err)
                changed += name == "alone" and out != before
                if name == "generated":
                    checks.that("name: settings-" in out and "name: settings\n" not in out, f"{what}: the hash is lost", out)
    return changed


def diff(left, right, work):
    write(work / "left", left), write(work / "right", right)
    return run("diff", "-u", work / "left", work / "right")[1][:3000]


def check_patches(checks, tools, work, bases, shared):
    repo = work / "examples"
    shutil.copytree(EXAMPLES, repo)
    run("git", "init", "-q", repo)
    changed = check_equal(checks, tools, work, bases, repo, "example", BESIDES)
    for name, text in sample_intents(shared).items():
        repo = work / "samples" / name
        repo.mkdir(parents=True)
        write_repository(repo, text)
        code, _, err = run(tools.fluxwright, "--repo", repo, "render")
        checks.that(code == 0, f"{name}: render exits {code}", err)
        besides = BESIDES if name in ("full", "bases") else {"alone": {}}
        changed += check_equal(checks, tools, work, bases, repo, name, besides)
    checks.that(changed >= 10, f"only {changed} bases are changed by any patch")


def check_chain(checks, tools, work, bases):
    """A generator and two transformers in one build."""
    folder = work / "chain"
    shutil.copytree(bases / "ingress-base", folder / "base")
    dev = example("dev")
    more = config(dev, "transformer", executable=tools.fluxwright, name="more")
    more["spec"]["exposedPorts"] = [
        {"port": 7001, "backend": {"namespace": "a", "service": "b", "port": 1}, "name": "seven"}
    ]
    write(folder / "one.yaml", config(dev, "transformer", executable=tools.fluxwright))
    write(folder / "two.yaml", more)
    write(folder / "generated.yaml", config(dev, "generator", executable=tools.fluxwright))
    write(folder / "validated.yaml", config(dev, "validator", executable=tools.fluxwright))
    kustomization(
        folder, resources=["base"], generators=["generated.yaml"], transformers=["one.yaml", "two.yaml"],
        validators=["validated.yaml"],
    )
    code, out, err = run(tools.kustomize, "build", *ALLOW, folder)
    if checks.that(code == 0, f"chain: exits {code}", err):
        found = {(doc["kind"], doc["metadata"]["name"]): doc for doc in documents(out)}
        ports = [port["port"] for port in found["Service", "nova-ingress-public-controller"]["spec"]["ports"]]
        checks.that({1540, 1541, 7001} <= set(ports), f"chain: the Service has the ports {ports}")
        checks.that(("Kustomization", "cluster-intent") in found, "chain: nothing is generated", out)


# --- kpt -------------------------------------------------------------------------------------------------

# In the style that kpt writes itself (two spaces, one before a comment): it writes every file anew, whatever a function does.
KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: package # ours\n"
BY_HAND = """\
# The Service of the release.
apiVersion: v1
kind: Service
metadata:
  namespace: nova-ingress-public # here
  name: nova-ingress-public-controller
spec:
  # by hand
  type: LoadBalancer # web
  ports:
  - {name: http, port: 80, protocol: TCP, targetPort: http}
"""
OTHER = "kind: ConfigMap # odd\napiVersion: v1\ndata:\n  'a': \"b\"\nmetadata: {name: other}\n"


def package(folder, modes, intent=None):
    """A package under git, with the intents as the configurations of functions."""
    shutil.rmtree(folder, ignore_errors=True)
    write(folder / "Kptfile", KPTFILE)
    write(folder / "base/service.yaml", BY_HAND)
    write(folder / "base/other.yaml", OTHER)
    write(folder / "kustomization.yaml", "resources: [base/service.yaml] # no name\n")
    for mode in modes:
        write(folder / f"{mode}.yaml", config(intent or example("dev"), mode))
    run("git", "init", "-q", folder)
    commit(folder)


def commit(folder):
    run("git", "add", "-A", cwd=folder)
    run("git", "-c", "user.name=a", "-c", "user.email=a@corp.example", "commit", "-qm", "x", cwd=folder)


def changes(folder):
    """path -> what git says of it"""
    lines = run("git", "status", "--porcelain", "-uall", cwd=folder)[1].splitlines()
    return {line[3:]: line[:2].strip() for line in lines}


def rendered(cluster, path):
    """Objects of the committed rendering, without the paths and numbers of kpt."""
    found = []
    for file in sorted((EXAMPLES / f"clusters/{cluster}/{path}").rglob("*.yaml")):
        found += [doc for doc in documents(file.read_text()) if file.name != "kustomization.yaml"]
    return found


def check_kpt_eval(checks, tools, work):
    folder = work / "kpt"
    generated = {"flux/bootstrap.yaml": "??", "flux/kustomizations.yaml": "??"}
    evaluate = [tools.kpt, "fn", "eval", folder, "--exec", tools.fluxwright, "--results-dir", work / "results", "--fn-config"]

    package(folder, ["generator", "transformer", "validator"])
    code, _, err = run(*evaluate, folder / "generator.yaml")
    checks.that(code == 0 and changes(folder) == generated, f"kpt generator: exits {code}, {changes(folder)}", err)
    objects = [doc for path in generated for doc in documents((folder / path).read_text())]
    for doc in objects:
        notes = doc["metadata"].get("annotations", {})
        checks.that(not [key for key in notes if "config.k" in key], f"kpt generator: annotations {notes}")
    checks.that(objects == rendered("dev", "flux"), "kpt generator: the objects are not those of the rendering")
    commit(folder)
    code, _, err = run(*evaluate, folder / "generator.yaml")
    checks.that(code == 0 and not changes(folder), f"kpt generator, again: exits {code}, {changes(folder)}", err)

    code, _, err = run(*evaluate, folder / "transformer.yaml")
    checks.that(changes(folder) == {"base/service.yaml": "M"}, f"kpt transformer: exits {code}, {changes(folder)}", err)
    text = (folder / "base/service.yaml").read_text()
    for kept in ("# The Service of the release.", "# here", "# by hand", "# web", "port: 1540", "1c-1541"):
        checks.that(kept in text, f"kpt transformer: no {kept}", text)
    # A patch that adds to a list cannot be applied twice: the second run is refused, and nothing is doubled.
    commit(folder)
    code, _, err = run(*evaluate, folder / "transformer.yaml")
    refused = code == 1 and "patch-port-exists" in err and not changes(folder)
    checks.that(refused, f"kpt transformer, again: exits {code}, {changes(folder)}", err)

    code, out, err = run(*evaluate, folder / "generator.yaml", "-o", "unwrap")
    checks.that(code == 0 and "kind: GitRepository" in out and "ResourceList" not in out, f"kpt -o unwrap: exits {code}", err)

    # stdin
    code, listed, err = run(tools.kpt, "fn", "source", folder, "--fn-config", folder / "generator.yaml")
    code, out, err = run(tools.fluxwright, stdin=listed.encode())
    checks.that(code == 0, f"kpt fn source | fluxwright: exits {code}", err)
    code, _, err = run(tools.kpt, "fn", "sink", work / "sunk", stdin=out.encode())
    checks.that(code == 0, f"kpt fn sink: exits {code}", err)
    for file in ("base/other.yaml", "base/service.yaml", "Kptfile", "flux/bootstrap.yaml"):
        same = (work / "sunk" / file).is_file() and (work / "sunk" / file).read_text() == (folder / file).read_text()
        checks.that(same, f"kpt fn sink: {file} is another")
    code, out, err = run(
        tools.kpt, "fn", "eval", "-", "--exec", tools.fluxwright, "--fn-config", folder / "generator.yaml", stdin=listed.encode()
    )
    checks.that(code == 0 and "kind: GitRepository" in out, f"kpt fn eval -: exits {code}", err)


def check_kpt_errors(checks, tools, work):
    folder = work / "kpt-errors"
    wrong = example("dev")
    wrong["spec"]["exposedPorts"] = WRONG
    for mode in ("generator", "transformer", "validator"):
        package(folder, [mode], wrong)
        results = work / "results-errors" / mode
        code, _, err = run(
            tools.kpt, "fn", "eval", folder, "--exec", tools.fluxwright, "--fn-config", folder / f"{mode}.yaml",
            "--results-dir", results, "--truncate-output=false",
        )
        shown = code != 0 and "99999" in err and not changes(folder)
        checks.that(shown, f"kpt {mode} with an error: exits {code}, {changes(folder)}", err)
        saved = [path.read_text() for path in results.glob("*.yaml")]
        checks.that(len(saved) == 1 and "invalid-value" in saved[0], f"kpt {mode}: no results are saved", "".join(saved))


def check_kpt_render(checks, tools, work):
    folder = work / "kpt-render"
    modes = ["generator", "transformer", "validator"]
    package(folder, modes)
    pipeline = {
        "pipeline": {
            "mutators": [{"exec": str(tools.fluxwright), "configPath": f"{mode}.yaml"} for mode in modes[:2]],
            "validators": [{"exec": str(tools.fluxwright), "configPath": "validator.yaml"}],
        }
    }
    write(folder / "Kptfile", KPTFILE + yaml.safe_dump(pipeline))
    commit(folder)
    render = [tools.kpt, "fn", "render", folder, "--allow-exec", "--truncate-output=false"]
    code, out, err = run(*render, "-o", "unwrap")
    whole = code == 0 and "port: 1540" in out and "kind: GitRepository" in out and not changes(folder)
    checks.that(whole, f"kpt fn render -o unwrap: exits {code}, {changes(folder)}", out + err)
    code, out, err = run(*render)
    wanted = {"base/service.yaml": "M", "flux/bootstrap.yaml": "??", "flux/kustomizations.yaml": "??"}
    found = {path: what for path, what in changes(folder).items() if path != "Kptfile"}
    checks.that(code == 0 and found == wanted, f"kpt fn render: exits {code}, {changes(folder)}", out + err)
    pipeline["pipeline"]["mutators"].pop()
    write(folder / "Kptfile", KPTFILE + yaml.safe_dump(pipeline))
    commit(folder)
    code, _, err = run(*render)
    again = {path for path in changes(folder) if path != "Kptfile"}
    checks.that(code == 0 and not again, f"kpt fn render, again: exits {code}, {again}", err)

    wrong = example("dev")
    wrong["spec"]["exposedPorts"] = WRONG
    write(folder / "validator.yaml", config(wrong, "validator"))
    commit(folder)
    code, out, err = run(*render)
    found = {path for path in changes(folder) if path != "Kptfile"}
    checks.that(code != 0 and "99999" in err and not found, f"kpt fn render with an error: exits {code}, {found}", err)


# --- the document ----------------------------------------------------------------------------------------


def check_document(checks, tools, work):
    """The files and commands of docs/function.md. Its sessions are replayed by tests/docs.rs."""
    text = (HERE.parent / "docs/function.md").read_text()
    folder = work / "document"
    for path, body in re.findall(r"^File: `(.+?)`\n\n```yaml\n(.*?)^```$", text, re.M | re.S):
        if path != "list.yaml":  # is no object of a package
            write(folder / path, body)
    run("git", "init", "-q", folder)
    path = os.pathsep.join([str(tools.fluxwright.parent), str(tools.kpt.parent), os.environ["PATH"]])

    def shell(block):
        return run("bash", "-euo", "pipefail", "-c", block, cwd=folder, PATH=path)

    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    if not checks.that(len(blocks) == 4, f"docs/function.md has {len(blocks)} blocks of commands, not 4"):
        return
    build, legacy, kpt, unwrap = blocks
    code, out, err = shell(build)
    checks.that(code == 0 and "port: 1540" in out, f"document, kustomize: exits {code}", out + err)
    code, out, err = shell(legacy)
    checks.that(code == 0 and "port: 1540" not in out, f"document, kubectl with the annotation: exits {code}", out + err)
    intent = (folder / "cluster.yaml").read_text()
    write(folder / "cluster.yaml", re.sub(r" +config.kubernetes.io/function.*?path: \w+\n", "", intent, flags=re.S))
    code, out, err = shell(legacy.replace("ln -s ", "ln -sf "))
    checks.that(code == 0 and "port: 1540" in out, f"document, kubectl: exits {code}", out + err)
    shutil.rmtree(folder / "plugins")
    code, out, err = shell(unwrap)
    checks.that(code == 0 and "kind: GitRepository" in out, f"document, kpt -o unwrap: exits {code}", out + err)
    checks.that(not (folder / "clusters/dev/flux").exists(), "document, kpt -o unwrap: the package is changed")
    code, out, err = shell(kpt)
    checks.that(code == 0, f"document, kpt: exits {code}", out + err)
    for home in (folder, work / "out-of-kpt"):
        checks.that((home / "clusters/dev/flux/bootstrap.yaml").is_file(), f"document, kpt: no objects in {home.name}")


# --- stdin -----------------------------------------------------------------------------------------------


def check_stdin(checks, tools, work):
    """The binary alone, with what it may meet."""
    for name, data in {"nothing": b"", "garbage": os.urandom(4096), "text": b"hello\n", "manifest": b"kind: Service\n"}.items():
        code, out, err = run_bytes(tools.fluxwright, data)
        checks.that((code, out) == (2, b"") and b"Usage" in err, f"stdin with {name}: exits {code}", err.decode()[-500:])
        code, out, err = run_bytes(tools.fluxwright, data, "fn")
        checks.that((code, out) == (1, b""), f"fn with {name}: exits {code}", err.decode()[-500:])

    head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"
    one = "- apiVersion: v1\n  kind: ConfigMap # {0}\n  metadata: {{name: c{0}}}\n  data:\n    text: |\n      - apiVersion: v1\n{1}"
    lines = "".join(f"      # {'x' * 90}\n" for _ in range(10))
    items = "items:\n" + "".join(one.format(number, lines) for number in range(47_000))
    for mode in (None, "generator", "transformer"):
        tail = yaml.safe_dump({"functionConfig": config(example("dev"), mode)}, sort_keys=False)
        data = (head + items + tail).encode()
        checks.that(len(data) > 50_000_000, f"the long list has only {len(data)} bytes")
        code, out, err = run_bytes(tools.fluxwright, data)
        checks.that(code == 0 and items.encode() in out, f"{mode} on a long list: exits {code}", err.decode()[-500:])
    code, out, err = run_bytes(tools.fluxwright, data[:40_000_000])
    checks.that((code, out) == (1, b"") and err, f"a long list that breaks off: exits {code}", err.decode()[-500:])


def run_bytes(program, data, *arguments):
    done = subprocess.run([program, *arguments], input=data, capture_output=True, timeout=300, cwd="/")
    return done.returncode, done.stdout, done.stderr


def main(fluxwright, shared, bin_dir):
    checks, tools = Checks(), Tools(fluxwright, bin_dir)
    bases = shared / "data/bases"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        check_stdin(checks, tools, work)
        check_modes(checks, tools, work, bases)
        check_legacy(checks, tools, work, bases)
        check_errors(checks, tools, work, bases)
        check_chain(checks, tools, work, bases)
        check_kpt_eval(checks, tools, work)
        check_kpt_errors(checks, tools, work)
        check_kpt_render(checks, tools, work)
        check_document(checks, tools, work)
        check_patches(checks, tools, work, bases, shared)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:])))
