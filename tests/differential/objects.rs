//! Objects of built-in and custom kinds that refer to one another in all the ways that kustomize knows.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// Few names, so that objects meet.
const NAMES: [&str; 6] = ["web", "api", "db", "cfg", "web-api", "a.b"];
const NAMESPACES: [&str; 4] = ["shop", "ops", "default", "kube-system"];
/// Values that readers of YAML like to misread, and plain ones.
pub const TEXTS: [&str; 16] = [
    "1",
    "true",
    "web",
    "a-b",
    "x.y.z",
    "",
    "two words",
    "012",
    "null",
    "yes",
    "line1\nline2\n",
    "1.50",
    "2024-01-01",
    "http://web.shop:80/x",
    "k: v",
    "nginx:1.2",
];
/// Variables that objects use, whether somebody defines them or not.
pub const VARIABLES: [&str; 3] = ["NAME", "PORT", "KEY"];

/// An object as a later layer may refer to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Id {
    pub api: String,
    pub kind: String,
    /// Its name where it was made.
    pub name: String,
    /// Its name in the layers so far, without a hash.
    pub current: String,
    pub namespace: Option<String>,
    /// The namespace in the layers so far.
    pub current_namespace: Option<String>,
    /// Whether a generator made it.
    pub generated: bool,
    pub labels: Vec<(String, String)>,
    /// The object as it was made.
    pub body: Value,
}

impl Id {
    pub fn of(value: &Value) -> Id {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace = Some(text("/metadata/namespace")).filter(|text| !text.is_empty());
        let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten().filter_map(|(key, v)| Some((key.clone(), v.as_str()?.to_owned())));
        Id {
            api: text("/apiVersion"),
            kind: text("/kind"),
            name: text("/metadata/name"),
            current: text("/metadata/name"),
            current_namespace: namespace.clone(),
            namespace,
            generated: false,
            labels: labels.collect(),
            body: value.clone(),
        }
    }

    pub fn group(&self) -> &str {
        self.api.split_once('/').map_or("", |(group, _)| group)
    }

    pub fn version(&self) -> &str {
        self.api.split_once('/').map_or(self.api.as_str(), |(_, version)| version)
    }

    /// What stands at a path of `replacements` or `vars` without lists by key.
    pub fn at(&self, path: &str) -> Option<&Value> {
        let first = path
            .replace("[name=http]", "0")
            .replace("[name=c0]", "0")
            .replace("[name=one]", "0")
            .replace("[name=two]", "1");
        let steps =
            first.replace("[other.key]", "other/key").replace(['.', '['], "/").replace(']', "").replace('*', "0");
        self.body.pointer(&format!("/{}", steps.replace("other/key", "other.key"))).filter(|value| !value.is_null())
    }

    pub fn has_pods(&self) -> bool {
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"].contains(&self.kind.as_str())
    }
}

/// Makes objects whose identities are all different.
pub struct Maker {
    taken: Vec<(String, String, Option<String>)>,
    /// The chance that a text has a variable in it.
    variables: usize,
    /// The chance that an object has a namespace of its own.
    namespaces: usize,
    /// Whether the objects come twice into the tree, under two names.
    pub shared: bool,
}

const KINDS: [(&str, &str, usize); 36] = [
    ("v1", "ConfigMap", 6),
    ("v1", "Secret", 5),
    ("v1", "Service", 6),
    ("v1", "ServiceAccount", 4),
    ("v1", "Pod", 2),
    ("v1", "PersistentVolumeClaim", 3),
    ("v1", "PersistentVolume", 1),
    ("v1", "Namespace", 2),
    ("v1", "Endpoints", 1),
    ("v1", "ResourceQuota", 1),
    ("v1", "LimitRange", 1),
    ("v1", "List", 1),
    ("apps/v1", "Deployment", 9),
    ("apps/v1", "StatefulSet", 4),
    ("apps/v1", "DaemonSet", 2),
    ("apps/v1", "ReplicaSet", 1),
    ("batch/v1", "Job", 2),
    ("batch/v1", "CronJob", 3),
    ("networking.k8s.io/v1", "Ingress", 4),
    ("networking.k8s.io/v1", "IngressClass", 1),
    ("networking.k8s.io/v1", "NetworkPolicy", 2),
    ("autoscaling/v2", "HorizontalPodAutoscaler", 3),
    ("policy/v1", "PodDisruptionBudget", 2),
    ("rbac.authorization.k8s.io/v1", "Role", 2),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", 3),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", 2),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", 3),
    ("scheduling.k8s.io/v1", "PriorityClass", 1),
    ("storage.k8s.io/v1", "StorageClass", 1),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", 1),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", 1),
    ("apiregistration.k8s.io/v1", "APIService", 1),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", 1),
    ("example.io/v1", "Widget", 5),
    ("example.io/v1beta1", "ClusterWidget", 1),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", 1),
];
const CLUSTER: [&str; 11] = [
    "PersistentVolume",
    "Namespace",
    "IngressClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "PriorityClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "CustomResourceDefinition",
];

