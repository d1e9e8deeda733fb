//! A declarative GitOps renderer.
pub mod diagnostic;
pub mod tree;
pub mod yaml;
