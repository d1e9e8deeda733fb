//! Lets fields that name an object follow it when its name or namespace changed.
//!
//! Works once, when all directories are taken in. Which fields name what stands in the configuration; which of several
//! objects of one name is meant follows from namespaces and from the prefixes and suffixes that both got.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::BuildError;
use super::config::{Config, FieldSpec, Kinds};
use super::fields;
use crate::build::identity::{CLUSTER_SCOPED, Identity, Tracked};

/// What a reference needs to know of an object that it may mean.
struct Candidate {
    id: Identity,
    past: Vec<Identity>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// The objects that had another name or namespace, by every name that they had.
struct Candidates {
    all: Vec<Candidate>,
    by_name: HashMap<String, Vec<usize>>,
    /// Where objects are, renamed or not, and where they were at first.
    places: HashSet<Place>,
}

/// A namespace as objects have it, and the one that they had at first.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    cluster_scoped: bool,
    namespace: Option<String>,
    effective: String,
    original: String,
}

impl Candidates {
    fn of(objects: &[Tracked]) -> Self {
        let mut candidates = Self { all: Vec::new(), by_name: HashMap::new(), places: HashSet::new() };
        for object in objects {
            let id = object.id();
            candidates.places.insert(Place {
                cluster_scoped: id.cluster_scoped,
                namespace: id.namespace.clone(),
                effective: id.effective_namespace().to_owned(),
                original: object.original().effective_namespace().to_owned(),
            });
            if object.past().is_empty() {
                continue;
            }
            let index = candidates.all.len();
            let names: HashSet<&str> = object.past().iter().map(|id| id.name.as_str()).collect();
            for name in names {
                candidates.by_name.entry(name.to_owned()).or_default().push(index);
            }
            candidates.all.push(Candidate {
                id: object.id().clone(),
                past: object.past().to_vec(),
                prefixes: object.memory.prefixes.clone(),
                suffixes: object.memory.suffixes.clone(),
            });
        }
        candidates
    }

    fn called<'c>(&'c self, name: &str) -> impl Iterator<Item = &'c Candidate> {
        self.by_name.get(name).into_iter().flatten().filter_map(|index| self.all.get(*index))
    }
}

/// The object that refers to others.
struct Referrer {
    id: Identity,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Namespaces of the subjects of a role binding, which may lie outside of its own.
    subjects: HashSet<String>,
    role: Option<Kinds>,
}

impl Referrer {
    fn of(object: &Tracked) -> Result<Self, BuildError> {
        let body = object.body();
        let mut subjects = HashSet::new();
        if object.id().kind == "RoleBinding" {
            let accounts = body.get("subjects").and_then(Value::as_array).into_iter().flatten();
            for account in accounts.filter(|s| s.get("kind").and_then(Value::as_str) == Some("ServiceAccount")) {
                match account.get("namespace") {
                    None => {}
                    Some(Value::String(namespace)) => drop(subjects.insert(namespace.clone())),
                    Some(_) => {
                        let reason = "has a subject whose `namespace` is not a text".into();
                        return Err(BuildError::Reference { id: object.resource().id(), reason });
                    }
                }
            }
        }
        let text = |pointer| body.pointer(pointer).and_then(fields::text);
        let role =
            text("/roleRef/apiGroup").zip(text("/roleRef/kind")).map(|(group, kind)| Kinds::new(&group, "", &kind));
        Ok(Self {
            id: object.id().clone(),
            prefixes: object.memory.prefixes.clone(),
            suffixes: object.memory.suffixes.clone(),
            subjects,
            role,
        })
    }

    /// Tells whether the referrer can mean an object at all, by where the object is.
    fn reaches(&self, cluster_scoped: bool, namespace: Option<&str>, effective: &str) -> bool {
        self.id.cluster_scoped
            || cluster_scoped
            || self.id.effective_namespace() == effective
            || self.subjects.contains(namespace.unwrap_or_default())
    }

    fn reaches_object(&self, id: &Identity) -> bool {
        self.reaches(id.cluster_scoped, id.namespace.as_deref(), id.effective_namespace())
    }

    /// Tells whether an object is near enough: in the same namespace, or an account that others may name.
    fn is_near(&self, candidate: &Candidate) -> bool {
        self.id.cluster_scoped
            || candidate.id.cluster_scoped
            || candidate.id.kind == "ServiceAccount"
            || self.id.effective_namespace() == candidate.id.effective_namespace()
    }

    /// Tells whether both went through the same directories, by the prefixes and suffixes that they got.
    fn shares_affixes(&self, candidate: &Candidate, none_fits_all: bool) -> bool {
        let fits = |own: &[String], other: &[String]| {
            (none_fits_all && (own.is_empty() || other.is_empty())) || same_end(own, other)
        };
        fits(&self.prefixes, &candidate.prefixes) && fits(&self.suffixes, &candidate.suffixes)
    }
}

/// Tells whether the shorter list is the end of the longer one; an empty one is the end of an empty one only.
fn same_end(a: &[String], b: &[String]) -> bool {
    a.is_empty() == b.is_empty() && (a.ends_with(b) || b.ends_with(a))
}

/// Which fields of a kind name which kinds.
type ByKind<'c> = HashMap<&'c str, Vec<(&'c FieldSpec, &'c Kinds)>>;

