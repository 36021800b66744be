//! Running other programs: said in words when they fail, with their own output shown.

use std::process::{Command, Output, Stdio};

use crate::failed::{Failed, Trying as _};

/// Runs to the end with the terminal as its own; anything but success fails the task.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let status = command.status().trying(named(command))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failed::new(format!("{}: {status}", named(command))))
    }
}

/// Runs to the end in silence; its output is shown only if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), Failed> {
    output(command).map(drop)
}

/// What a program prints on standard output, without the white space around it.
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .output()
        .trying(named(command))?;
    let stdout = String::from_utf8_lossy(&stdout).trim().to_owned();
    if status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(Failed::new(format!(
        "{}: {status}\n{stdout}\n{}",
        named(command),
        stderr.trim()
    )))
}

/// Whether a program is there and says yes.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn named(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", line.join(" "))
}
