//! The options that say which clusters a command works on.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// Which clusters a command works on, and what it proves them with.
#[derive(Clone, Debug, ClapArgs)]
pub struct Selection {
    /// Clusters by name, or by the path of a file that they are made of [default: all in clusters/*/cluster.yaml]
    #[arg(value_name = "CLUSTER|PATH")]
    pub clusters: Vec<String>,
    /// One intent file instead of those in clusters/
    #[arg(short, long, value_name = "FILE", conflicts_with = "clusters")]
    pub file: Option<PathBuf>,
    /// Only clusters that are made of something that changed between a git revision and the working tree
    ///
    /// That is the intent, the files that it extends or refers to, `plugins/`, and all that lies in the directory of the
    /// cluster; committed, staged, changed or new. With CLUSTER: those of them.
    #[arg(long, value_name = "REV", conflicts_with = "file")]
    pub changed_since: Option<String>,
    /// Prove patches on a checkout: NAME is the Flux source that DIR is a checkout of [repeatable]
    #[arg(long, value_name = "NAME=DIR", value_parser = base)]
    pub base: Vec<(String, PathBuf)>,
}

impl Selection {
    /// Whether no cluster is named, so that those that are gone may be meant, too.
    pub fn is_all(&self) -> bool {
        self.clusters.is_empty() && self.file.is_none()
    }
}

fn base(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, dir)) if !name.is_empty() && !dir.is_empty() => Ok((name.to_owned(), PathBuf::from(dir))),
        _ => Err("expected NAME=DIR, as in release=../release".into()),
    }
}
