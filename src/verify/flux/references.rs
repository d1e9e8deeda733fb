//! References that lead nowhere: sources, charts, values, variables, dependencies, health checks.
//!
//! What is not in the repository may be made by hand, by bootstrap or by a controller, so most of this is a warning. A
//! dependency is none: Flux would wait for ever.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::faults::is_whole;
use super::places::Places;
use crate::build::flux::{Cluster, Kustomization, Object, ValuesKind};
use crate::build::is_builtin;
use crate::diagnostic::{Code, Diagnostic, codes, did_you_mean};
use crate::render::Resource;
use crate::tree::RepoPath;

const SOURCE: &str = "source.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";

/// The objects that the repository brings to its own cluster.
struct Known<'c> {
    /// Group, kind, namespace, name.
    objects: BTreeSet<(&'c str, &'c str, &'c str, &'c str)>,
    /// Kinds that Kubernetes does not know: controllers may make other objects of them.
    custom: Vec<&'c Resource>,
    /// Whether nothing else brings objects, as far as the repository shows.
    whole: bool,
}

/// What is referred to.
struct Wanted<'w> {
    group: &'w str,
    kind: &'w str,
    namespace: &'w str,
    name: &'w str,
}

pub(super) fn check(cluster: &Cluster, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    let here = || {
        let built = cluster.built.iter().filter(|one| one.kustomization.as_ref().is_none_or(|own| !own.other_cluster));
        built.flat_map(|built| &built.objects)
    };
    let known = Known {
        objects: here().map(|object| seat(&object.resource)).collect(),
        custom: here()
            .map(|object| &object.resource)
            .filter(|resource| !is_builtin(resource.api_version(), resource.kind()))
            .collect(),
        whole: cluster.built.iter().all(is_whole) && cluster.elsewhere.iter().all(|one| one.source.is_none()),
    };
    let mut seen = BTreeSet::new();
    for object in here().filter(|object| seen.insert(seat(&object.resource))) {
        let resource = &object.resource;
        let mut check = Check { cluster, known: &known, object, places, out };
        match (resource.group(), resource.kind()) {
            (KUSTOMIZE, "Kustomization") => check.kustomization(),
            (HELM, "HelmRelease") => check.release(),
            _ => {}
        }
    }
}

fn seat(resource: &Resource) -> (&str, &str, &str, &str) {
    (resource.group(), resource.kind(), resource.namespace().unwrap_or("default"), resource.name())
}

impl Known<'_> {
    fn holds(&self, wanted: &Wanted<'_>) -> bool {
        self.objects.contains(&(wanted.group, wanted.kind, wanted.namespace, wanted.name))
    }

    /// Tells whether a controller probably makes a ConfigMap or Secret: a custom object of its name, or one that names it.
    fn may_be_made(&self, wanted: &Wanted<'_>) -> bool {
        self.custom.iter().any(|resource| {
            let near = resource.namespace().is_none_or(|namespace| namespace == wanted.namespace);
            let target = ["/spec/target/name", "/spec/secretName", "/spec/secretTemplate/name"];
            let names = target.into_iter().filter_map(|pointer| resource.body.pointer(pointer)?.as_str());
            near && !resource.group().ends_with(".toolkit.fluxcd.io")
                && std::iter::once(resource.name()).chain(names).any(|name| name == wanted.name)
        })
    }

    /// Finds an object that was probably meant: of its name elsewhere, or of a similar name.
    fn near(&self, wanted: &Wanted<'_>) -> Option<String> {
        let of_kind = || self.objects.iter().filter(|(group, kind, ..)| (*group, *kind) == (wanted.group, wanted.kind));
        if let Some((_, _, namespace, name)) = of_kind().find(|(.., name)| *name == wanted.name) {
            return Some(format!("{namespace}/{name}"));
        }
        let names: Vec<&str> =
            of_kind().filter(|(_, _, namespace, _)| *namespace == wanted.namespace).map(|(.., name)| *name).collect();
        did_you_mean(wanted.name, names).map(|name| format!("{}/{name}", wanted.namespace))
    }
}

