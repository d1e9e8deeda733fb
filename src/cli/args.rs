//! The command line: clap types whose doc comments are `--help`.

mod commit;
mod selection;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use self::commit::Commit;
pub use super::hand_edits::{Resolve, Take};
pub use selection::Selection;

use crate::build::flux::SourceRef;

/// Declarative GitOps renderer: a cluster's intent becomes the Flux repository tree that makes it so.
///
/// Intents are read from `clusters/<name>/cluster.yaml`. `check` proves that they are right and that every patch lands,
/// `diff` shows what would change, `render` writes the tree beside the intent, `commit` commits it.
///
/// Exit codes: 0 clean, 1 differences found or faults in the input, 2 the tool or its environment failed.
#[derive(Debug, Parser)]
#[command(
    name = "fluxwright",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Global {
    /// Directory of the cluster repository [default: the enclosing git repository, else the current directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub repo: Option<PathBuf>,
    /// When to colour the output; NO_COLOR in the environment turns `auto` off
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: every proof with what it changes
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a minimal, commented intent for a new cluster
    Init(Init),
    /// Report every fault at once, and prove that every patch lands
    ///
    /// Each finding has a code, a place and a hint; `fluxwright explain CODE` says more. Warnings do not change the exit
    /// code.
    Check(Check),
    /// Show what `render` would change, and write nothing
    ///
    /// Exits with 1 when there are differences.
    Diff(Diff),
    /// Write the tree of each cluster beside its intent
    ///
    /// Only files that fluxwright wrote before are changed or deleted. A file that was changed by hand since, or that is
    /// not ours, is left alone and reported, and nothing of its cluster is written; --take and --merge decide about hand edits.
    /// One run writes at a time; a second one waits for ten seconds, or for as many as FLUXWRIGHT_LOCK_WAIT says.
    Render(Render),
    /// Render, then make one commit of our own paths
    ///
    /// The commit holds the rendered files, the intent, and the files that it refers to. Whatever else is staged or
    /// changed stays exactly as it is. Hooks run as git runs them. When it fails, branch, index and files
    /// are as they were.
    Commit(Commit),
    /// Keep one comment of a pull request up to date with a Markdown text
    ///
    /// The comment is found again by a hidden mark in its first line; it is changed only when the text differs. Where to
    /// write comes from the environment of GitHub Actions or Gitea Actions, or from the options. The token comes from
    /// FLUXWRIGHT_TOKEN, else GITHUB_TOKEN.
    Comment(Comment),
    /// Build a kustomization: the objects that `kustomize build` prints, byte for byte
    ///
    /// What is not supported (remote bases, Helm charts, functions, and the fields that docs/build.md lists) is refused by
    /// name; nothing is guessed. With --flux: what kustomize-controller applies of a whole repository.
    Build(Build),
    /// Show which Flux Kustomization waits for which
    ///
    /// An arrow leads from what must be ready first. A cycle, which Flux would not report, is shown too.
    Graph(Graph),
    /// Run as a function of kustomize or kpt: a ResourceList on stdin, a ResourceList on stdout
    ///
    /// The intent is the functionConfig; its annotation `fluxwright.dev/function` says what to do: `generator` adds rendered
    /// objects (of the directory in `fluxwright.dev/path`, by default `flux`), `transformer` applies to the items what Flux
    /// would apply to them, `validator` only checks and emits no item. Without it the intent is checked, and all items pass
    /// unchanged. Without any argument the program does the same when stdin holds a ResourceList.
    Fn,
    /// Print the JSON Schema of the intent
    ///
    /// With `# yaml-language-server: $schema=FILE` in the first line of an intent, editors complete and explain fields.
    Schema(Schema),
    /// Explain a diagnostic code or a field of the intent
    Explain(Explain),
    /// List platforms and modules of the catalog, or the options of one module; make and test modules of your own
    Modules(Modules),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Write the manual pages, one for each command
    Man(Man),
}

