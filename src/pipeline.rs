//! The prose: the only file that chains the stages. Pure; `cli` brings files in and takes trees out.
//!
//! ```text
//! intent file ─► intent::read ─► plan::check ─► intent::validate ─► plan::resolve ─► render ─► layout ─► verify
//! ```
//!
//! A repository without intent goes `build::flux ─► verify::flux`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::build::flux::{Cluster as FluxCluster, Elsewhere, Options, Repository, RepositoryError};
use crate::catalog::Catalog;
use crate::diagnostic::{self, Diagnostic, codes};
use crate::intent::{self, Document, Findings, Intent, Library, Reading, Schema, Unreadable};
use crate::layout::{self, Layout, Previous};
use crate::plan::{self, Held, Plan, Prepared};
use crate::render::{self, Templates};
use crate::tree::{RepoPath, Tree};
use crate::verify::{self, Bases, Landed, Proof};

const DUPLICATE_HINT: &str = "give each cluster its own name and directory";

/// Catalog and schema: what every intent is read with.
pub struct Context {
    /// Platforms and plugins.
    pub catalog: Catalog,
    /// The stitched schema.
    pub schema: Schema,
    /// The plugins' templates.
    pub templates: Templates,
    /// Values that the plugins' rules are known to hold for.
    pub held: Held,
    /// Patches that are known to land.
    pub landed: Landed,
    /// Digest of the repository's own plugins.
    pub overlay: String,
}

impl Context {
    /// Lays the plugins of a repository over the embedded catalog, and compiles the schema.
    ///
    /// # Errors
    /// Faults of plugin folders.
    pub fn new(overlay: &Tree) -> Result<Self, Vec<Diagnostic>> {
        let catalog = Catalog::embedded()?.overlaid(overlay)?;
        let schema = Schema::compile(catalog.stitch(intent::base_schema()))
            .map_err(|error| vec![Diagnostic::new(codes::PLUGIN_INVALID, error.to_string())])?;
        let files = overlay.iter().map(|(path, blob)| format!("{} {path}\n", layout::inventory::digest(blob)));
        let overlay = layout::inventory::digest(&files.collect::<String>().into());
        let (held, landed) = Default::default();
        Ok(Self { templates: Templates::of(&catalog), catalog, schema, held, landed, overlay })
    }
}

/// One intent file, read as far as it goes.
pub struct Draft {
    path: Option<RepoPath>,
    intent: Option<Intent>,
    document: Option<Arc<Document>>,
    bases: Vec<RepoPath>,
    findings: Findings,
}

impl Draft {
    /// Lists the files of the repository that the rest of the pipeline wants to see.
    pub fn references(&self) -> Vec<RepoPath> {
        self.intent.as_ref().map(intent::references).unwrap_or_default()
    }

    /// Lists the files that the intent extends, also through others, whether they exist or not.
    pub fn bases(&self) -> &[RepoPath] {
        &self.bases
    }

    /// Returns the intent merged with its bases; `None` when one of the files cannot be used.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_deref()
    }

    /// Returns what was found while reading.
    pub fn into_findings(self) -> Vec<Diagnostic> {
        let mut found = self.findings.into_vec();
        diagnostic::sort(&mut found);
        found
    }

    /// Returns the directory of the cluster's tree, when the intent says it.
    pub fn root(&self) -> Option<RepoPath> {
        self.intent.as_ref().and_then(intent::root)
    }

    /// Returns the name of the cluster, when the intent says it.
    pub fn name(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.manifest.metadata.name.as_str())
    }
}

/// What the repository holds for one intent.
#[derive(Default)]
pub struct Inputs {
    /// Files that the intent refers to.
    pub files: Tree,
    /// What we own.
    pub previous: Previous,
}

/// Everything about one cluster.
pub struct Outcome {
    /// Name of the cluster; while it is not known, of its directory below `clusters/`, or else of the file.
    pub name: String,
    /// The intent file as messages name it.
    pub file: String,
    /// The intent file in the repository; `None` when it lies elsewhere.
    pub path: Option<RepoPath>,
    /// All findings, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// The plan and the desired tree, when the intent is valid.
    pub desired: Option<(Plan, Layout)>,
    /// The proofs of the patches.
    pub proofs: Vec<Proof>,
    /// How many files were found to be as they should be, when all of them are.
    pub clean: Option<usize>,
    /// The directory that the cluster's tree takes, with the finding in case that another one has it.
    claim: Option<(RepoPath, Diagnostic)>,
}

impl Outcome {
    /// Says once more what was found of a cluster without errors and changes. Of its proofs only their number is told.
    pub fn known(
        name: String,
        path: RepoPath,
        root: RepoPath,
        unchanged: usize,
        proven: usize,
        warnings: Vec<Diagnostic>,
    ) -> Self {
        let file = path.to_string();
        let duplicate = Diagnostic::new(codes::CLUSTER_DUPLICATE, "").file(file.clone());
        Self {
            name,
            file,
            path: Some(path),
            diagnostics: warnings,
            desired: None,
            proofs: vec![Proof::on_contract(); proven],
            clean: Some(unchanged),
            claim: Some((root, duplicate.hint(DUPLICATE_HINT))),
        }
    }

