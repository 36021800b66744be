//! On what, and with what, something was measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failed::Failed;
use crate::{invoke, workspace};

/// Names and values, in the order of the report.
///
/// `load` is what else the machine had to do before the first measurement.
pub(super) fn describe(keystead: &Path, load: f64) -> Result<Vec<(&'static str, String)>, Failed> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("unknown")
            .trim_matches([' ', '\t', ':', '=', '"'])
            .to_owned()
    };
    let cpu = read("/proc/cpuinfo");
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    Ok(vec![
        ("date", date()?),
        (
            "processor",
            format!("{cores} × {}", after(&cpu, "model name")),
        ),
        ("memory", after(&read("/proc/meminfo"), "MemTotal")),
        ("system", after(&read("/etc/os-release"), "PRETTY_NAME")),
        (
            "kernel",
            read("/proc/sys/kernel/osrelease").trim().to_owned(),
        ),
        ("load before", format!("{load:.2}")),
        (
            "keystead",
            invoke::output(Command::new(keystead).arg("--version"))?,
        ),
        ("commit", commit()),
        ("nginx", nginx_version()?),
        (
            "rustc",
            invoke::output(Command::new("rustc").arg("--version"))?,
        ),
    ])
}

/// Today, in UTC.
pub(super) fn date() -> Result<String, Failed> {
    invoke::output(Command::new("date").args(["--utc", "+%Y-%m-%d"]))
}

/// What the work tree holds.
pub(super) fn commit() -> String {
    let git = |arguments: &[&str]| {
        invoke::output(
            Command::new("git")
                .current_dir(workspace::root())
                .args(arguments),
        )
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|_| "unknown".into());
    let is_clean = git(&["status", "--porcelain", "--", "crates", "Cargo.lock"]);
    let changed = if is_clean.is_ok_and(|list| list.is_empty()) {
        ""
    } else {
        ", with changes"
    };
    format!("{commit}{changed}")
}

/// How many programs wanted a core at a time, over the last minute.
pub(super) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0)
}

/// It prints its version on standard error.
fn nginx_version() -> Result<String, Failed> {
    invoke::output(Command::new("sh").args(["-c", "nginx -v 2>&1"]))
}
