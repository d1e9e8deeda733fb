//! What strategic merge knows about built-in kinds: which lists are merged and by which keys, which kinds have no namespace.
//!
//! kustomize 5.8.1 carries the API of Kubernetes 1.21, so this is that API: later kinds and fields (`autoscaling/v2`,
//! `schedulingGates`) have no schema there, and their lists are replaced. Every row was measured with the real program.

/// The lists of one type that are not simply replaced.
#[derive(Debug)]
pub struct Shape {
    fields: &'static [(&'static str, Field)],
}

/// How one field is merged. Maps merge field by field even without a row here.
#[derive(Debug)]
pub enum Field {
    /// A map with rows of its own.
    Map(&'static Shape),
    /// A list of maps, merged by one or two keys.
    Keyed(&'static [&'static str], &'static Shape),
    /// A list of scalars, merged as a set.
    Set,
}

impl Shape {
    /// Makes a shape of rows.
    pub(super) fn of(fields: &'static [(&'static str, Field)]) -> Self {
        Self { fields }
    }

    /// Returns how a field is merged, or `None` when nothing particular is known.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, how)| how)
    }

    /// Returns the shape of a map below.
    pub(super) fn map(&self, name: &str) -> &'static Shape {
        match self.field(name) {
            Some(Field::Map(shape)) => shape,
            _ => &OPEN,
        }
    }
}

/// A type without merged lists, and every type of a custom resource.
pub static OPEN: Shape = Shape { fields: &[] };

use Field::{Keyed, Map, Set};

static META: Shape = Shape { fields: &[("finalizers", Set), ("ownerReferences", Keyed(&["uid"], &OPEN))] };
static CONTAINER: Shape = Shape {
    fields: &[
        ("env", Keyed(&["name"], &OPEN)),
        ("ports", Keyed(&["containerPort", "protocol"], &OPEN)),
        ("volumeDevices", Keyed(&["devicePath"], &OPEN)),
        ("volumeMounts", Keyed(&["mountPath"], &OPEN)),
    ],
};
/// The API gives the ports of ephemeral containers no merge key.
static EPHEMERAL_CONTAINER: Shape = Shape {
    fields: &[
        ("env", Keyed(&["name"], &OPEN)),
        ("volumeDevices", Keyed(&["devicePath"], &OPEN)),
        ("volumeMounts", Keyed(&["mountPath"], &OPEN)),
    ],
};
static POD_SPEC: Shape = Shape {
    fields: &[
        ("containers", Keyed(&["name"], &CONTAINER)),
        ("initContainers", Keyed(&["name"], &CONTAINER)),
        ("ephemeralContainers", Keyed(&["name"], &EPHEMERAL_CONTAINER)),
        ("hostAliases", Keyed(&["ip"], &OPEN)),
        ("imagePullSecrets", Keyed(&["name"], &OPEN)),
        ("topologySpreadConstraints", Keyed(&["topologyKey", "whenUnsatisfiable"], &OPEN)),
        ("volumes", Keyed(&["name"], &OPEN)),
    ],
};
static POD_TEMPLATE: Shape = Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&POD_SPEC))] };
static CONDITIONS: Shape = Shape { fields: &[("conditions", Keyed(&["type"], &OPEN))] };

static PLAIN: Shape = Shape { fields: &[("metadata", Map(&META))] };
static CONDITIONED: Shape = Shape { fields: &[("metadata", Map(&META)), ("status", Map(&CONDITIONS))] };
static WORKLOAD_SPEC: Shape = Shape { fields: &[("template", Map(&POD_TEMPLATE))] };
static WORKLOAD: Shape =
    Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&WORKLOAD_SPEC)), ("status", Map(&CONDITIONS))] };
static JOB_TEMPLATE: Shape = Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&WORKLOAD_SPEC))] };
static CRON_JOB_SPEC: Shape = Shape { fields: &[("jobTemplate", Map(&JOB_TEMPLATE))] };
static CRON_JOB: Shape = Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&CRON_JOB_SPEC))] };
static POD_STATUS: Shape =
    Shape { fields: &[("conditions", Keyed(&["type"], &OPEN)), ("podIPs", Keyed(&["ip"], &OPEN))] };
static POD: Shape =
    Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&POD_SPEC)), ("status", Map(&POD_STATUS))] };
