//! The binary: parse, run, exit.

/// Rendering makes and drops many small values on all cores; the allocators of C libraries, musl's above all, are slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fluxwright::cli::run()
}
