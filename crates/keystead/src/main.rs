//! The program: everything it does is a command of [`keystead::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    keystead::cli::run(std::env::args_os())
}