static POD_TEMPLATE_KIND: Shape = Shape { fields: &[("metadata", Map(&META)), ("template", Map(&POD_TEMPLATE))] };
static SERVICE_SPEC: Shape = Shape { fields: &[("ports", Keyed(&["port", "protocol"], &OPEN))] };
static SERVICE: Shape =
    Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&SERVICE_SPEC)), ("status", Map(&CONDITIONS))] };
/// `imagePullSecrets` of a ServiceAccount has no merge key, unlike that of a Pod.
static SERVICE_ACCOUNT: Shape = Shape { fields: &[("metadata", Map(&META)), ("secrets", Keyed(&["name"], &OPEN))] };
static NODE_SPEC: Shape = Shape { fields: &[("podCIDRs", Set)] };
static NODE_STATUS: Shape =
    Shape { fields: &[("addresses", Keyed(&["type"], &OPEN)), ("conditions", Keyed(&["type"], &OPEN))] };
static NODE: Shape =
    Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&NODE_SPEC)), ("status", Map(&NODE_STATUS))] };
static COMPONENT_STATUS: Shape = Shape { fields: &[("metadata", Map(&META)), ("conditions", Keyed(&["type"], &OPEN))] };
static WEBHOOKS: Shape = Shape { fields: &[("metadata", Map(&META)), ("webhooks", Keyed(&["name"], &OPEN))] };
static CSI_NODE_SPEC: Shape = Shape { fields: &[("drivers", Keyed(&["name"], &OPEN))] };
static CSI_NODE: Shape = Shape { fields: &[("metadata", Map(&META)), ("spec", Map(&CSI_NODE_SPEC))] };

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Namespaced,
    Cluster,
}

use Scope::{Cluster, Namespaced};

type Row = (&'static str, &'static [&'static str], Scope, &'static Shape);

/// API version, kinds, scope, shape.
static KINDS: &[Row] = &[
    (
        "v1",
        &["ConfigMap", "Secret", "Endpoints", "Event", "LimitRange", "ResourceQuota", "Binding"],
        Namespaced,
        &PLAIN,
    ),
    ("v1", &["PersistentVolumeClaim"], Namespaced, &CONDITIONED),
    ("v1", &["Pod"], Namespaced, &POD),
    ("v1", &["PodTemplate"], Namespaced, &POD_TEMPLATE_KIND),
    ("v1", &["ReplicationController"], Namespaced, &WORKLOAD),
    ("v1", &["Service"], Namespaced, &SERVICE),
    ("v1", &["ServiceAccount"], Namespaced, &SERVICE_ACCOUNT),
    ("v1", &["Namespace"], Cluster, &CONDITIONED),
    ("v1", &["Node"], Cluster, &NODE),
    ("v1", &["PersistentVolume"], Cluster, &PLAIN),
    ("v1", &["ComponentStatus"], Cluster, &COMPONENT_STATUS),
    ("apps/v1", &["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"], Namespaced, &WORKLOAD),
    ("apps/v1", &["ControllerRevision"], Namespaced, &PLAIN),
    ("batch/v1", &["Job"], Namespaced, &WORKLOAD),
    ("batch/v1", &["CronJob"], Namespaced, &CRON_JOB),
    ("batch/v1beta1", &["CronJob"], Namespaced, &CRON_JOB),
    ("policy/v1", &["PodDisruptionBudget"], Namespaced, &CONDITIONED),
    ("policy/v1beta1", &["PodDisruptionBudget"], Namespaced, &CONDITIONED),
    ("policy/v1beta1", &["PodSecurityPolicy"], Cluster, &PLAIN),
    ("autoscaling/v1", &["HorizontalPodAutoscaler"], Namespaced, &PLAIN),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], Namespaced, &PLAIN),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], Namespaced, &PLAIN),
    ("networking.k8s.io/v1", &["Ingress", "NetworkPolicy"], Namespaced, &PLAIN),
    ("networking.k8s.io/v1", &["IngressClass"], Cluster, &PLAIN),
    ("networking.k8s.io/v1beta1", &["Ingress"], Namespaced, &PLAIN),
    ("networking.k8s.io/v1beta1", &["IngressClass"], Cluster, &PLAIN),
    ("extensions/v1beta1", &["Ingress"], Namespaced, &PLAIN),
    ("rbac.authorization.k8s.io/v1", &["Role", "RoleBinding"], Namespaced, &PLAIN),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding"], Cluster, &PLAIN),
    ("rbac.authorization.k8s.io/v1beta1", &["Role", "RoleBinding"], Namespaced, &PLAIN),
    ("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding"], Cluster, &PLAIN),
    ("rbac.authorization.k8s.io/v1alpha1", &["Role", "RoleBinding"], Namespaced, &PLAIN),
    ("rbac.authorization.k8s.io/v1alpha1", &["ClusterRole", "ClusterRoleBinding"], Cluster, &PLAIN),
    ("admissionregistration.k8s.io/v1", WEBHOOK_KINDS, Cluster, &WEBHOOKS),
    ("admissionregistration.k8s.io/v1beta1", WEBHOOK_KINDS, Cluster, &WEBHOOKS),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"], Cluster, &PLAIN),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"], Cluster, &PLAIN),
    ("apiregistration.k8s.io/v1", &["APIService"], Cluster, &CONDITIONED),
    ("apiregistration.k8s.io/v1beta1", &["APIService"], Cluster, &CONDITIONED),
    ("authentication.k8s.io/v1", &["TokenReview"], Cluster, &PLAIN),
    ("authorization.k8s.io/v1", ACCESS_REVIEWS, Cluster, &PLAIN),
    ("authorization.k8s.io/v1", &["LocalSubjectAccessReview"], Namespaced, &PLAIN),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"], Cluster, &PLAIN),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], Cluster, &PLAIN),
    ("coordination.k8s.io/v1", &["Lease"], Namespaced, &PLAIN),
    ("coordination.k8s.io/v1beta1", &["Lease"], Namespaced, &PLAIN),
    ("discovery.k8s.io/v1", &["EndpointSlice"], Namespaced, &PLAIN),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"], Namespaced, &PLAIN),
    ("events.k8s.io/v1", &["Event"], Namespaced, &PLAIN),
    ("events.k8s.io/v1beta1", &["Event"], Namespaced, &PLAIN),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"], Cluster, &PLAIN),
    ("node.k8s.io/v1", &["RuntimeClass"], Cluster, &PLAIN),
    ("node.k8s.io/v1beta1", &["RuntimeClass"], Cluster, &PLAIN),
    ("scheduling.k8s.io/v1", &["PriorityClass"], Cluster, &PLAIN),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], Cluster, &PLAIN),
    ("storage.k8s.io/v1", &["CSIDriver", "StorageClass", "VolumeAttachment"], Cluster, &PLAIN),
    ("storage.k8s.io/v1", &["CSINode"], Cluster, &CSI_NODE),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "StorageClass", "VolumeAttachment"], Cluster, &PLAIN),
    ("storage.k8s.io/v1beta1", &["CSINode"], Cluster, &CSI_NODE),
    ("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], Namespaced, &PLAIN),
];

