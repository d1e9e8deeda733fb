//! A declarative GitOps renderer: a cluster's intent becomes the Git tree that Flux applies.
//!
//! The modules are the stages of one pipeline, in the order in which data flows through them; [`pipeline`] chains them.
//! All stages are pure functions from values to values, but for [`repo`], [`forge`] and [`cli`], which touch disk,
//! network, environment and terminal. `ARCHITECTURE.md` says who may import whom.

pub mod diagnostic;
pub mod tree;
pub mod yaml;

pub mod intent;

pub mod catalog;

pub mod plan;

pub mod render;

pub mod layout;

pub mod build;

pub mod verify;

pub mod diff;

pub mod report;

pub mod krm;

pub mod repo;

pub mod forge;

pub mod pipeline;

pub mod cli;
