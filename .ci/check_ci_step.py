"""Runs the step of action.yml from end to end: action/run.sh in scratch repositories, against a fake of both APIs.

    check_ci_step.py <fluxwright> <SARIF 2.1.0 schema> <shellcheck>

Clean, stale, invalid and very large changes, in GitHub's and in Gitea's flavour; every fault of the forge; the download of
a release; action.yml and all workflow files against their schemas. The last line is `N passed, M failed`.
"""

import contextlib
import functools
import hashlib
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

import jsonschema
import yaml

from fake_forge import REPOSITORY, TOKEN, Forge

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY, SARIF_SCHEMA, SHELLCHECK = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SARIF = jsonschema.Draft4Validator(json.loads(SARIF_SCHEMA.read_text()))
INTENT = """apiVersion: fluxwright.dev/v1alpha1
kind: ClusterIntent
metadata:
  name: demo
spec:
  platform: {type: Nova, kubernetesVersion: "1.28"}
  gitops:
    source:
      name: cluster-intent
      url: https://git.corp.example/platform/clusters.git
  exposedPorts:
"""
PORT = "    - {port: %d, backend: {namespace: db-%d, service: a-service-with-a-rather-long-name-%d, port: 5432}}\n"

passed = failed = 0


def check(name, ok, shown=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{shown}")


class Scratch:
    """A git repository with one cluster, committed with its rendering, and what a runner gives to a step."""

    def __init__(self, directory, forge):
        self.dir = pathlib.Path(directory)
        self.forge = forge
        self.repo = self.dir / "repo"
        self.intent = self.repo / "clusters/demo/cluster.yaml"
        (self.dir / "home").mkdir()
        (self.dir / "temp").mkdir()
        self.intent.parent.mkdir(parents=True)
        self.env = {
            "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
            "HOME": str(self.dir / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
        }
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@corp.example")
        self.change(INTENT + PORT % (5432, 1, 1), render=True)
        self.base = self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.repo, env=self.env, check=True, capture_output=True, text=True).stdout

    def change(self, text, render=False):
        """Commits an intent, with its rendering or without."""
        self.intent.write_text(text)
        if render:
            subprocess.run([BINARY, "--repo", self.repo, "render", "-q"], env=self.env, check=True, capture_output=True)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def step(self, event="pull_request", **inputs):
        """Runs the step; gives its exit code, its log, its outputs."""
        files = {name: self.dir / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")}
        for path in files.values():
            path.write_text("")
        files["GITHUB_EVENT_PATH"].write_text(json.dumps({"number": 7, "pull_request": {"number": 7, "base": {"sha": self.base}}}))
        env = {
            **self.env,
            **{name: str(path) for name, path in files.items()},
            "CI": "true",
            "GITHUB_ACTIONS": "true",  # the runner of Gitea sets it too
            "GITHUB_EVENT_NAME": event,
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_SERVER_URL": "https://forge.example",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "42",
            "RUNNER_TEMP": str(self.dir / "temp"),
            "FLUXWRIGHT_TOKEN": TOKEN,
            "FW_AGAINST": self.base if event == "pull_request" else "",
        }
        if self.forge.kind == "gitea":
            env["GITEA_ACTIONS"] = "true"
        env.update({"FW_" + name.upper(): value for name, value in inputs.items()})
        run = subprocess.run(["bash", str(ROOT / "action/run.sh")], cwd=self.repo, env=env, capture_output=True, text=True, timeout=120)
        log = run.stdout + run.stderr
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        reports = [path.read_text(errors="replace") for path in (self.dir / "temp").rglob("*") if path.is_file()]
        summary = files["GITHUB_STEP_SUMMARY"].read_text()
        check("the token is nowhere", all(TOKEN not in text for text in [log, summary, *reports]), log)
        if "sarif" in outputs:
            document = json.loads(pathlib.Path(outputs["sarif"]).read_text())
            faults = [fault.message for fault in SARIF.iter_errors(document)]
            check("SARIF is valid", not faults, "\n".join(faults))
        return Result(run.returncode, log, outputs, summary)


class Result:
    def __init__(self, code, log, outputs, summary):
        self.code, self.log, self.outputs, self.summary = code, log, outputs, summary

    def is_(self, code, **outputs):
        return self.code == code and all(self.outputs.get(name) == value for name, value in outputs.items())

    def __str__(self):
        return f"exit code {self.code}\n{self.log}\n{self.outputs}"


@contextlib.contextmanager
def scratch(kind, comments=0):
    with tempfile.TemporaryDirectory() as directory, Forge(kind, comments) as forge:
        yield Scratch(directory, forge)


def own(forge):
    return [comment for comment in forge.comments.values() if comment["body"].startswith("<!-- fluxwright: fluxwright -->")]


def is_whole(text):
    """Whether no fence and no section is open at the end."""
    fence, depth = None, 0
    for line in text.splitlines():
        mark = re.match(r"^(`{3,})(.*)$", line)
        if fence:
            if mark and len(mark[1]) >= len(fence) and not mark[2]:
                fence = None
        elif mark:
            fence = mark[1]
        else:
            depth += line.count("<details") - line.count("</details>")
    return fence is None and depth == 0


def step(kind):
    """The ways of a pull request."""
    with scratch(kind, comments=230) as one:
        name = kind + ": "
        run = one.step()
        check(name + "clean", run.is_(0, changed="false", stale="false", errors="0"), run)
        check(name + "clean: one comment", len(own(one.forge)) == 1 and "## fluxwright: ok" in own(one.forge)[0]["body"], run)
        check(name + "clean: summary", "## fluxwright: ok" in run.summary, run.summary)
        before = len(one.forge.written())
        run = one.step()
        check(name + "the same again writes nothing", run.code == 0 and len(one.forge.written()) == before, run)

        one.change(INTENT + PORT % (5433, 1, 1))
        run = one.step()
        check(name + "stale is no error", run.is_(0, changed="true", stale="true", errors="0"), run)
        body = own(one.forge)[0]["body"]
        check(name + "stale: comment", len(own(one.forge)) == 1 and "is not what the intents give" in body and "5433" in body, body)
        check(name + "stale: names in the log", "clusters/demo/ingress/tcp-udp-services.yaml" in run.log, run)
        run = one.step(fail_on="diff")
        check(name + "stale fails when asked", run.is_(1, stale="true"), run)

        one.change(INTENT + PORT % (5433, 1, 1), render=True)
        run = one.step(fail_on="diff")
        check(name + "a rendered change is shown and is right", run.is_(0, changed="true", stale="false"), run)
        run = one.step(event="push", fail_on="diff")
        check(name + "a push compares with itself, without comment", run.is_(0, changed="false", stale="false"), run)

        evil = '  "a\\n::error title=evil::b %0A\\n::add-mask::demo": 1\n'
        one.change(INTENT + PORT % (443, 1, 1) + evil)
        run = one.step()
        check(name + "invalid", run.is_(1, errors="2", changed="false"), run)
        commands = [line for line in run.log.splitlines() if line.strip().startswith("::")]
        if kind == "github":
            lines = [line for line in commands if line.startswith("::error file=clusters/demo/cluster.yaml,line=")]
            others = [line for line in commands if line not in lines and not re.match(r"::(stop-commands::)?[0-9a-f]{32}", line)]
            check(name + "annotations", len(lines) == 2 and not others, run)
        else:
            word = commands[0].removeprefix("::stop-commands::")
            stopped = commands[0].startswith("::stop-commands::") and f"::{word}::" in commands
            check(name + "commands are switched off for the findings", stopped, run)
        check(name + "invalid: comment", "port-reserved" in own(one.forge)[0]["body"], own(one.forge)[0]["body"])
        results = json.loads(pathlib.Path(run.outputs["sarif"]).read_text())["runs"][0]["results"]
        check(name + "invalid: SARIF", len(results) == 2, results)
        run = one.step(fail_on="never")
        check(name + "invalid, and not failing", run.is_(0, errors="2"), run)
        check(name + "invalid: the page is written", (pathlib.Path(run.outputs["directory"]) / "report.html").stat().st_size > 1000, run)
        run = one.step(clusters="nosuch")
        check(name + "no such cluster is a failure", run.code == 2 and "no cluster `nosuch`" in run.log, run)


def tampered(kind):
    """What a pull request does beside its intents."""
    name = kind + ": "
    with scratch(kind) as one:
        generated = one.repo / "clusters/demo/flux/bootstrap.yaml"
        generated.write_text(generated.read_text().replace("git.corp.example", "evil.example"))
        one.git("commit", "--quiet", "--all", "--message", "by hand")
        run = one.step()
        body = own(one.forge)[0]["body"]
        shown = "## fluxwright: 1 error\n" in body and "hand-edited-file" in body and "clusters/demo/flux/bootstrap.yaml" in body
        check(name + "a file changed by hand is an error", run.is_(1, errors="1", stale="true") and shown, f"{run}\n{body}")
        check(name + "a file changed by hand: no advice that fails", "Correct the errors" in body, body)
    with scratch(kind) as one:
        other = one.repo / "clusters/other/cluster.yaml"
        other.parent.mkdir()
        other.write_text((INTENT + PORT % (5432, 1, 1)).replace("name: demo", "name: other"))
        one.change(INTENT + PORT % (5432, 1, 1) + "# a comment\n", render=True)
        one.base = one.git("rev-parse", "HEAD").strip()
        one.git("rm", "-r", "--quiet", "clusters/other")
        one.git("commit", "--quiet", "--message", "remove")
        run = one.step()
        body = own(one.forge)[0]["body"]
        check(name + "a removed cluster is a change", run.is_(0, changed="true", errors="0") and "### Cluster `other`: removed" in body, f"{run}\n{body}")
        one.git("checkout", "--quiet", one.base, "--", "clusters/other")
        one.git("rm", "--force", "--quiet", "clusters/other/cluster.yaml")
        one.git("commit", "--quiet", "--message", "remove the intent")
        run = one.step()
        body = own(one.forge)[0]["body"]
        check(name + "a tree without intent is an error", run.is_(1, errors="1") and "intent-missing" in body, f"{run}\n{body}")
    with scratch(kind) as one:
        run = one.step(against="0123456789012345678901234567890123456789")
        body = own(one.forge)[0]["body"]
        said = "has no revision `0123456789012345678901234567890123456789`" in body and "has no revision 0123" in run.log
        check(name + "a base that is not there is said in the report", run.is_(0, changed="false") and said, f"{run}\n{body}")


def planted(kind):
    """A directory of the pull request that git would take for a bare repository, with a command in its configuration."""
    with scratch(kind) as one:
        mark = one.dir / "mark"
        evil = one.dir / "evil.sh"
        evil.write_text(f"#!/bin/sh\nenv >>{mark}\nexit 1\n")
        evil.chmod(0o755)
        config = f"[core]\n\tbare = true\n\tsshCommand = {evil}\n\tfsmonitor = {evil}\n[remote \"origin\"]\n\turl = ssh://git.example/x\n"
        inner = one.repo / "platform"
        for path, text in [("HEAD", "ref: refs/heads/main\n"), ("objects/x", ""), ("refs/heads/.keep", ""), ("config", config)]:
            file = inner / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        shutil.copytree(one.repo / "clusters", inner / "clusters")
        one.git("add", "--all")
        one.git("commit", "--quiet", "--message", "planted")
        run = one.step(working_directory="platform", against="0123456789012345678901234567890123456789")
        check(kind + ": nothing that a pull request plants is run", not mark.exists(), mark.read_text() if mark.exists() else run)
        check(kind + ": a planted repository does not hinder", run.is_(0, errors="0"), run)
        run = one.step(working_directory="platform", against=one.git("rev-parse", "HEAD").strip())
        check(kind + ": the base is that of the work tree", run.is_(0, changed="false") and "has no revision" not in run.log, run)
        # No program but `comment` sees the token, not even the real remote's helper.
        one.git("config", "core.sshCommand", str(evil))
        one.git("remote", "add", "origin", "ssh://git.example/x")
        one.step(against="0123456789012345678901234567890123456789")
        check(kind + ": git gets no token", mark.exists() and TOKEN not in mark.read_text(), mark.exists())


def broken(kind):
    """Failures of the machine have the code of a failure."""
    with scratch(kind) as one:
        one.env["TMPDIR"] = str(one.dir / "missing")
        run = one.step()
        check(kind + ": no room for the results is a failure", run.code == 2 and "cannot make a directory" in run.log, run)
    with scratch(kind) as one:
        run = one.step(clusters="nosuch")
        check(kind + ": a failure is said once", run.code == 2 and "error: error:" not in run.log and "::error: " not in run.log, run)


def large(kind):
    """A diff of more than 300 KB."""
    with scratch(kind) as one:
        ports = "".join(PORT % (20_000 + number, number, number) for number in range(2400))
        one.change(INTENT + ports, render=True)
        run = one.step()
        report = pathlib.Path(run.outputs["report"]).read_text()
        body = own(one.forge)[0]["body"]
        check(f"{kind}: large: {len(report)} bytes", run.is_(0, changed="true") and len(report) > 300_000, run)
        check(f"{kind}: large: fits", 0 < len(body) <= 65_536 and is_whole(body), body[:2000])
        check(f"{kind}: large: whole", is_whole(report) and is_whole(run.summary) and len(run.summary.encode()) <= 1 << 20)
        link = "/actions/runs/42)" if kind == "github" else "/actions)"
        check(f"{kind}: large: summary and link", "### Cluster `demo`" in body and "left out" in body and link in body, body[-500:])


def faults(kind):
    """What the forge can do, and what comes of it."""
    limited = (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1", "Retry-After": "1"}, {"message": "API rate limit exceeded"})
    cases = [
        ("a read-only token", [("POST", 403)], 2, "the token may not write a comment (403"),
        ("a locked conversation", [("POST", (403, {}, {"message": "issue is locked"}))], 2, "is locked"),
        ("no such pull request", [("GET", 404)], 2, "there is no pull request 7"),
        ("validation", [("POST", 422)], 2, "the API does not take the comment (422"),
        ("archived", [("POST", 423)], 2, "the repository is archived"),
        ("conflict, then fine", [("POST", 409)], 0, "created"),
        ("rate limit, then fine", [("POST", limited)], 0, "created"),
        ("429, then fine", [("GET", (429, {"Retry-After": "1"}, None))], 0, "created"),
        ("429 for an hour", [("GET", (429, {"Retry-After": "3600"}, None))], 2, "run it again later"),
        ("500, then fine", [("GET", 500), ("POST", 500)], 0, "created"),
        ("a lost answer", [("POST", "lost")], 0, "unchanged"),
        ("another host", [("GET", (307, {"Location": "http://localhost:9/x"}, None))], 2, "the token is not sent there"),
        ("HTML", [("GET", "html")], 2, "not the JSON of the API"),
        ("a slow answer, then fine", [("GET", "slow")], 0, "created"),
        ("a huge answer", [("GET", "huge")], 2, "too large"),
    ]
    for name, list_, code, said in cases:
        with tempfile.TemporaryDirectory() as directory, Forge(kind) as forge:
            forge.faults = list(list_)
            env = {
                "PATH": os.environ["PATH"],
                "HOME": directory,
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_API_URL": forge.url,
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_REF": "refs/pull/7/merge",
            }
            command = [BINARY, "comment", "--timeout", "2", "--max-wait", "20"]
            run = subprocess.run(command, env=env, input="hello\n", capture_output=True, text=True, timeout=120)
            text = run.stdout + run.stderr
            count = len([comment for comment in forge.comments.values() if "hello" in comment["body"]])
            ok = run.returncode == code and said in text and TOKEN not in text and not forge.faults
            check(f"{kind}: {name}", ok and count == (code == 0), f"{run.returncode}, {count} comments\n{text}\n{forge.requests}")
    with scratch(kind) as one:
        one.forge.faults = [("POST", 403)]
        run = one.step()
        ok = run.is_(0, errors="0") and "::warning title=fluxwright::no comment: the token may not" in run.log
        check(f"{kind}: without the right to comment the step still works", ok, run)


def download():
    """The program from a mirror, with its checksum."""
    with scratch("github") as one:
        machine = {"arm64": "aarch64"}.get(os.uname().machine, os.uname().machine)
        name = f"fluxwright-1.2.3-{machine}-unknown-linux-musl"
        folder = one.dir / "mirror/v1.2.3"
        folder.mkdir(parents=True)
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz", compresslevel=1) as archive:
            archive.add(BINARY, f"{name}/fluxwright")
        digest = hashlib.sha256((folder / f"{name}.tar.gz").read_bytes()).hexdigest()
        handler = functools.partial(QuietFiles, directory=str(one.dir / "mirror"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        # Nothing of ours on PATH.
        one.env["PATH"] = os.environ["PATH"]
        if shutil.which("fluxwright"):
            raise SystemExit("a `fluxwright` on PATH would be used instead of the download")
        sums = folder / "SHA256SUMS"
        sums.write_text(f"{'0' * 64}  other.tar.gz\n{digest}  {name}.tar.gz\n")
        run = one.step(version="v1.2.3", base_url=base)
        check("download", run.is_(0, errors="0"), run)
        sums.write_text(f"{'0' * 64}  {name}.tar.gz\n")
        run = one.step(version="v1.2.3", base_url=base)
        check("download: a wrong checksum", run.code == 2 and "is not the one in SHA256SUMS" in run.log and not run.outputs, run)
        sums.write_text(f"{digest}  other.tar.gz\n")
        run = one.step(version="v1.2.3", base_url=base)
        check("download: no checksum", run.code == 2 and "is not the one in SHA256SUMS" in run.log, run)
        run = one.step(version="main", base_url=base)
        check("download: no version", run.code == 2 and "a released `version`" in run.log, run)
        run = one.step(version="1.2.3", base_url="http://mirror.example")
        check("download: plain http", run.code == 2 and "must be an https address" in run.log, run)
        server.shutdown()
        server.server_close()


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def files():
    """action.yml, workflows and the script, by the judgement of others."""
    folder = pathlib.Path(importlib.util.find_spec("check_jsonschema").submodule_search_locations[0])
    schema = lambda name: json.loads((folder / f"builtin_schemas/vendor/{name}.json").read_text())
    workflows = sorted([*ROOT.glob(".git*/workflows/*.y*ml"), *ROOT.glob("examples/cluster-repo/.git*/workflows/*.y*ml")])
    pairs = [(ROOT / "action.yml", "github-actions"), (ROOT / ".github/dependabot.yml", "dependabot")]
    pairs += [(path, "github-workflows") for path in workflows]
    check("there are workflows", len(workflows) >= 4, workflows)
    for path, name in pairs:
        document = yaml.load(path.read_text(), Loader=StrictLoader)
        faults = [f"{fault.json_path}: {fault.message}" for fault in jsonschema.Draft7Validator(schema(name)).iter_errors(document)]
        check(f"{path.relative_to(ROOT)} is valid", not faults, "\n".join(faults))
    for path in workflows:
        document = yaml.load(path.read_text(), Loader=StrictLoader)
        check(f"{path.relative_to(ROOT)} states its permissions", "permissions" in document, path)
        for used in re.findall(r"uses:\s*(\S+)", path.read_text()):
            pinned = re.search(r"@([0-9a-f]{40}|v\d+(\.\d+)*)$", used) or used.startswith("./")
            check(f"{path.relative_to(ROOT)}: {used} is pinned", pinned)
    action = yaml.load((ROOT / "action.yml").read_text(), Loader=StrictLoader)
    steps = action["runs"]["steps"]
    check("the action uses no other action", all("uses" not in one for one in steps))
    check("no input becomes code", all("${{" not in one["run"] for one in steps))
    script = (ROOT / "action/run.sh").read_text()
    for name in steps[0]["env"]:
        check(f"run.sh reads {name}", name == "FLUXWRIGHT_TOKEN" or name in script)
    for name in action["outputs"]:
        check(f"run.sh gives {name}", f"output {name} " in script)
    scripts = [ROOT / "action/run.sh", *sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash"))]
    run = subprocess.run([SHELLCHECK, *scripts], capture_output=True, text=True)
    check("shellcheck", run.returncode == 0, run.stdout)


class StrictLoader(yaml.SafeLoader):
    """YAML 1.2 as forges read it: `on` is a key, not a truth."""


StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), "tf")

for flavour in ("github", "gitea"):
    step(flavour)
    tampered(flavour)
    planted(flavour)
    broken(flavour)
    large(flavour)
    faults(flavour)
download()
files()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