#[derive(Debug, ClapArgs)]
pub struct Init {
    /// Name of the cluster, a DNS-1123 label
    #[arg(value_name = "CLUSTER")]
    pub name: String,
    /// Platform of the cluster; `fluxwright modules` lists them [default: the catalog's first choice]
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// Address of the repository as Flux will fetch it
    #[arg(long, value_name = "URL", default_value = "https://git.example.com/platform/clusters.git")]
    pub url: String,
}

#[derive(Debug, ClapArgs)]
pub struct Check {
    #[command(flatten)]
    pub selection: Selection,
    /// Check what Flux applies of any repository, with or without an intent; the arguments are directories of clusters
    ///
    /// Without argument: the directories whose Flux Kustomizations no other one applies, those in clusters/ if there are
    /// any. Reported are patches that find nothing, references that lead nowhere, objects with two writers, variables
    /// that nothing sets, Secrets in plain text, and whatever keeps Flux from building.
    #[arg(long, conflicts_with_all = ["file", "base", "changed_since"])]
    pub flux: bool,
    /// Version of Flux: since 2.9 a variable that nothing sets is an error
    #[arg(long, value_name = "VERSION", requires = "flux", value_parser = flux_version, default_value = "2.9")]
    pub flux_version: (u32, u32),
    /// The source that this repository is [default: that of the Kustomization that applies the directory]
    #[arg(long, value_name = "KIND/NAMESPACE/NAME", requires = "flux", value_parser = flux_source)]
    pub source: Option<SourceRef>,
    /// Print each intent merged with the files that it extends; a comment says where each value stands
    ///
    /// The output is an intent itself, without `extends`. Rules and proofs are left to `check` without this option.
    #[arg(long, conflicts_with_all = ["flux", "base", "output"])]
    pub show_merged: bool,
    /// Format of the output; with another one than `text` the findings go to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = check_formats())]
    pub output: String,
}

fn check_formats() -> clap::builder::PossibleValuesParser {
    crate::report::CHECK_FORMATS
        .iter()
        .map(|format| clap::builder::PossibleValue::new(format.name).help(format.help))
        .collect::<Vec<_>>()
        .into()
}

#[derive(Debug, ClapArgs)]
pub struct Diff {
    #[command(flatten)]
    pub selection: Selection,
    /// Compare with a git revision instead of the working tree
    #[arg(long, value_name = "REV")]
    pub against: Option<String>,
    /// Format of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = formats())]
    pub output: String,
    /// Show unified diffs of files instead of objects and their fields
    #[arg(long)]
    pub raw: bool,
    /// Show what would change in the cluster: build what Flux applies, in the revision and in the working tree
    ///
    /// Works on any Flux repository. CLUSTER|PATH is the directory of a cluster [default: all in clusters/, else the
    /// root], and REV is HEAD unless given. A Kustomization that cannot be built on both sides is told on stderr and not
    /// compared; the exit code is 2 then.
    #[arg(long, conflicts_with_all = ["file", "base", "changed_since"])]
    pub effective: bool,
    /// With --effective, show one Kustomization only
    #[arg(long, value_name = "[NAMESPACE/]NAME", requires = "effective")]
    pub kustomization: Option<String>,
    /// With --effective, the version of Flux: since 2.9 a variable that nothing sets is an error
    #[arg(long, value_name = "VERSION", requires = "effective", value_parser = flux_version, default_value = "2.9")]
    pub flux_version: (u32, u32),
    /// With --effective, the source that this repository is [default: that of the Kustomization that applies the directory]
    #[arg(long, value_name = "KIND/NAMESPACE/NAME", requires = "effective", value_parser = flux_source)]
    pub source: Option<SourceRef>,
}

fn formats() -> clap::builder::PossibleValuesParser {
    crate::report::FORMATS
        .iter()
        .map(|format| clap::builder::PossibleValue::new(format.name).help(format.help))
        .collect::<Vec<_>>()
        .into()
}

