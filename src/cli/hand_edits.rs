//! The arguments that decide about hand edits.

use anyhow::bail;
use clap::Args;

use crate::diff::Side;

/// What becomes of generated files that were changed by hand.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Hand edits")]
pub struct Resolve {
    /// Decide for one side of a hand edit: `ours` overwrites it with the rendering, `theirs` keeps it; repeatable
    ///
    /// SIDE is `ours` or `rendering` for what fluxwright renders, `theirs` or `hand-edit` for what somebody wrote into the
    /// file. PATH is a generated file, or a directory for all hand edits in it. A file that stays is recorded in the
    /// inventory with the rendering that it stands for. It is reported as a warning, and as a conflict once more when its
    /// rendering changes; `--take ours PATH` makes it an ordinary file again.
    #[arg(long, num_args = 2, value_names = ["SIDE", "PATH"], action = clap::ArgAction::Append)]
    take: Vec<String>,
    /// Merge hand edits with the rendering, by objects and fields; with a conflict nothing is written
    #[arg(long)]
    pub merge: bool,
}

/// One decision.
pub struct Take {
    /// The side.
    pub side: Side,
    /// The path as the user wrote it.
    pub path: String,
}

impl Resolve {
    /// Reads the decisions in their order.
    ///
    /// # Errors
    /// When a side has another name.
    pub fn takes(&self) -> anyhow::Result<Vec<Take>> {
        let pairs = self.take.iter().step_by(2).zip(self.take.iter().skip(1).step_by(2));
        pairs.map(|(side, path)| Ok(Take { side: named(side)?, path: path.clone() })).collect()
    }
}

fn named(side: &str) -> anyhow::Result<Side> {
    match side {
        "ours" | "rendering" => Ok(Side::Rendering),
        "theirs" | "hand-edit" => Ok(Side::HandEdit),
        _ => bail!(
            "--take: there is no side `{side}`; `ours` (or `rendering`) overwrites the hand edit, `theirs` (or `hand-edit`) keeps it"
        ),
    }
}
