//! Which fields of which kinds the transformers change: the defaults of kustomize, `configurations`, and how they merge.
//!
//! The defaults are those that kustomize documents for its transformers; the tables write them by their pattern.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value;

use super::order;
use super::read::{self, Fault};
use crate::build::identity::Identity;

/// A field of the objects of a group, version and kind; an empty one of these stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) kinds: Kinds,
    /// The path as written: `spec/template/metadata/labels`.
    pub(super) path: String,
    pub(super) steps: Vec<Step>,
    /// Whether the field is made where it is missing.
    pub(super) create: bool,
}

/// One step of a path: a key of a map. Lists on the way are walked item by item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) key: String,
    /// Whether the path says that a list follows (`containers[]`); such a key is never made.
    pub(super) list: bool,
}

/// Group, version and kind; an empty one stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kinds {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl Kinds {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Tells whether an object is one of these.
    pub(super) fn select(&self, id: &Identity) -> bool {
        self.covers(&id.group, &id.version, &id.kind)
    }

    fn covers(&self, group: &str, version: &str, kind: &str) -> bool {
        let fits = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        fits(&self.kind, kind) && fits(&self.group, group) && fits(&self.version, version)
    }

    /// The order in which kustomize keeps them.
    fn rank(&self) -> (i32, String) {
        (order::rank(&self.kind), order::type_text(&self.group, &self.version, &self.kind))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    group: String,
    version: String,
    kind: String,
    path: String,
    create: bool,
}

impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { group, version, kind, path, create } = Written::deserialize(deserializer)?;
        Ok(Self::new(Kinds { group, version, kind }, &path, create))
    }
}

impl FieldSpec {
    pub(super) fn new(kinds: Kinds, path: &str, create: bool) -> Self {
        let step = |part: String| match part.strip_suffix("[]") {
            Some(key) => Step { key: key.to_owned(), list: true },
            None => Step { key: part, list: false },
        };
        Self { kinds, steps: split(path, '/').into_iter().map(step).collect(), path: path.to_owned(), create }
    }

    /// Tells whether another one says nothing that this one does not say.
    fn covers(&self, other: &Self) -> bool {
        self.path == other.path && other.kinds.covers(&self.kinds.group, &self.kinds.version, &self.kinds.kind)
    }
}

/// Splits a path; a separator behind a backslash belongs to its part, and one at the start counts for nothing.
pub(super) fn split(path: &str, separator: char) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let path = path.strip_prefix(separator).unwrap_or(path);
    for part in path.split(separator) {
        match out.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(separator);
                last.push_str(part);
            }
            _ => out.push(part.to_owned()),
        }
    }
    out
}

/// Which fields name the objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameReference {
    pub(super) kinds: Kinds,
    pub(super) fields: Vec<FieldSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenReference {
    group: String,
    version: String,
    kind: String,
    field_specs: Vec<FieldSpec>,
}

impl<'de> Deserialize<'de> for NameReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenReference { group, version, kind, field_specs } = WrittenReference::deserialize(deserializer)?;
        Ok(Self { kinds: Kinds { group, version, kind }, fields: field_specs })
    }
}

/// The fields of all transformers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<NameReference>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

/// Two entries for one field that disagree about making it.
#[derive(Debug, PartialEq)]
pub(super) struct Conflict {
    pub(super) path: String,
}

impl Config {
    /// Returns the defaults.
    pub(super) fn defaults() -> &'static Arc<Self> {
        static DEFAULTS: LazyLock<Arc<Config>> = LazyLock::new(|| Arc::new(defaults()));
        &DEFAULTS
    }

    /// Reads a file of `configurations`.
    pub(super) fn read(value: &Value) -> Result<Self, Fault> {
        read::from_value(value)
    }

    /// Adds the fields of another one.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Conflict> {
        let pairs = [
            (&mut self.name_prefix, &other.name_prefix),
            (&mut self.name_suffix, &other.name_suffix),
            (&mut self.namespace, &other.namespace),
            (&mut self.common_labels, &other.common_labels),
            (&mut self.labels, &other.labels),
            (&mut self.template_labels, &other.template_labels),
            (&mut self.common_annotations, &other.common_annotations),
            (&mut self.var_reference, &other.var_reference),
            (&mut self.images, &other.images),
            (&mut self.replicas, &other.replicas),
        ];
        for (fields, more) in pairs {
            add_all(fields, more)?;
            fields.sort_by_cached_key(|field| field.kinds.rank());
        }
        for reference in &other.name_reference {
            match self.name_reference.iter_mut().find(|known| known.kinds == reference.kinds) {
                Some(known) => add_all(&mut known.fields, &reference.fields)?,
                None => self.name_reference.push(reference.clone()),
            }
        }
        self.name_reference.sort_by_cached_key(|reference| reference.kinds.rank());
        Ok(())
    }
}