#[derive(Debug, ClapArgs)]
pub struct Render {
    #[command(flatten)]
    pub selection: Selection,
    /// Write below another directory instead of the repository
    #[arg(long, value_name = "DIR", conflicts_with = "stdout")]
    pub out: Option<PathBuf>,
    /// Print one multi-document stream, each document after a `# path` comment, and write nothing
    #[arg(long, conflicts_with_all = ["take", "merge"])]
    pub stdout: bool,
    /// Print what was written as a unified diff, and exit with 1 when there is any, or a rendered file is unknown to git
    #[arg(long, conflicts_with_all = ["out", "stdout"])]
    pub exit_code: bool,
    #[command(flatten)]
    pub resolve: Resolve,
}

#[derive(Debug, ClapArgs)]
pub struct Schema {
    /// Draft of JSON Schema
    #[arg(long, value_name = "DRAFT", value_enum, default_value = "2020-12")]
    pub draft: Draft,
    /// For files that extend others or are extended: no field is required, `null` and `$patch` are known
    #[arg(long)]
    pub partial: bool,
}

/// A draft of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Draft {
    /// For editors: every one understands it
    #[value(name = "7")]
    Seven,
    /// As fluxwright itself validates
    #[value(name = "2020-12")]
    Latest,
}

#[derive(Debug, ClapArgs)]
pub struct Comment {
    /// The Markdown text; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Name of the comment, to have several in one pull request
    #[arg(long, value_name = "KEY", default_value = "fluxwright", value_parser = key)]
    pub key: String,
    /// Shorten a longer text to this many characters; whole sections are left out
    #[arg(long, value_name = "N", default_value_t = 65536, value_parser = limit)]
    pub limit: usize,
    /// Where the whole text is, for a text that was shortened
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub artifact_url: Option<String>,
    /// Print the comment as it would be written, and ask no forge
    #[arg(long)]
    pub print: bool,
    /// Which API is spoken [default: what the environment or the address says]
    #[arg(long, value_enum)]
    pub forge: Option<Forge>,
    /// Address of the API [default: GITHUB_API_URL]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// The repository [default: GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// The pull request [default: that of GITHUB_EVENT_PATH or GITHUB_REF]
    #[arg(long, value_name = "NUMBER")]
    pub pull_request: Option<u64>,
    /// Send the token over plain HTTP; without it only to this machine
    #[arg(long)]
    pub allow_http: bool,
    /// Seconds that one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Seconds to wait in all for rate limits and failures
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub max_wait: u64,
}

/// Which API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Forge {
    /// GitHub, GitHub Enterprise Server
    Github,
    /// Gitea, Forgejo
    Gitea,
}

fn key(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    match text.len() {
        // Two dashes would end the HTML comment that holds the name.
        1..=64 if text.bytes().all(allowed) && !text.contains("--") => Ok(text.to_owned()),
        _ => Err("expected 1 to 64 letters, digits, and single `-`, `_`, `.` or `/`".into()),
    }
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        // Room for the mark, the last line and its address.
        Ok(limit) if limit >= 3000 => Ok(limit),
        _ => Err("expected a number from 3000".into()),
    }
}

fn web_address(text: &str) -> Result<String, String> {
    let web = text.starts_with("https://") || text.starts_with("http://");
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'<' | b'>'));
    if web && plain && text.len() <= 2000 { Ok(text.to_owned()) } else { Err("expected a web address".into()) }
}

