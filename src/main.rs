//! The binary: parse, run, exit.

fn main() -> std::process::ExitCode {
    fluxwright::cli::run()
}