    /// Tells whether anything forbids writing.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads one intent file and its bases: YAML, merging, schema, credentials.
///
/// # Errors
/// When a base is there but cannot be read.
pub fn read(
    name: &str,
    path: Option<RepoPath>,
    bytes: &[u8],
    context: &Context,
    library: &Library,
) -> Result<Draft, Unreadable> {
    let mut findings = Findings::new(name);
    let Reading { intent, document, bases } =
        intent::read(name, path.clone(), bytes, &context.schema, library, &mut findings)?;
    Ok(Draft { path, intent, document, bases, findings })
}

/// Reports every cluster whose directory an earlier one has taken; gives the indexes of those.
pub fn duplicates<'o>(outcomes: impl IntoIterator<Item = &'o mut Outcome>) -> Vec<usize> {
    let mut seen: BTreeMap<RepoPath, String> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, outcome) in outcomes.into_iter().enumerate() {
        let Some((root, mut finding)) = outcome.claim.take() else { continue };
        if let Some(first) = seen.insert(root.clone(), outcome.file.clone()) {
            finding.message = format!("`{first}` describes the cluster in `{root}` already");
            outcome.diagnostics.push(finding);
            diagnostic::sort(&mut outcome.diagnostics);
            outcome.desired = None;
            outcome.proofs.clear();
            found.push(index);
        }
    }
    found
}

/// What is known of a cluster without intent.
pub struct FluxOutcome {
    /// All findings, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Kustomizations that other sources bring, and that nothing is known of.
    pub elsewhere: Vec<Elsewhere>,
}

/// Builds what Flux makes of directories of a repository, and checks it; the order of the result is that of the directories.
///
/// # Errors
/// When a directory says nothing that could be checked.
pub fn check_flux(
    tree: &Tree,
    entries: &[Option<RepoPath>],
    options: &Options,
) -> Result<Vec<FluxOutcome>, RepositoryError> {
    let mut built: Vec<Result<FluxCluster, Vec<Diagnostic>>> = Vec::new();
    for entry in entries {
        built.push(match Repository::new(tree, options).build_all(entry.as_ref()) {
            Ok(cluster) => Ok(cluster),
            Err(RepositoryError::Build(error)) => Err(verify::flux::unbuildable(tree, &error)),
            Err(other) => return Err(other),
        });
    }
    let clusters: Vec<&FluxCluster> = built.iter().flatten().collect();
    let mut found = verify::flux::check(tree, &clusters).into_iter();
    let outcome = |one: Result<FluxCluster, Vec<Diagnostic>>| match one {
        Ok(cluster) => FluxOutcome { diagnostics: found.next().unwrap_or_default(), elsewhere: cluster.elsewhere },
        Err(diagnostics) => FluxOutcome { diagnostics, elsewhere: Vec::new() },
    };
    Ok(built.into_iter().map(outcome).collect())
}

/// Takes a draft to the end.
pub fn complete(draft: Draft, inputs: Inputs, context: &Context, bases: &Bases) -> Outcome {
    let root = draft.root();
    let Draft { path, intent, mut findings, .. } = draft;
    let file = findings.file().to_owned();
    let directory = || path.as_ref().filter(|path| path.as_str().starts_with("clusters/")).and_then(RepoPath::parent);
    let name = findings.text_at("/metadata/name").filter(|name| is_name(name)).map(str::to_owned);
    let name = name.or_else(|| Some(directory()?.name().to_owned())).unwrap_or_else(|| file.clone());
    let claim = root.map(|root| {
        let finding = findings.clone().add(codes::CLUSTER_DUPLICATE, "/metadata/name", "").clone();
        (root, finding.hint(DUPLICATE_HINT))
    });
    let mut proofs = Vec::new();
    let desired = intent.and_then(|intent| {
        let prepared = plan::check(&intent.manifest, &context.catalog, &context.held, &mut findings);
        let cluster = intent::validate(intent, &inputs.files, &mut findings)?;
        match build(cluster, prepared, &inputs.previous, context, bases, &mut proofs, &mut findings) {
            Ok(desired) => Some(desired),
            Err(faults) => {
                findings.extend(faults);
                None
            }
        }
    });
    let mut diagnostics = findings.into_vec();
    diagnostic::sort(&mut diagnostics);
    Outcome { name, file, path, diagnostics, desired, proofs, clean: None, claim }
}

/// Tells whether a text can be the name of a cluster: a DNS-1123 label, as the schema wants it.
fn is_name(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = text.starts_with(alphanumeric) && text.ends_with(alphanumeric);
    ends && text.len() <= 53 && text.chars().all(|c| c == '-' || alphanumeric(c))
}

fn build(
    cluster: intent::Cluster,
    prepared: Option<Prepared>,
    previous: &Previous,
    context: &Context,
    bases: &Bases,
    proofs: &mut Vec<Proof>,
    findings: &mut Findings,
) -> Result<(Plan, Layout), Vec<Diagnostic>> {
    let plan = plan::resolve(cluster, prepared, &context.catalog)?;
    let rendered = render::render(&plan, &context.templates)?;
    let layout = layout::lay_out(&plan, &rendered, previous)?;
    findings.extend(layout.warnings.iter().cloned());
    let contracts = render::contracts(&plan, &context.templates)?;
    proofs.extend(verify::verify(&plan, &layout, &contracts, bases, &context.landed, findings));
    Ok((plan, layout))
}