/// Rewrites all references.
pub(super) fn follow(objects: &mut [Tracked], config: &Config) -> Result<(), BuildError> {
    let candidates = Candidates::of(objects);
    // All of them, those of kinds that nothing was renamed of too: a path may lead through something that is no map.
    let mut by_kind: ByKind = HashMap::new();
    for reference in &config.name_reference {
        for field in &reference.fields {
            by_kind.entry(&field.kinds.kind).or_default().push((field, &reference.kinds));
        }
    }
    for object in objects.iter_mut() {
        let original = object.original().clone();
        let own = by_kind.get(original.kind.as_str()).into_iter().flatten();
        let any = by_kind.get("").into_iter().flatten();
        let fields: Vec<_> = own.chain(any).filter(|(field, _)| field.kinds.select(&original)).copied().collect();
        if fields.is_empty() && original.kind != "RoleBinding" {
            continue;
        }
        let referrer = Referrer::of(object)?;
        for (field, kinds) in fields {
            // The field was chosen by who the object was at first; by now its kind may be another.
            let field = FieldSpec { kinds: Kinds::default(), ..field.clone() };
            let search = Search { candidates: &candidates, referrer: &referrer, kinds, path: &field.path };
            let id = object.id().clone();
            object.edit(|body| fields::visit(&field, &id, body, None, &mut |value, _| search.set(value))).map_err(
                |fault| BuildError::Reference {
                    id: fault.id,
                    reason: format!("names in `{}` {}", fault.path, fault.reason),
                },
            )?;
        }
    }
    Ok(())
}

/// One field of one object, and the kinds that it names.
struct Search<'s> {
    candidates: &'s Candidates,
    referrer: &'s Referrer,
    kinds: &'s Kinds,
    path: &'s str,
}

impl Search<'_> {
    fn set(&self, value: &mut Value) -> Result<(), String> {
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => items.iter_mut().try_for_each(|item| match item {
                Value::Object(_) => self.set_map(item),
                Value::Array(_) => Err("a list in a list".into()),
                item => self.set_scalar(item),
            }),
            Value::Object(_) => self.set_map(value),
            _ => self.set_scalar(value),
        }
    }

    fn set_scalar(&self, value: &mut Value) -> Result<(), String> {
        let Some(name) = fields::text(value) else { return Ok(()) };
        let same = |a: &Candidate, b: &Candidate| a.id.name == b.id.name;
        if let Some(found) = self.select(&name, None, same)?
            && found.id.name != name
        {
            *value = found.id.name.as_str().into();
        }
        Ok(())
    }

    fn set_map(&self, value: &mut Value) -> Result<(), String> {
        let Value::Object(map) = value else { return Ok(()) };
        let name = map.get("name").ok_or("something that has no `name`")?;
        let Some(name) = fields::text(name) else { return Ok(()) };
        let namespace = map.get("namespace").map(|namespace| fields::text(namespace).unwrap_or_default());
        let same = |a: &Candidate, b: &Candidate| (&a.id.name, &a.id.namespace) == (&b.id.name, &b.id.namespace);
        let Some(found) = self.select(&name, namespace.as_deref(), same)? else { return Ok(()) };
        if found.id.name != name {
            map.insert("name".into(), found.id.name.as_str().into());
        }
        if let Some(namespace) = &found.id.namespace {
            map.insert("namespace".into(), namespace.as_str().into());
        }
        Ok(())
    }

    /// Finds the object that a name means; none when there is none, or it never had another name.
    fn select(
        &self,
        name: &str,
        namespace: Option<&str>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, String> {
        // Where some object in reach was at first, only those that were are meant; else those that are there now.
        let by_origin = namespace.is_some_and(|wanted| {
            let reaches = |place: &Place| {
                self.referrer.reaches(place.cluster_scoped, place.namespace.as_deref(), &place.effective)
            };
            self.candidates.places.iter().any(|place| place.original == wanted && reaches(place))
        });
        let in_namespace = |candidate: &Candidate| {
            let id = if by_origin { candidate.past.first().unwrap_or(&candidate.id) } else { &candidate.id };
            namespace.is_none_or(|wanted| id.effective_namespace() == wanted && wanted != CLUSTER_SCOPED)
        };
        let is_role = self.path.ends_with("roleRef/name");
        let role = self.referrer.role.as_ref().filter(|_| is_role);
        let mut found: Vec<&Candidate> = self
            .candidates
            .called(name)
            .filter(|candidate| self.referrer.reaches_object(&candidate.id))
            .filter(|candidate| in_namespace(candidate))
            .filter(|candidate| candidate.past.iter().any(|id| self.kinds.select(id)))
            .filter(|candidate| role.is_none_or(|role| candidate.past.iter().any(|id| role.select(id))))
            .filter(|candidate| self.referrer.is_near(candidate))
            .collect();
        if found.len() > 1 {
            found.retain(|candidate| self.referrer.shares_affixes(candidate, true));
        }
        if found.len() > 1 {
            found.retain(|candidate| self.referrer.shares_affixes(candidate, false));
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, others @ ..] if others.iter().all(|other| same(first, other)) => Ok(Some(first)),
            several => {
                let ids: Vec<String> = several.iter().map(|candidate| format!("`{}`", candidate.id)).collect();
                Err(format!("`{name}`, which may be any of {}", ids.join(", ")))
            }
        }
    }
}