const WEBHOOK_KINDS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const ACCESS_REVIEWS: &[&str] = &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"];

fn row(api_version: &str, kind: &str) -> Option<&'static Row> {
    KINDS.iter().find(|(known, kinds, ..)| *known == api_version && kinds.contains(&kind))
}

/// Returns the shape of a type of the API by the name of its definition.
pub(super) fn builtin_type(definition: &str) -> Option<&'static Shape> {
    let shape = match definition {
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" => &META,
        "io.k8s.api.core.v1.PodTemplateSpec" => &POD_TEMPLATE,
        "io.k8s.api.core.v1.PodSpec" => &POD_SPEC,
        "io.k8s.api.core.v1.Container" => &CONTAINER,
        "io.k8s.api.core.v1.EphemeralContainer" => &EPHEMERAL_CONTAINER,
        "io.k8s.api.core.v1.ServiceSpec" => &SERVICE_SPEC,
        "io.k8s.api.batch.v1.JobTemplateSpec" => &JOB_TEMPLATE,
        "io.k8s.api.batch.v1.JobSpec" => &WORKLOAD_SPEC,
        "io.k8s.api.apps.v1.DeploymentSpec" => &WORKLOAD_SPEC,
        _ => return None,
    };
    Some(shape)
}

/// Returns the shape of a kind; custom resources have an open one.
pub fn shape(api_version: &str, kind: &str) -> &'static Shape {
    row(api_version, kind).map_or(&OPEN, |(.., shape)| *shape)
}

/// Tells whether kustomize has a schema for a kind; without one it replaces every list in a merge.
pub fn is_builtin(api_version: &str, kind: &str) -> bool {
    row(api_version, kind).is_some()
}

/// Tells whether kustomize knows that a kind has no namespace; it takes all kinds that it does not know for namespaced.
pub fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    row(api_version, kind).is_some_and(|(_, _, scope, _)| *scope == Cluster)
}
