//! The fields that the transformers change when nobody configures them, by the documentation of kustomize.

use super::{Config, FieldSpec, Kinds, NameReference};

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

pub(super) fn field((group, version, kind): (&str, &str, &str), path: &str, create: bool) -> FieldSpec {
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

pub(super) fn all() -> Config {
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
