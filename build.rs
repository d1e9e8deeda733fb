//! Tells Cargo to build anew when a plugin folder or an explanation page is added: both are embedded.

fn main() {
    println!("cargo:rerun-if-changed=plugins");
    println!("cargo:rerun-if-changed=docs/diagnostics");
}