/// Adds fields that are not there yet.
pub(super) fn add_all(fields: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), Conflict> {
    for field in more {
        match fields.iter().find(|known| known.covers(field)) {
            Some(known) if known.create != field.create => return Err(Conflict { path: field.path.clone() }),
            Some(_) => {}
            None => fields.push(field.clone()),
        }
    }
    Ok(())
}

/// The kinds that hold a Pod, and where.
const PODS: [(&str, &str); 9] = [
    ("Pod", "spec"),
    ("PodTemplate", "template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// Makes the fields of Pods that hold some reference, in all kinds but those named.
fn in_pods(without: &[&str], versioned: bool, fields: &[&str]) -> Vec<FieldSpec> {
    let mut out = Vec::new();
    for (kind, at) in PODS.iter().filter(|(kind, _)| !without.contains(kind)) {
        let version = if versioned && *kind == "Pod" { "v1" } else { "" };
        out.extend(
            fields.iter().map(|field| FieldSpec::new(Kinds::new("", version, kind), &format!("{at}/{field}"), false)),
        );
    }
    out
}

fn field((group, version, kind): (&str, &str, &str), path: &str, create: bool) -> FieldSpec {
    FieldSpec::new(Kinds::new(group, version, kind), path, create)
}

fn fields(kind: &str, paths: &[&str]) -> Vec<FieldSpec> {
    paths.iter().map(|path| field(("", "", kind), path, false)).collect()
}

/// Fields that name ConfigMaps or Secrets in the containers of a Pod.
fn container_fields(environment: &str, key: &str, others: &[&'static str]) -> Vec<String> {
    let mut out = Vec::new();
    for containers in ["containers", "initContainers"] {
        out.push(format!("{containers}/env/valueFrom/{key}/name"));
        out.push(format!("{containers}/envFrom/{environment}/name"));
    }
    out.extend(others.iter().map(|other| (*other).to_owned()));
    out
}

fn defaults() -> Config {
    let metadata_labels = metadata_labels();
    let mut common_labels = selectors();
    common_labels.extend(metadata_labels.iter().cloned());
    let mut config = Config {
        name_prefix: vec![field(("", "", ""), "metadata/name", false)],
        name_suffix: vec![field(("", "", ""), "metadata/name", false)],
        namespace: vec![
            field(("", "", "Namespace"), "metadata/name", true),
            field(("apiregistration.k8s.io", "", "APIService"), "spec/service/namespace", true),
            field(
                ("apiextensions.k8s.io", "", "CustomResourceDefinition"),
                "spec/conversion/webhook/clientConfig/service/namespace",
                false,
            ),
        ],
        common_labels,
        labels: Vec::new(),
        template_labels: metadata_labels,
        common_annotations: common_annotations(),
        name_reference: name_references(),
        var_reference: var_references(),
        images: ["spec", "spec/template/spec"]
            .iter()
            .flat_map(|at| {
                ["containers[]/image", "initContainers[]/image", "volumes[]/image/reference"]
                    .map(|path| field(("", "", ""), &format!("{at}/{path}"), true))
            })
            .collect(),
        replicas: ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
            .iter()
            .map(|kind| field(("", "", kind), "spec/replicas", true))
            .collect(),
    };
    let sorted = config.merge(&Config::default());
    debug_assert!(sorted.is_ok(), "the defaults agree with themselves");
    config
}

fn metadata_labels() -> Vec<FieldSpec> {
    vec![
        field(("", "", ""), "metadata/labels", true),
        field(("", "v1", "ReplicationController"), "spec/template/metadata/labels", true),
        field(("", "", "Deployment"), "spec/template/metadata/labels", true),
        field(("", "", "ReplicaSet"), "spec/template/metadata/labels", true),
        field(("", "", "DaemonSet"), "spec/template/metadata/labels", true),
        field(("apps", "", "StatefulSet"), "spec/template/metadata/labels", true),
        field(("apps", "", "StatefulSet"), "spec/volumeClaimTemplates[]/metadata/labels", true),
        field(("batch", "", "Job"), "spec/template/metadata/labels", true),
        field(("batch", "", "CronJob"), "spec/jobTemplate/metadata/labels", true),
        field(("batch", "", "CronJob"), "spec/jobTemplate/spec/template/metadata/labels", true),
    ]
}

fn common_annotations() -> Vec<FieldSpec> {
    vec![
        field(("", "", ""), "metadata/annotations", true),
        field(("", "v1", "ReplicationController"), "spec/template/metadata/annotations", true),
        field(("", "", "Deployment"), "spec/template/metadata/annotations", true),
        field(("", "", "ReplicaSet"), "spec/template/metadata/annotations", true),
        field(("", "", "DaemonSet"), "spec/template/metadata/annotations", true),
        field(("", "", "StatefulSet"), "spec/template/metadata/annotations", true),
        field(("batch", "", "Job"), "spec/template/metadata/annotations", true),
        field(("batch", "", "CronJob"), "spec/jobTemplate/metadata/annotations", true),
        field(("batch", "", "CronJob"), "spec/jobTemplate/spec/template/metadata/annotations", true),
    ]
}

/// Selectors that labels are added to.
fn selectors() -> Vec<FieldSpec> {
    let mut out = vec![
        field(("", "v1", "Service"), "spec/selector", true),
        field(("", "v1", "ReplicationController"), "spec/selector", true),
        field(("", "", "Deployment"), "spec/selector/matchLabels", true),
        field(("", "", "ReplicaSet"), "spec/selector/matchLabels", true),
        field(("", "", "DaemonSet"), "spec/selector/matchLabels", true),
        field(("apps", "", "StatefulSet"), "spec/selector/matchLabels", true),
        field(("batch", "", "Job"), "spec/selector/matchLabels", false),
        field(("batch", "", "CronJob"), "spec/jobTemplate/spec/selector/matchLabels", false),
        field(("policy", "", "PodDisruptionBudget"), "spec/selector/matchLabels", false),
        field(("networking.k8s.io", "", "NetworkPolicy"), "spec/podSelector/matchLabels", false),
        field(("networking.k8s.io", "", "NetworkPolicy"), "spec/ingress/from/podSelector/matchLabels", false),
        field(("networking.k8s.io", "", "NetworkPolicy"), "spec/egress/to/podSelector/matchLabels", false),
    ];
    for kind in ["Deployment", "StatefulSet"] {
        let mut paths = vec!["topologySpreadConstraints/labelSelector/matchLabels".to_owned()];
        for affinity in ["podAffinity", "podAntiAffinity"] {
            paths.push(format!(
                "affinity/{affinity}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels"
            ));
            paths.push(format!(
                "affinity/{affinity}/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels"
            ));
        }
        out.extend(paths.iter().map(|path| field(("apps", "", kind), &format!("spec/template/spec/{path}"), false)));
    }
    out
}

fn name_references() -> Vec<NameReference> {
    let mut out = Vec::new();
    let mut refer = |kinds: (&str, &str, &str), fields: Vec<FieldSpec>| {
        out.push(NameReference { kinds: Kinds::new(kinds.0, kinds.1, kinds.2), fields });
    };
    for kind in ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"] {
        refer(("", "", kind), fields("HorizontalPodAutoscaler", &["spec/scaleTargetRef/name"]));
    }

    let in_containers = container_fields(
        "configMapRef",
        "configMapKeyRef",
        &["volumes/configMap/name", "volumes/projected/sources/configMap/name"],
    );
    let in_containers: Vec<&str> = in_containers.iter().map(String::as_str).collect();
    let mut config_maps = in_pods(&["ReplicationController"], true, &in_containers);
    config_maps.extend(fields("Node", &["spec/configSource/configMap"]));
    config_maps.extend(fields("Role", &["rules/resourceNames"]));
    config_maps.extend(fields("ClusterRole", &["rules/resourceNames"]));
    config_maps
        .extend(fields("Ingress", &["metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"]));
    refer(("", "v1", "ConfigMap"), config_maps);

    let in_containers = container_fields(
        "secretRef",
        "secretKeyRef",
        &["volumes/secret/secretName", "volumes/projected/sources/secret/name", "imagePullSecrets/name"],
    );
    let in_containers: Vec<&str> = in_containers.iter().map(String::as_str).collect();
    let mut secrets = in_pods(&["ReplicationController"], true, &in_containers);
    secrets.extend(fields(
        "Ingress",
        &[
            "spec/tls/secretName",
            "metadata/annotations/ingress.kubernetes.io\\/auth-secret",
            "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret",
            "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
        ],
    ));
    secrets.extend(fields("ServiceAccount", &["imagePullSecrets/name"]));
    secrets.extend(fields(
        "StorageClass",
        &["parameters/secretName", "parameters/adminSecretName", "parameters/userSecretName", "parameters/secretRef"],
    ));
    secrets.extend(fields("Role", &["rules/resourceNames"]));
    secrets.extend(fields("ClusterRole", &["rules/resourceNames"]));
    secrets.push(field(
        ("serving.knative.dev", "v1", "Service"),
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
        false,
    ));
    secrets.extend(fields("PersistentVolume", &["spec/azureFile/secretName"]));
    refer(("", "v1", "Secret"), secrets);

    let mut services = vec![field(("apps", "", "StatefulSet"), "spec/serviceName", false)];
    services.extend(fields(
        "Ingress",
        &[
            "spec/rules/http/paths/backend/serviceName",
            "spec/backend/serviceName",
            "spec/rules/http/paths/backend/service/name",
            "spec/defaultBackend/service/name",
        ],
    ));
    services.push(field(("apiregistration.k8s.io", "", "APIService"), "spec/service/name", false));
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        services.push(field(("admissionregistration.k8s.io", "", kind), "webhooks/clientConfig/service", false));
    }
    refer(("", "v1", "Service"), services);

    let rbac = "rbac.authorization.k8s.io";
    refer((rbac, "", "Role"), vec![field((rbac, "", "RoleBinding"), "roleRef/name", false)]);
    let bindings =
        |path| ["RoleBinding", "ClusterRoleBinding"].map(|kind| field((rbac, "", kind), path, false)).to_vec();
    refer((rbac, "", "ClusterRole"), bindings("roleRef/name"));

    let without = ["PodTemplate", "ReplicaSet"];
    let mut accounts = bindings("subjects");
    accounts.extend(in_pods(&without, false, &["serviceAccountName"]));
    refer(("", "v1", "ServiceAccount"), accounts);
    refer(("", "v1", "PersistentVolumeClaim"), in_pods(&without, false, &["volumes/persistentVolumeClaim/claimName"]));
    let mut volumes = fields("PersistentVolumeClaim", &["spec/volumeName"]);
    volumes.extend(fields("ClusterRole", &["rules/resourceNames"]));
    refer(("", "v1", "PersistentVolume"), volumes);
    let mut classes = fields("PersistentVolume", &["spec/storageClassName"]);
    classes.extend(fields("PersistentVolumeClaim", &["spec/storageClassName"]));
    classes.extend(fields("StatefulSet", &["spec/volumeClaimTemplates/spec/storageClassName"]));
    refer(("storage.k8s.io", "v1", "StorageClass"), classes);
    refer(("scheduling.k8s.io", "v1", "PriorityClass"), in_pods(&without, false, &["priorityClassName"]));
    // kustomize writes this group with its version in it, so that no class is ever selected.
    refer(("networking.k8s.io/v1", "v1", "IngressClass"), fields("Ingress", &["spec/ingressClassName"]));
    let admission = "admissionregistration.k8s.io";
    refer(
        (admission, "", "ValidatingAdmissionPolicy"),
        vec![field((admission, "", "ValidatingAdmissionPolicyBinding"), "spec/policyName", false)],
    );
    out
}

/// Fields in which `$(NAME)` is replaced.
fn var_references() -> Vec<FieldSpec> {
    let mut paths = Vec::new();
    for containers in ["containers", "initContainers"] {
        paths.extend(
            ["args", "command", "env/value", "volumeMounts/mountPath"].map(|path| format!("{containers}/{path}")),
        );
    }
    let in_containers: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut out = in_pods(&["PodTemplate", "ReplicationController"], false, &in_containers);
    out.extend(in_pods(
        &["PodTemplate", "ReplicationController", "CronJob", "StatefulSet"],
        false,
        &["volumes/nfs/server"],
    ));
    out.extend(fields("CronJob", &["spec/jobTemplate/spec/template/volumes/nfs/server"]));
    out.extend(fields("StatefulSet", &["spec/volumeClaimTemplates/spec/nfs/server"]));
    out.extend(fields("PersistentVolume", &["spec/nfs/server"]));
    out.extend(fields("Deployment", &["spec/template/metadata/annotations"]));
    out.extend(fields("Ingress", &["spec/rules/host", "spec/tls/hosts", "spec/tls/secretName"]));
    out.extend(fields("Service", &["spec/ports/port", "spec/ports/targetPort"]));
    out.extend(fields("", &["metadata/labels", "metadata/annotations"]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_its_separator() {
        assert_eq!(split("metadata/annotations/a.b\\/c", '/'), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("/a/b", '/'), ["a", "b"]);
        assert_eq!(split("a", '/'), ["a"]);
    }

    #[test]
    fn a_field_that_is_there_is_not_added_again() {
        let mut known = vec![field(("", "", "Deployment"), "a/b", true)];
        assert_eq!(add_all(&mut known, &[field(("", "", "Deployment"), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 1);
        // One for all kinds is covered by one for a single kind, as in kustomize.
        assert_eq!(add_all(&mut known, &[field(("", "", ""), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 1);
        assert_eq!(add_all(&mut known, &[field(("", "", "Job"), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 2);
        let conflict = Conflict { path: "a/b".into() };
        assert_eq!(add_all(&mut known, &[field(("", "", "Deployment"), "a/b", false)]), Err(conflict));
    }
}
