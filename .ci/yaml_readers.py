"""Reads YAML that fluxwright emitted with readers that are not ours.

    yaml_readers.py <samples.jsonl> <kustomize>

Each line is `{"text": "<one YAML document>", "value": <what it must mean>}`. PyYAML (YAML 1.1) must read
every text to that value, of the same types. Lines with `"configmap": true` are complete ConfigMaps of
distinct names; `kustomize build` (go-yaml) of all of them must give the same data.

DEL, C1 controls, U+FFFE and U+FFFF do not survive kustomize itself: it prints them raw and then refuses or
folds its own output. ConfigMaps with them go through PyYAML only, and are counted.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

from strict_schemas import Loader

NOT_FOR_KUSTOMIZE = re.compile("[\x7f-\x9f\ufffe\uffff]")
PER_BUILD = 500


def same(left, right):
    """Equal and of equal types: True is not 1, 1 is not 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def pyyaml_problem(sample):
    try:
        value = yaml.safe_load(sample["text"])
    except yaml.YAMLError as error:
        return f"PyYAML: {error}"
    return None if same(value, sample["value"]) else f"PyYAML reads {value!r}"


def kustomize_problems(kustomize, samples):
    """(sample, problem) for each ConfigMap that kustomize refuses or changes; halves a failing build."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{number}.yaml" for number in range(len(samples))]
        for file, sample in zip(files, samples):
            pathlib.Path(folder, file).write_text(sample["text"], newline="")
        pathlib.Path(folder, "kustomization.yaml").write_text(json.dumps({"resources": files}))
        done = subprocess.run([kustomize, "build", folder], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode == 0:
        built = {doc["metadata"]["name"]: doc.get("data") for doc in yaml.load_all(done.stdout.decode(), Loader)}
        for sample in samples:
            data = built.get(sample["value"]["metadata"]["name"])
            if not same(data, sample["value"].get("data")):
                yield sample, f"kustomize reads {data!r}"
    elif len(samples) == 1:
        yield samples[0], f"kustomize: {done.stderr.decode().strip()}"
    else:
        half = len(samples) // 2
        yield from kustomize_problems(kustomize, samples[:half])
        yield from kustomize_problems(kustomize, samples[half:])


def main(path, kustomize):
    lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
    samples = [json.loads(line) for line in lines if line.strip()]
    configmaps = [sample for sample in samples if sample.get("configmap")]
    for_kustomize = [s for s in configmaps if not NOT_FOR_KUSTOMIZE.search(json.dumps(s["value"], ensure_ascii=False))]
    problems = [(sample, found) for sample in samples if (found := pyyaml_problem(sample))]
    for start in range(0, len(for_kustomize), PER_BUILD):
        problems += kustomize_problems(kustomize, for_kustomize[start : start + PER_BUILD])
    for sample, found in problems[:50]:
        print(f"FAIL text {sample['text']!r}\n     value {sample['value']!r}\n     {found}")
    passed, failed = len(samples) + len(for_kustomize) - len(problems), len(problems)
    if not for_kustomize:
        failed += 1
        print(f"FAIL {path}: {len(samples)} samples, no ConfigMap for kustomize among them")
    print(f"{len(samples)} documents by PyYAML, {len(for_kustomize)} ConfigMaps by kustomize, "
          f"{len(configmaps) - len(for_kustomize)} ConfigMaps with characters that kustomize loses")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
