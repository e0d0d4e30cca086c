//! The `helenus` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    helenus::cli::main()
}