impl Maker {
    pub fn new(variables: usize, namespaces: usize) -> Self {
        Self { taken: Vec::new(), variables, namespaces, shared: false }
    }

    /// A few objects of any kinds.
    pub fn objects(&mut self, dice: &mut Dice, count: usize) -> Vec<Value> {
        (0..count)
            .filter_map(|_| {
                let mut at = dice.below(KINDS.iter().map(|(_, _, weight)| weight).sum());
                let (api, kind, _) = KINDS.iter().find(|(_, _, weight)| {
                    let found = at < *weight;
                    at = at.saturating_sub(*weight);
                    found
                })?;
                self.object(dice, api, kind)
            })
            .collect()
    }

    /// Takes an identity, unless it is taken.
    pub fn take(&mut self, kind: &str, name: &str, namespace: Option<&str>) -> bool {
        // To kustomize the namespace `default` is none at all.
        let namespace = namespace.filter(|namespace| *namespace != "default").map(str::to_owned);
        let id = (kind.to_owned(), name.to_owned(), namespace);
        let free = !self.taken.contains(&id);
        if free {
            self.taken.push(id);
        }
        free
    }

    pub fn name(&self, dice: &mut Dice) -> String {
        dice.text(&NAMES)
    }

    fn word(&self, dice: &mut Dice) -> String {
        let variable = dice.text(&VARIABLES);
        match dice.below(100) {
            roll if roll >= self.variables => dice.text(&TEXTS),
            roll if roll % 4 == 0 => format!("$({variable})"),
            roll if roll % 4 == 1 => format!("http://$({variable}):8080/$(OTHER)"),
            roll if roll % 4 == 2 => format!("$$({variable}) $({variable})"),
            _ => format!("$({variable})-$({variable})"),
        }
    }

    pub fn object(&mut self, dice: &mut Dice, api: &str, kind: &str) -> Option<Value> {
        // The names of these never change, so they would be there twice.
        if self.shared && ["Namespace", "CustomResourceDefinition", "APIService"].contains(&kind) {
            return None;
        }
        let name = match kind {
            "CustomResourceDefinition" => "widgets.example.io".to_owned(),
            "APIService" => "v1.example.io".to_owned(),
            "Namespace" => dice.text(&NAMESPACES[..2]),
            _ => self.name(dice),
        };
        let namespace = (!CLUSTER.contains(&kind) && kind != "List" && dice.chance(self.namespaces))
            .then(|| dice.text(&NAMESPACES));
        if !self.take(kind, &name, namespace.as_deref()) {
            return None;
        }
        let mut metadata = json!({"name": name});
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        if dice.chance(40) {
            metadata["labels"] = json!({"app": self.name(dice)});
            if dice.chance(40) {
                metadata["labels"]["tier"] = self.plain(dice).into();
            }
        }
        if dice.chance(25) {
            metadata["annotations"] = json!({"note": self.word(dice), "example.io/x": self.word(dice)});
        }
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": metadata});
        if kind == "List" {
            object = json!({"apiVersion": api, "kind": kind});
        }
        if let (Some(object), Value::Object(body)) = (object.as_object_mut(), self.body(dice, kind)) {
            object.extend(body);
        }
        Some(object)
    }

    fn plain(&self, dice: &mut Dice) -> String {
        dice.text(&["web", "front", "1", "true", "x.y"])
    }

    fn labels(&self, dice: &mut Dice) -> Value {
        json!({"app": self.name(dice)})
    }

