//! A declarative GitOps renderer.
pub mod catalog;
pub mod diagnostic;
pub mod intent;
pub mod plan;
pub mod tree;
pub mod yaml;