/// The check of one object.
struct Check<'c, 'p, 't> {
    cluster: &'c Cluster,
    known: &'p Known<'c>,
    object: &'c Object,
    places: &'p Places<'t>,
    out: &'p mut Vec<Diagnostic>,
}

impl Check<'_, '_, '_> {
    fn add(&mut self, code: Code, field: &str, message: String, hint: String) {
        let origin = self.object.origin.as_deref();
        self.out.push(self.places.of_object(code, &self.object.resource, origin, field, message).hint(hint));
    }

    /// Reports what is not there, unless it may be in what could not be built.
    fn expect(&mut self, code: Code, wanted: &Wanted<'_>, field: &str, what: &str, hint: &str) {
        let Wanted { kind, namespace, name, .. } = *wanted;
        let open = name.is_empty() || [name, namespace].iter().any(|text| text.contains("${"));
        if open || self.known.holds(wanted) {
            return;
        }
        let near = self.known.near(wanted);
        if near.is_none() && !self.known.whole {
            return;
        }
        let me = format!("{} `{}`", self.object.resource.kind(), shown(&self.object.resource));
        let message = format!("{me} {what} {kind} `{namespace}/{name}`, which nothing in the repository brings");
        let hint = match (near, self.places.holder(kind, name)) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(file)) => format!("`{file}` holds one, and nothing applies that file"),
            (None, None) => hint.to_owned(),
        };
        self.add(code, field, message, hint);
    }

    /// A ConfigMap or Secret.
    fn expect_values(&mut self, kind: &str, namespace: &str, name: &str, field: &str) {
        let wanted = Wanted { group: "", kind, namespace, name };
        // What lies apart from everything that Flux applies is for the hands that set the cluster up.
        let taken_in = || self.cluster.built.iter().flat_map(|built| &built.directory.taken_in);
        let apart =
            |file: &RepoPath| !taken_in().any(|dir| dir.as_ref().is_none_or(|dir| file.strip_prefix(dir).is_some()));
        let by_hand = || self.places.holder(kind, name).is_some_and(apart);
        if !self.known.holds(&wanted) && !self.known.may_be_made(&wanted) && !by_hand() {
            let hint = "make sure that something else creates it, or set `optional: true`";
            self.expect(codes::REFERENCE_MISSING, &wanted, field, "takes values from", hint);
        }
    }

    fn expect_source(&mut self, reference: &Map<String, Value>, namespace: &str, field: &str) {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(kind), Some(name)) = (text("kind"), text("name")) else { return };
        let namespace = text("namespace").unwrap_or(namespace);
        // Bootstrap makes the source of the repository itself; controllers make artifacts.
        let own = self.cluster.source.as_ref();
        let own = own.is_some_and(|own| (&*own.kind, &*own.namespace, &*own.name) == (kind, namespace, name));
        if own || kind == "ExternalArtifact" {
            return;
        }
        let wanted = Wanted { group: SOURCE, kind, namespace, name };
        let hint = "make sure that something else creates it; Flux waits for it";
        self.expect(codes::REFERENCE_MISSING, &wanted, &format!("{field}.name"), "refers to", hint);
    }

    fn kustomization(&mut self) {
        let resource = &self.object.resource;
        let Some(own) = Kustomization::read(resource).filter(|own| !own.is_partial()) else { return };
        let namespace = own.id.namespace.clone();
        if let Some(reference) = own.spec.get("sourceRef").and_then(Value::as_object) {
            self.expect_source(reference, &namespace, "spec.sourceRef");
        }
        for (index, other) in own.depends_on.iter().enumerate() {
            let wanted =
                Wanted { group: KUSTOMIZE, kind: "Kustomization", namespace: &other.namespace, name: &other.name };
            // The first Kustomization of all need not be among the objects.
            if self.cluster.built.iter().all(|built| built.id != *other) {
                let hint = "remove the dependency, or correct its name; Flux waits for it for ever";
                self.expect(
                    codes::DEPENDENCY_UNKNOWN,
                    &wanted,
                    &format!("spec.dependsOn[{index}].name"),
                    "waits for",
                    hint,
                );
            }
        }
        let references = own.post_build.iter().flat_map(|post| post.substitute_from.iter().enumerate());
        for (index, reference) in references.filter(|(_, reference)| !reference.optional) {
            let kind = match reference.kind {
                ValuesKind::ConfigMap => "ConfigMap",
                ValuesKind::Secret => "Secret",
            };
            let field = format!("spec.postBuild.substituteFrom[{index}].name");
            self.expect_values(kind, &namespace, &reference.name, &field);
        }
        self.health_checks(&own);
    }

    fn health_checks(&mut self, own: &Kustomization) {
        let Some(built) = self.cluster.built.iter().find(|built| built.id == own.id).filter(|built| is_whole(built))
        else {
            return;
        };
        let checks = own.spec.get("healthChecks").and_then(Value::as_array);
        for (index, check) in checks.into_iter().flatten().enumerate() {
            let text = |key: &str| check.get(key).and_then(Value::as_str).unwrap_or_default();
            let (version, kind, name) = (text("apiVersion"), text("kind"), text("name"));
            let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
            let is_meant = |resource: &Resource| {
                resource.kind() == kind
                    && resource.name() == name
                    && namespace.is_none_or(|wanted| resource.namespace().is_none_or(|own| own == wanted))
            };
            let everything = self.cluster.built.iter().flat_map(|built| &built.objects);
            if name.contains("${") || everything.map(|object| &object.resource).any(is_meant) {
                continue;
            }
            // A chart or another controller may make what is waited for, unless it is itself an object of Flux.
            let made_here = version.contains(".toolkit.fluxcd.io/");
            let plain = |object: &Object| is_builtin(object.resource.api_version(), object.resource.kind());
            let certain = made_here || is_builtin(version, kind) && built.objects.iter().all(plain);
            let names: Vec<&str> = built
                .objects
                .iter()
                .map(|one| &one.resource)
                .filter(|one| one.kind() == kind)
                .map(Resource::name)
                .collect();
            let near = did_you_mean(name, names);
            if !(certain && self.known.whole) && near.is_none() {
                continue;
            }
            let message = format!("Kustomization `{}` waits for {kind} `{name}`, which it does not bring", own.id);
            let hint = near.map_or_else(
                || "correct kind, name and namespace; the Kustomization is not ready before the object is".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.add(codes::REFERENCE_MISSING, &format!("spec.healthChecks[{index}]"), message, hint);
        }
    }

    fn release(&mut self) {
        let resource = &self.object.resource;
        let namespace = resource.namespace().unwrap_or("default");
        let at = |pointer: &str| resource.body.pointer(pointer);
        if let Some(reference) = at("/spec/chart/spec/sourceRef").and_then(Value::as_object) {
            self.expect_source(reference, namespace, "spec.chart.spec.sourceRef");
        }
        if let Some(reference) = at("/spec/chartRef").and_then(Value::as_object) {
            self.expect_source(reference, namespace, "spec.chartRef");
        }
        let list = |pointer: &str| at(pointer).and_then(Value::as_array).into_iter().flatten().enumerate();
        let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        for (index, entry) in list("/spec/valuesFrom") {
            let kind = text(entry, "kind");
            let optional = entry.get("optional").and_then(Value::as_bool).unwrap_or_default();
            if !optional && matches!(kind.as_str(), "ConfigMap" | "Secret") {
                self.expect_values(&kind, namespace, &text(entry, "name"), &format!("spec.valuesFrom[{index}].name"));
            }
        }
        for (index, entry) in list("/spec/dependsOn") {
            let (name, other) = (text(entry, "name"), text(entry, "namespace"));
            let other = if other.is_empty() { namespace } else { &other };
            let wanted = Wanted { group: HELM, kind: "HelmRelease", namespace: other, name: &name };
            let hint = "remove the dependency, or correct its name; Flux waits for it for ever";
            let field = format!("spec.dependsOn[{index}].name");
            self.expect(codes::DEPENDENCY_UNKNOWN, &wanted, &field, "waits for", hint);
        }
    }
}

fn shown(resource: &Resource) -> String {
    format!("{}/{}", resource.namespace().unwrap_or("default"), resource.name())
}
