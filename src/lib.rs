//! A declarative GitOps renderer.
pub mod catalog;
pub mod diagnostic;
pub mod intent;
pub mod layout;
pub mod plan;
pub mod render;
pub mod tree;
pub mod yaml;
