#!/usr/bin/env python3
"""The container form of the function, without a container engine.

    check_container.py <target directory> <example repository>

Builds from exactly the files that `.dockerignore` lets through, for musl as the Containerfile does but without optimizing,
which would take minutes and show nothing more. Runs the entry point as the user of the image in a root that holds one
file, without network. Needs root. Last line: `N passed, M failed`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
MUSL = "x86_64-unknown-linux-musl"
passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED: {what}\n{detail}")


def context(into):
    """Copies what `.dockerignore` lets through."""
    lines = (HERE / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*" and all(rule.startswith("!") for rule in rules[1:]), rules
    for rule in rules[1:]:
        source, goal = HERE / rule[1:], into / rule[1:]
        goal.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, goal)


def instructions():
    text = (HERE / "Containerfile").read_text()
    stage = text[text.rindex("\nFROM ") :]
    return dict(re.findall(r"^(FROM|USER|ENTRYPOINT|CMD|WORKDIR|ENV)\s+(.+)$", stage, re.M))


def intent(example, mode):
    text = (example / "clusters/dev/cluster.yaml").read_text()
    return text.replace("  name: dev\n", f"  name: dev\n  annotations: {{fluxwright.dev/function: {mode}}}\n", 1)


def request(example, mode, items):
    config = "".join(f"  {line}\n" for line in intent(example, mode).splitlines())
    return f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: {items}\nfunctionConfig:\n{config}"


def main():
    target, example = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    image = instructions()
    check("the image holds nothing but the binary", image.get("FROM") == "scratch", str(image))
    check("it does not run as root", image.get("USER") == "65534:65534", str(image))
    check("its entry point needs no argument and no shell", image.get("ENTRYPOINT") == '["/fluxwright"]', str(image))
    check("nothing else changes how it runs", not {"CMD", "WORKDIR", "ENV"} & set(image), str(image))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)
        source, root = scratch / "source", scratch / "root"
        source.mkdir()
        root.mkdir(mode=0o755)
        context(source)
        command = ["cargo", "build", "--locked", "--target", MUSL]
        subprocess.run(command, cwd=source, env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
        binary = target / MUSL / "debug/fluxwright"
        headers = subprocess.run(["readelf", "--program-headers", binary], capture_output=True, text=True, check=True)
        check("the binary needs no loader", "INTERP" not in headers.stdout, headers.stdout)
        shutil.copy(binary, root / "fluxwright")

        def run(stdin, *arguments):
            # The environment of the program is empty, so that the tools around it are named by their paths.
            unshare, chroot = (shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") for tool in ("unshare", "chroot"))
            start = [unshare, "--net", chroot, f"--userspec={image['USER']}", str(root), "/fluxwright", *arguments]
            return subprocess.run(start, input=stdin, capture_output=True, text=True, timeout=60, env={})

        done = run(request(example, "generator", "[]"))
        good = done.returncode == 0 and "kind: GitRepository" in done.stdout and not done.stderr
        check("the generator adds objects", good, done.stderr + done.stdout)
        service = "[{apiVersion: v1, kind: Service, metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}, spec: {ports: [{name: http, port: 80, protocol: TCP}]}}]"
        done = run(request(example, "transformer", service))
        check("the transformer adds ports", done.returncode == 0 and "port: 1540" in done.stdout, done.stderr + done.stdout)
        done = run(request(example, "generator", "[]").replace("port: 1540", "port: 80"))
        good = done.returncode == 1 and "port-reserved" in done.stderr and "GitRepository" not in done.stdout
        check("a fault is an error", good, done.stderr + done.stdout)
        done = run("", "--version")
        check("commands work too", done.returncode == 0 and done.stdout.startswith("fluxwright "), done.stderr)
        done = run("garbage")
        check("garbage is an error", done.returncode == 2 and not done.stdout, done.stderr + done.stdout)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