#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// A diagnostic code (`port-reserved`) or a field (`spec.exposedPorts.port`)
    #[arg(value_name = "CODE|FIELD", required_unless_present = "list")]
    pub topic: Option<String>,
    /// List every code, one a line
    #[arg(long, conflicts_with = "topic")]
    pub list: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Build {
    /// Directories with a kustomization file; those that share bases are built fastest together [default: the current
    /// one]; with --flux, the directory of one cluster [default: the only one in clusters/, else the root]
    #[arg(value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Build what Flux applies: the directory, and every Flux Kustomization of this repository that follows from it
    ///
    /// Variables are substituted with the values that are in the repository; a value that is elsewhere, or encrypted, is
    /// named, and its variable stays. Kustomizations of other sources are named and not built. What cannot be built is
    /// left out and told on stderr; the exit code is 2 then.
    #[arg(long)]
    pub flux: bool,
    /// Print one Kustomization only
    #[arg(long, value_name = "[NAMESPACE/]NAME", requires = "flux")]
    pub kustomization: Option<String>,
    /// Version of Flux: since 2.9 a variable that nothing sets is an error
    #[arg(long, value_name = "VERSION", requires = "flux", value_parser = flux_version, default_value = "2.9")]
    pub flux_version: (u32, u32),
    /// The source that this repository is [default: that of the Kustomization that applies DIR]
    #[arg(long, value_name = "KIND/NAMESPACE/NAME", requires = "flux", value_parser = flux_source)]
    pub source: Option<SourceRef>,
    /// Write to a file; into a directory, one file for each object, with --flux for each Kustomization
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Order of the objects
    #[arg(long, value_enum, default_value = "legacy", conflicts_with = "flux")]
    pub reorder: Reorder,
    /// Which files a kustomization may name
    #[arg(long, value_enum, default_value = "LoadRestrictionsRootOnly", conflicts_with = "flux")]
    pub load_restrictor: LoadRestrictor,
}

fn flux_version(text: &str) -> Result<(u32, u32), String> {
    let mut parts = text.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major @ 2)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err("expected a version of Flux 2, as in 2.9".into()),
    }
}

fn flux_source(text: &str) -> Result<SourceRef, String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [kind, namespace, name] if ![kind, namespace, name].iter().any(|part| part.is_empty()) => {
            Ok(SourceRef { kind: (*kind).to_owned(), namespace: (*namespace).to_owned(), name: (*name).to_owned() })
        }
        _ => Err("expected KIND/NAMESPACE/NAME, as in GitRepository/flux-system/flux-system".into()),
    }
}

/// Which files a kustomization may name, in the words of kustomize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoadRestrictor {
    /// Those in or below its own directory
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// All
    #[value(name = "LoadRestrictionsNone")]
    None,
}

/// The order in which objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reorder {
    /// What others need first, webhooks last, as `kustomize build` prints them
    Legacy,
    /// As they are found, as Flux applies them
    None,
}

#[derive(Debug, ClapArgs)]
pub struct Graph {
    /// Cluster by name [default: the only one]
    #[arg(value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// One intent file instead of those in clusters/
    #[arg(short, long, value_name = "FILE", conflicts_with = "cluster")]
    pub file: Option<PathBuf>,
    /// Format of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "mermaid", value_parser = graph_formats())]
    pub output: String,
}

impl Graph {
    /// The selection that it stands for.
    pub fn selection(&self) -> Selection {
        let clusters = self.cluster.iter().cloned().collect();
        Selection { clusters, file: self.file.clone(), changed_since: None, base: Vec::new() }
    }
}

fn graph_formats() -> clap::builder::PossibleValuesParser {
    crate::report::GRAPH_FORMATS
        .iter()
        .map(|format| clap::builder::PossibleValue::new(format.name).help(format.help))
        .collect::<Vec<_>>()
        .into()
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Modules {
    /// Show the options of this module
    #[arg(value_name = "MODULE")]
    pub name: Option<String>,
    #[command(subcommand)]
    pub command: Option<ModulesCommand>,
}

#[derive(Debug, Subcommand)]
pub enum ModulesCommand {
    /// Write the folder of a new module to plugins/modules/ of the repository; it passes its own test
    New(NewModule),
    /// Render the test intents of the repository's plugins, and compare with what is expected
    ///
    /// A test is an intent `plugins/modules/NAME/tests/CASE.yaml`; `CASE.expected` beside it holds what it must give, and
    /// `CASE.files/` the files that it refers to.
    Test(TestModules),
}

#[derive(Debug, ClapArgs)]
pub struct NewModule {
    /// Name of the module, a DNS-1123 label of at most 26 characters
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, ClapArgs)]
pub struct TestModules {
    /// Plugins by name [default: all of the repository]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Write what is rendered as what is expected
    #[arg(long)]
    pub update: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct Man {
    /// Directory to write them to, as in ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
