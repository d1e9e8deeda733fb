#!/usr/bin/env python3
"""`fluxwright build` against real kustomize, byte for byte.

    check_build.py <fluxwright> <test data> <kustomize>

All cases of kustomize's own test suite in `krusty/`, and objects whose texts, numbers and keys are made at random. Last
line: `N passed, M failed`.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROUNDS = 60
PLAIN = """yes No ON y ~ null 1e3 012 0o17 0x1f 0b1 1_000 12:30 12:30:45 2024-01-01 2024-1-1 2024-01-01T00:00:00Z 2024-02-30 .5 5.
+1 -1 .inf -.INF +.Inf .NaN = << - ... {a} [a] *a &a !a %a @a `a | > 1.0e+21 0 -0 08 1__0 _1 0x 9223372036854775808
18446744073709551616 a: a? -a ?a :a tRUE True nO 1.e5 .e5 0X1F 1:60 190:20:30.15 é 日本 -- --- ---a .. a,b a] +12 0_1 12e03
-.5 0b2 0o8 007 it's "x" \\ '""".split()
TEXTS = PLAIN + [
    "", " ", "a: b", "a #b", " a", "a ", "\ta", "a\tb", "\n", "a\n", "a\n\n", "\na", " a\nb", "a \nb", "a\r\nb", "\u2028", "\ufeffa",
    "\U0001f600", "a\u00a0b", "word " * 40, "it's: " * 30, 'a\\b " ' * 30, "x" * 90, "a\n  b\n c\n", "\n\n", "a\n b \n",
    "2024-01-01t1:02:03.4+01:00", "2024-01-01 1:02:03", ("word " * 40).strip(), ("word  " * 40).strip(), "- a\n- b", "#x\n#y",
]  # fmt: skip
# No digits before letters: kustomize sorts such keys by chance, since its comparison has cycles.
KEYS = ["a1", "a10", "a2", "B", "_x", "b", "ab", "a-1", "1", "10", "2", "é", "a:b", "#a", "k k", "x" * 200, *PLAIN[:6]]
KINDS = {
    "x.example/v1": ["Thing", "Ingress"], "x.example/v1beta1": ["Thing"], "v1": ["ConfigMap", "Service", "Pod"],
    "apps/v1": ["Deployment", "DaemonSet"], "networking.k8s.io/v1": ["Ingress"], "batch/v1": ["CronJob", "Job"],
}  # fmt: skip
NUMBERS = [0, 1, -5, 1.5, 1e21, 1e-7, 123456789.5, 1e20, 3.0, 12345678901234567890, -1.5e300, 0.0001, 0.00001, 100000.5]

passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED: {what}\n{detail}")


def build(program, directory, *flags):
    return subprocess.run([program, "build", *flags, directory], capture_output=True, text=True, timeout=120)


def text(rng):
    if rng.random() < 0.7:
        return rng.choice(TEXTS)
    words = ("".join(rng.choice("abc:'\"#-1 ,[]{}é|>&*!%@`.~") for _ in range(rng.randint(1, 12))) for _ in range(30))
    return " ".join(words)


def value(rng, depth=0):
    kind = rng.random()
    if depth > 3 or kind < 0.6:
        return text(rng)
    if kind < 0.7:
        return rng.choice([*NUMBERS, True, None])
    if kind < 0.85:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(KEYS): value(rng, depth + 1) for _ in range(rng.randint(0, 6))}


def printing(program, kustomize):
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        versions = [rng.choice(list(KINDS)) for _ in range(30)]
        objects = [
            {
                "apiVersion": version,
                "kind": rng.choice(KINDS[version]),
                "metadata": {"name": f"n{number}", "namespace": rng.choice(["a", "a-b", "ab", "a.b"])},
                "spec": {"v": value(rng)},
            }
            for number, version in enumerate(versions)
        ]
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            documents = (json.dumps(one, ensure_ascii=False) for one in objects)
            (scratch / "all.yaml").write_text("\n---\n".join(documents))
            (scratch / "kustomization.yaml").write_text("resources: [all.yaml]\n")
            real, ours = build(kustomize, scratch), build(program, scratch)
        good = real.returncode == ours.returncode == 0 and real.stdout == ours.stdout
        check(f"objects of seed {seed}", good, real.stderr + ours.stderr)


def suite(program, data):
    for case in sorted(path for path in (data / "data/krusty").iterdir() if path.is_dir()):
        about = json.loads((case / "case.json").read_text())
        done = build(program, case / "input" / about["dir"].lstrip("/"), *about["flags"])
        if about["expect"] != "output":
            check(f"{case.name} is an error", done.returncode == 2 and not done.stdout, done.stdout)
        else:
            good = done.returncode == 0 and done.stdout == (case / "expected.yaml").read_text()
            check(f"{case.name} is printed as it should be", good, done.stderr)


def main():
    program, data, kustomize = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    suite(program, data)
    printing(program, kustomize)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
