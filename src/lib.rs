//! A declarative GitOps renderer.
pub mod diagnostic;
pub mod intent;
pub mod tree;
pub mod yaml;