    fn body(&mut self, dice: &mut Dice, kind: &str) -> Value {
        match kind {
            "ConfigMap" => {
                let mut body = json!({"data": {"key": self.word(dice)}});
                if dice.chance(50) {
                    body["data"]["other.key"] = dice.text(&TEXTS).into();
                }
                if dice.chance(10) {
                    body["binaryData"] = json!({"bin": "AAEC"});
                }
                if dice.chance(10) {
                    body["immutable"] = true.into();
                }
                body
            }
            "Secret" => match dice.below(3) {
                0 => json!({"type": "Opaque", "data": {"key": "c2VjcmV0"}}),
                1 => json!({"stringData": {"key": self.word(dice)}}),
                _ => json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ==", "tls.key": "Yg=="}}),
            },
            "Service" => {
                let mut body = json!({"spec": {"ports": [{"port": 80, "name": "http"}]}});
                if dice.chance(70) {
                    body["spec"]["selector"] = self.labels(dice);
                }
                if dice.chance(30) {
                    body["spec"]["ports"] = json!([{"port": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]);
                }
                body
            }
            "ServiceAccount" => {
                json!({"secrets": [{"name": self.name(dice)}], "imagePullSecrets": [{"name": self.name(dice)}]})
            }
            "Pod" => json!({"spec": self.pod(dice)}),
            "PersistentVolumeClaim" => json!({"spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": self.name(dice), "volumeName": self.name(dice),
                "resources": {"requests": {"storage": "1Gi"}},
            }}),
            "PersistentVolume" => json!({"spec": {
                "capacity": {"storage": "1Gi"}, "storageClassName": self.name(dice),
                "claimRef": {"kind": "PersistentVolumeClaim", "name": self.name(dice), "namespace": dice.text(&NAMESPACES)},
                "csi": {"driver": "x", "nodePublishSecretRef": {"name": self.name(dice), "namespace": dice.text(&NAMESPACES)}},
            }}),
            "Endpoints" => json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
            "ResourceQuota" => json!({"spec": {"hard": {"pods": "10", "cpu": 4}}}),
            "LimitRange" => json!({"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}}),
            "List" => {
                let items: Vec<Value> =
                    ["ConfigMap", "Service"].into_iter().filter_map(|kind| self.object(dice, "v1", kind)).collect();
                json!({"items": items})
            }
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => {
                let labels = self.labels(dice);
                let mut body = json!({"spec": {"selector": {"matchLabels": labels}, "template": {
                    "metadata": {"labels": labels}, "spec": self.pod(dice),
                }}});
                if kind != "DaemonSet" && dice.chance(60) {
                    body["spec"]["replicas"] = dice.below(4).into();
                }
                if dice.chance(20) {
                    body["spec"]["template"]["metadata"]["annotations"] = json!({"note": self.word(dice)});
                }
                if kind == "StatefulSet" {
                    body["spec"]["serviceName"] = self.name(dice).into();
                    if dice.chance(50) {
                        body["spec"]["volumeClaimTemplates"] =
                            json!([{"metadata": {"name": "data"}, "spec": {"storageClassName": self.name(dice)}}]);
                    }
                }
                body
            }
            "Job" => json!({"spec": {"template": {"spec": self.pod(dice)}}}),
            "CronJob" => json!({"spec": {
                "schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": {"spec": self.pod(dice)}}},
            }}),
            "Ingress" => {
                let mut body = json!({"spec": {"rules": [{"host": "web.example", "http": {"paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": self.name(dice), "port": {"number": 80}}},
                }]}}]}});
                if dice.chance(50) {
                    body["spec"]["tls"] = json!([{"hosts": ["web.example"], "secretName": self.name(dice)}]);
                }
                if dice.chance(30) {
                    body["spec"]["defaultBackend"] =
                        json!({"service": {"name": self.name(dice), "port": {"name": "http"}}});
                    body["spec"]["ingressClassName"] = self.name(dice).into();
                }
                body
            }
            "IngressClass" => {
                json!({"spec": {"controller": "example.io/x", "parameters": {"kind": "ConfigMap", "name": self.name(dice)}}})
            }
            "NetworkPolicy" => json!({"spec": {
                "podSelector": {"matchLabels": self.labels(dice)},
                "ingress": [{"from": [{"podSelector": {"matchLabels": self.labels(dice)}}, {"namespaceSelector": {}}]}],
                "egress": [{"to": [{"podSelector": {}}]}],
            }}),
            "HorizontalPodAutoscaler" => json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {
                "apiVersion": "apps/v1", "kind": dice.text(&["Deployment", "StatefulSet"]), "name": self.name(dice),
            }}}),
            "PodDisruptionBudget" => {
                json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": self.labels(dice)}}})
            }
            "Role" | "ClusterRole" => {
                let mut body = json!({"rules": [{
                    "apiGroups": [""], "resources": [dice.text(&["configmaps", "secrets", "services"])],
                    "resourceNames": [self.name(dice), self.name(dice)], "verbs": ["get"],
                }]});
                if kind == "ClusterRole" && dice.chance(30) {
                    body["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"agg": "yes"}}]});
                }
                body
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let role = if kind == "ClusterRoleBinding" { "ClusterRole" } else { "Role" };
                let mut subject = json!({"kind": "ServiceAccount", "name": self.name(dice)});
                if dice.chance(25) {
                    subject["name"] = "default".into();
                }
                if dice.chance(60) {
                    subject["namespace"] = dice.text(&NAMESPACES).into();
                }
                let role = if dice.chance(20) { "ClusterRole" } else { role };
                json!({
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": self.name(dice)},
                    "subjects": [subject, {"kind": "User", "name": self.name(dice), "apiGroup": "rbac.authorization.k8s.io"}],
                })
            }
            "PriorityClass" => json!({"value": 1000}),
            "StorageClass" => json!({"provisioner": "example.io/x", "parameters": {"a": "b"}}),
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => json!({"webhooks": [{
                "name": "hook.example.io", "sideEffects": "None",
                "clientConfig": {"service": {"name": self.name(dice), "namespace": dice.text(&NAMESPACES), "path": "/x"}},
            }]}),
            "APIService" => json!({"spec": {
                "group": "example.io", "version": "v1", "service": {"name": self.name(dice), "namespace": dice.text(&NAMESPACES)},
            }}),
            "CustomResourceDefinition" => json!({"spec": {
                "group": "example.io", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {
                    "name": self.name(dice), "namespace": dice.text(&NAMESPACES),
                }}}},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            }}),
            "HTTPRoute" => json!({"spec": {"rules": [{"backendRefs": [{"name": self.name(dice), "port": 80}]}]}}),
            // The fields of a custom kind that the configurations and schemas of this suite speak about.
            _ => json!({"spec": {
                "configRef": self.name(dice), "ref": {"name": self.name(dice), "kind": "Secret"}, "image": "nginx:1.2",
                "size": dice.below(3), "text": self.word(dice), "items": [{"name": "one", "value": "1"}, {"name": "two", "value": "2"}],
                "selector": {"matchLabels": self.labels(dice)}, "template": {"metadata": {"labels": self.labels(dice)}},
            }}),
        }
    }

    fn pod(&mut self, dice: &mut Dice) -> Value {
        let containers: Vec<Value> = (0..dice.between(1, 2)).map(|at| self.container(dice, at)).collect();
        let mut pod = Map::from_iter([("containers".to_owned(), Value::Array(containers))]);
        let mut set = |key: &str, value: Value| drop(pod.insert(key.to_owned(), value));
        if dice.chance(20) {
            set("initContainers", json!([self.container(dice, 7)]));
        }
        if dice.chance(40) {
            set("serviceAccountName", self.name(dice).into());
        }
        if dice.chance(15) {
            set("priorityClassName", self.name(dice).into());
        }
        if dice.chance(20) {
            set("imagePullSecrets", json!([{"name": self.name(dice)}]));
        }
        if dice.chance(15) {
            set(
                "affinity",
                json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {"matchLabels": self.labels(dice)}},
                ]}}),
            );
        }
        if dice.chance(15) {
            set(
                "topologySpreadConstraints",
                json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": self.labels(dice)}}]),
            );
        }
        let volumes: Vec<Value> = (0..dice.below(4))
            .map(|at| {
                let name = format!("v{at}");
                let other = self.name(dice);
                match dice.below(6) {
                    0 => json!({"name": name, "configMap": {"name": other}}),
                    1 => json!({"name": name, "secret": {"secretName": other}}),
                    2 => json!({"name": name, "persistentVolumeClaim": {"claimName": other}}),
                    3 => json!({"name": name, "projected": {"sources": [
                        {"configMap": {"name": other}}, {"secret": {"name": self.name(dice)}},
                    ]}}),
                    4 => json!({"name": name, "csi": {"driver": "x", "nodePublishSecretRef": {"name": other}}}),
                    _ => json!({"name": name, "emptyDir": {}}),
                }
            })
            .collect();
        if !volumes.is_empty() {
            set("volumes", volumes.into());
        }
        Value::Object(pod)
    }

    fn container(&mut self, dice: &mut Dice, at: usize) -> Value {
        let image =
            dice.text(&["nginx", "nginx:1.2", "registry.example:5000/team/web:1", "redis@sha256:abcdef", "app:latest"]);
        let mut container = json!({"name": format!("c{at}"), "image": image});
        let env: Vec<Value> = (0..dice.below(4))
            .map(|at| {
                let (name, other) = (format!("E{at}"), self.name(dice));
                match dice.below(4) {
                    0 => json!({"name": name, "valueFrom": {"configMapKeyRef": {"name": other, "key": "key"}}}),
                    1 => json!({"name": name, "valueFrom": {"secretKeyRef": {"name": other, "key": "key"}}}),
                    _ => json!({"name": name, "value": self.word(dice)}),
                }
            })
            .collect();
        if !env.is_empty() {
            container["env"] = env.into();
        }
        if dice.chance(25) {
            container["envFrom"] =
                json!([{"configMapRef": {"name": self.name(dice)}}, {"secretRef": {"name": self.name(dice)}}]);
        }
        if dice.chance(25) {
            container["args"] = json!([self.word(dice), "--flag", self.word(dice)]);
        }
        if dice.chance(25) {
            container["ports"] = json!([{"containerPort": 8080, "name": "http"}]);
        }
        if dice.chance(15) {
            container["resources"] = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
        }
        if dice.chance(15) {
            container["volumeMounts"] = json!([{"name": "v0", "mountPath": "/data"}]);
        }
        container
    }
}
