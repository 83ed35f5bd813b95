//! The command `reset-app`.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
