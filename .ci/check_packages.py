"""Builds the packages of fluxwright and uses what they install.

    check_packages.py <fluxwright> <target directory of cargo> <cargo-deb>

The crate is packed, unpacked elsewhere, compiled from what it holds, and run. The Debian package is built of
<fluxwright>, looked into, unpacked into a directory and run. Manual pages go through groff with all warnings.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/cluster-repo"
results = []


def check(what, holds, output=""):
    results.append(bool(holds))
    print(f"{'ok' if holds else 'FAIL'}  {what}")
    if not holds:
        print(output, flush=True)


def run(*command, cwd=ROOT, **environment):
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=os.environ | environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def tracked(*folders):
    return set(run("git", "ls-files", "--", *folders).splitlines())


def crate(folder, target, version):
    # The work tree as it is: the gate may run before a commit.
    run("cargo", "package", "--locked", "--offline", "--no-verify", "--allow-dirty", CARGO_TARGET_DIR=str(target))
    name = f"fluxwright-{version}"
    with tarfile.open(target / f"package/{name}.crate") as archive:
        archive.extractall(folder)
    held = {str(path.relative_to(folder / name)) for path in (folder / name).rglob("*") if path.is_file()}
    needed = tracked("src", "plugins", "schemas", "docs", "build.rs", "Cargo.lock", "LICENSE", "README.md", "CHANGELOG.md")
    check("the crate holds all that it is built of", not needed - held, sorted(needed - held))
    foreign = {path for path in held if path.startswith(("tests/", ".ci/", ".github/", "examples/"))}
    check("the crate holds no tests and no tools", not foreign, sorted(foreign))
    run("cargo", "build", "--locked", "--offline", cwd=folder / name, CARGO_TARGET_DIR=str(target))
    built = shutil.copy(target / "debug/fluxwright", folder / "from-crate")
    out = run(built, "--repo", EXAMPLE, "diff")
    check("the program from the crate renders the example as committed", "no changes" in out, out)
    check("the program from the crate explains", "port-reserved" in run(built, "explain", "port-reserved"))


def debian(folder, target, cargo_deb, version):
    package = folder / "fluxwright.deb"
    run(cargo_deb, "--no-build", "--output", package, CARGO_TARGET_DIR=str(target))
    info = run("dpkg-deb", "--info", package)
    for line in ("Package: fluxwright", f"Version: {version}-1", "Section: admin", "Depends: libc6"):
        check(f"the package says `{line}`", line in info, info)
    root = folder / "root"
    run("dpkg-deb", "--extract", package, root)
    for path in ("usr/bin/fluxwright", "usr/share/bash-completion/completions/fluxwright",
                 "usr/share/zsh/vendor-completions/_fluxwright", "usr/share/fish/vendor_completions.d/fluxwright.fish",
                 "usr/share/doc/fluxwright/copyright", "usr/share/man/man1/fluxwright.1.gz",
                 "usr/share/man/man1/fluxwright-modules-new.1.gz"):
        check(f"the package installs {path}", (root / path).is_file(), run("dpkg-deb", "--contents", package))
    program = root / "usr/bin/fluxwright"
    check("the installed program runs", run(program, "--version") == f"fluxwright {version}\n")
    check("the installed program checks the example", "prod: " in run(program, "--repo", EXAMPLE, "check", "prod"))
    script = root / "usr/share/bash-completion/completions/fluxwright"
    probe = f'source {script}; COMP_WORDS=(fluxwright re); COMP_CWORD=1; _fluxwright fluxwright re fluxwright; echo "${{COMPREPLY[*]}}"'
    check("bash completes a command", run("bash", "-c", probe).strip() == "render")
    page = gzip.decompress((root / "usr/share/man/man1/fluxwright-render.1.gz").read_bytes()).decode()
    check("the manual page of render is there", "\\-\\-exit\\-code" in page, page)


def pages(program, assets):
    found = sorted((assets / "man").glob("*.1"))
    commands = re.findall(r"^  ([a-z]+) ", run(program, "--help").split("Commands:")[1].split("Options:")[0], re.M)
    wanted = {"fluxwright.1", *(f"fluxwright-{name}.1" for name in commands if name != "help")}
    check("there is a page for each command", len(wanted) > 10 and wanted <= {page.name for page in found}, found)
    for page in found:
        said = run("groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-z", page)
        check(f"groff has no warning for {page.name}", said == "", said)


def binstall(metadata):
    """The names of archives are an agreement with .github/workflows/release.yml."""
    found = metadata["metadata"]["binstall"]
    name = "fluxwright-{ version }-{ target }"
    check("binstall: address of an archive", found["pkg-url"].endswith(f"/v{{ version }}/{name}.tar.gz"), found)
    check("binstall: place of the program", found["bin-dir"] == f"{name}/{{ bin }}{{ binary-ext }}", found)


def main(fluxwright, target, cargo_deb):
    fluxwright, target = pathlib.Path(fluxwright).resolve(), pathlib.Path(target).resolve()
    [metadata] = json.loads(run("cargo", "metadata", "--format-version=1", "--no-deps", "--locked", "--offline"))["packages"]
    version = metadata["version"]
    assets = ROOT / "target/assets"
    run(ROOT / ".ci/assets.sh", fluxwright, assets)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pages(fluxwright, assets)
        binstall(metadata)
        debian(folder, target, cargo_deb, version)
        crate(folder, target, version)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
