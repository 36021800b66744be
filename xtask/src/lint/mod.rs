//! `cargo xtask lint`: what a change must keep besides working.
//!
//! Formatting and clippy, then the house rules, one small file each, then the dependencies against
//! `deny.toml`. Each check runs whatever the others said, so that one run shows all there is to do.

mod belongs;
mod dependencies;
mod exposure;
mod layers;
mod length;
mod licence;
mod links;
mod module_docs;
mod promises;
mod scrolling;
mod source;
mod words;

use std::fmt;

use crate::failed::Failed;
use crate::say::say;
use crate::{invoke, workspace};
use source::Source;

/// One house rule broken in one place.
#[derive(Debug)]
struct Finding {
    place: String,
    rule: String,
}

impl Finding {
    /// `line` counts from one.
    fn at(source: &Source, line: usize, rule: impl Into<String>) -> Self {
        Self {
            place: format!("{}:{line}", source.path),
            rule: rule.into(),
        }
    }

    fn on(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failed> {
    if let Some(argument) = arguments.first() {
        return Err(Failed::new(format!(
            "lint takes no arguments, so not `{argument}` either"
        )));
    }
    let mut broken = Vec::new();
    let mut check = |name: &'static str, keep: fn() -> Result<(), Failed>| {
        say(name);
        if let Err(failed) = keep() {
            say(format!("  {failed}"));
            broken.push(name);
        }
    };
    check("formatting (cargo fmt --check)", formatting);
    check("house rules", house_rules);
    check(
        "dependencies against deny.toml: licences, bans, sources",
        dependencies::check,
    );
    check("clippy, every warning an error", clippy);
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Failed::new(broken.join("; ")))
    }
}

fn formatting() -> Result<(), Failed> {
    invoke::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failed> {
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    invoke::run(workspace::cargo().args(lints))
}

fn house_rules() -> Result<(), Failed> {
    let sources = source::tracked()?;
    let mut findings = exposure::stale(&sources);
    findings.extend(links::check(&sources));
    findings.extend(promises::check(&sources));
    for source in &sources {
        findings.extend(belongs::check(source));
        if source.is_rust() {
            findings.extend(module_docs::check(source));
            findings.extend(length::check(source));
            findings.extend(layers::check(source));
            findings.extend(exposure::check(source));
            findings.extend(words::check(source));
        }
        if source.path.ends_with(".html") {
            findings.extend(scrolling::check(source));
        }
    }
    report(&findings)
}

fn report(findings: &[Finding]) -> Result<(), Failed> {
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    Err(Failed::new(lines.join("\n  ")))
}
