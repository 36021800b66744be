//! The dependencies against `deny.toml`: licences, bans and sources.
//!
//! cargo-deny knows more but takes minutes to build; these three need only what cargo prints. The
//! tree is asked of `cargo tree`: `cargo metadata` and the lock file also list crates that only a
//! feature nobody turned on would bring.

use std::collections::BTreeSet;
use std::fs;

use toml::{Table, Value};

use super::{Finding, licence, report};
use crate::failed::{Failed, Trying as _};
use crate::{invoke, workspace};

/// The one registry that releases come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check() -> Result<(), Failed> {
    let rules = read("deny.toml")?;
    let mut tree = workspace::cargo();
    tree.args([
        "tree",
        "--workspace",
        "--locked",
        "--edges=normal,build,dev",
    ]);
    let printed = invoke::output(tree.args(["--prefix=none", "--format={p}|{l}|"]))?;
    let mut findings = judge(&printed, &rules);
    findings.extend(strangers(&read("Cargo.lock")?));
    report(&findings)
}

fn read(name: &str) -> Result<Table, Failed> {
    let text = fs::read_to_string(workspace::root().join(name)).trying(name)?;
    text.parse().trying(name)
}

/// Reads lines like `ring v0.17.14|Apache-2.0 AND ISC|`, a closing `(*)` where cargo cut a branch.
fn judge(printed: &str, rules: &Table) -> Vec<Finding> {
    let allowed = strings(&rules["licenses"]["allow"]);
    let banned = rules["bans"]["deny"]
        .as_array()
        .expect("deny.toml lists what is banned");
    let mut findings = Vec::new();
    let crates: BTreeSet<_> = printed
        .lines()
        .filter_map(|line| line.split_once('|'))
        .collect();
    for (package, rest) in crates {
        let licence = rest.split('|').next().unwrap_or_default();
        let name = package.split(' ').next().unwrap_or_default();
        if !licence::is_met(licence, &allowed) {
            findings.push(Finding::on(
                package,
                format!("licence `{licence}` is not in deny.toml"),
            ));
        }
        let ban = banned
            .iter()
            .find(|ban| ban["crate"].as_str() == Some(name));
        if let Some(reason) = ban.map(|ban| ban["reason"].as_str().unwrap_or_default()) {
            findings.push(Finding::on(package, format!("banned: {reason}")));
        }
    }
    findings
}

/// Locked packages that come neither from the registry nor from this tree.
fn strangers(lock: &Table) -> Vec<Finding> {
    let packages = lock["package"]
        .as_array()
        .expect("a lock file lists packages");
    let sources = packages.iter().filter_map(|package| {
        let source = package.get("source")?.as_str()?;
        (source != REGISTRY).then(|| (package["name"].as_str().unwrap_or_default(), source))
    });
    sources
        .map(|(name, source)| Finding::on(name, format!("comes from {source}")))
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_crate_and_a_strange_licence_are_named_once() {
        let rules = r#"
            licenses.allow = ["MIT"]
            bans.deny = [{ crate = "ring", reason = "one is enough" }]
        "#;
        let printed = "good v1.0.0|MIT|\nbad v2.0.0|GPL-3.0-only|\nring v0.17.14|MIT|\n\n\
                       bad v2.0.0|GPL-3.0-only| (*)\nringing v1.0.0|MIT|\n";

        let findings = judge(printed, &rules.parse().unwrap());

        let places: BTreeSet<_> = findings.iter().map(|found| found.place.as_str()).collect();
        assert_eq!(places, BTreeSet::from(["bad v2.0.0", "ring v0.17.14"]));
    }

    #[test]
    fn what_comes_from_elsewhere_is_named() {
        let lock = format!(
            "[[package]]\nname = \"own\"\n[[package]]\nname = \"released\"\nsource = \"{REGISTRY}\"\n\
             [[package]]\nname = \"patched\"\nsource = \"git+https://example.com/patched#1\"\n"
        );

        let findings = strangers(&lock.parse().unwrap());

        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place, "patched");
    }
}
