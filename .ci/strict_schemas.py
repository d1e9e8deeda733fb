"""Strict validation of Kubernetes objects, without a cluster.

Built-in kinds go through kubernetes-validate's strict schemas of every version in KUBERNETES; custom
kinds through the CRDs of a folder, closed the way strict field validation of an API server closes them.
`Validator.problems(obj)` returns a list of messages; an empty one means valid. CEL rules of CRDs
(`x-kubernetes-validations`) are not evaluated.
"""

import functools
import pathlib

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import yaml

KUBERNETES = ["1.28", "1.32"]


def shape(**properties):
    """A JSON Schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
SECRET_KEY = shape(valueFrom=shape(secretKeyRef=shape(name=TEXT, key=TEXT)))
OPENSEARCH = shape(
    host=TEXT, port={"type": "integer"}, scheme={"enum": ["http", "https"]}, ssl_verify={"type": "boolean"},
    user=TEXT, password=SECRET_KEY,
)
LOGGING = "logging.banzaicloud.io/v1beta1"
# Kinds without a CRD in the test data -> the shape of their `spec`. Proxy has no public schema at all. Those of the
# Logging Operator have thousands of fields of which we render a few: the shape holds these, and no others, so that
# a new field or a wrong place is seen. Any other kind without a schema is a failure.
NO_SCHEMA = {
    ("config.nova-platform.io/v1alpha1", "Proxy"): {},
    (LOGGING, "ClusterOutput"): shape(opensearch=OPENSEARCH),
    (LOGGING, "ClusterFlow"): shape(globalOutputRefs={"type": "array", "minItems": 1, "items": TEXT}),
}
# Vendors that renamed the API group of a public CRD.
RENAMED_GROUPS = {"astromkey.com": "dynatrace.com"}
SSA = "kustomize.toolkit.fluxcd.io/ssa"

# It re-reads megabytes of JSON for every object otherwise.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


class Loader(yaml.SafeLoader):
    """SafeLoader for what kustomize prints: no dates, `=` and `<<` are strings, no duplicate keys."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not a string", node.start_mark)
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", node.start_mark)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":value", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text):
    """Every non-empty document of a YAML stream."""
    return [doc for doc in yaml.load_all(text, Loader=Loader) if doc is not None]


def identity(obj):
    """(apiVersion, kind, namespace, name)"""
    meta = obj.get("metadata") or {}
    return obj.get("apiVersion"), obj.get("kind"), meta.get("namespace", ""), meta.get("name")


def closed(schema, embedded=False):
    """An OpenAPI v3 schema of a CRD as a JSON Schema that refuses unknown fields."""
    out = dict(schema)
    if "properties" in out:
        out["properties"] = {key: closed(value) for key, value in out["properties"].items()}
        if not out.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in out:
            if out.get("x-kubernetes-embedded-resource") or embedded:
                for key in ("apiVersion", "kind", "metadata"):
                    out["properties"].setdefault(key, {})
            out["additionalProperties"] = False
        # the API server fills in defaults before it validates
        out["required"] = [key for key in out.get("required", []) if "default" not in out["properties"].get(key, {})]
    for key in ("items", "additionalProperties"):
        if isinstance(out.get(key), dict):
            out[key] = closed(out[key])
    if out.get("x-kubernetes-int-or-string"):
        out["type"] = ["integer", "string"]
    if out.get("nullable") and "type" in out:
        out["type"] = [*(out["type"] if isinstance(out["type"], list) else [out["type"]]), "null"]
    return out  # allOf/anyOf/oneOf only constrain a structural schema: they stay open


def is_variable_text(error):
    """A `${variable}` stands where a pattern, a length or an enum would judge the final value."""
    text = isinstance(error.instance, str) and "${" in error.instance
    return text and error.validator in {"pattern", "format", "enum", "minLength", "maxLength"}


class Validator:
    def __init__(self, crds: pathlib.Path):
        self.crds = {}  # (group, kind) -> {version: validator}
        self.skipped, self.shaped = set(), set()
        for path in sorted(crds.glob("*.yaml")):
            for crd in documents(path.read_text()):
                spec = crd["spec"]
                self.crds[spec["group"], spec["names"]["kind"]] = {
                    # draft 4 is OpenAPI v3.0's dialect
                    version["name"]: jsonschema.Draft4Validator(closed(version["schema"]["openAPIV3Schema"], True))
                    for version in spec["versions"]
                }

    def problems(self, obj):
        api_version, kind, _, name = identity(obj)
        if not (isinstance(api_version, str) and isinstance(kind, str) and isinstance(name, str)):
            return ["apiVersion, kind or metadata.name is missing"]
        if (api_version, kind) in NO_SCHEMA:
            spec = NO_SCHEMA[api_version, kind]
            (self.shaped if spec else self.skipped).add(f"{api_version} {kind}")
            return self.shape_problems(obj, spec) + self.metadata_problems(obj)
        group, _, version = api_version.rpartition("/")
        group = RENAMED_GROUPS.get(group, group)
        if (group, kind) in self.crds:
            if version not in self.crds[group, kind]:
                return [f"the CRD of {kind} has no version {version}"]
            found = self.crd_problems(obj, self.crds[group, kind][version])
            return found + self.metadata_problems(obj)
        if "." not in group or group.endswith(".k8s.io"):
            return self.builtin_problems(obj)
        return [f"no schema for {api_version} {kind}"]

    @staticmethod
    def crd_problems(obj, validator):
        partial = (obj["metadata"].get("annotations") or {}).get(SSA) == "Merge" and obj["kind"] == "Kustomization"
        return [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(obj)
            if not is_variable_text(error)
            and not (partial and error.validator == "required" and list(error.absolute_path) == ["spec"])
        ]

    @staticmethod
    def shape_problems(obj, spec):
        whole = shape(apiVersion=TEXT, kind=TEXT, metadata={"type": "object"}, spec=spec)
        errors = jsonschema.Draft4Validator(whole).iter_errors(obj)
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]

    def metadata_problems(self, obj):
        """A CRD says nothing of metadata; it is the same ObjectMeta as a ConfigMap's."""
        return self.builtin_problems({"apiVersion": "v1", "kind": "ConfigMap", "metadata": obj["metadata"]})

    @staticmethod
    def builtin_problems(obj):
        found = []
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(obj, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f"k8s {version}: {'.'.join(map(str, error.path))}: {error.message}")
            except kubernetes_validate.SchemaNotFoundError as error:
                found.append(error.message)
        return found
