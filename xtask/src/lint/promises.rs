//! Each promise of SECURITY.md names the tests that show it, and they are there.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

const DOCUMENT: &str = "SECURITY.md";
const HEAD: &str = "## What Keystead promises";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let Some(document) = sources.iter().find(|source| source.path == DOCUMENT) else {
        return Vec::new();
    };
    let tests = tests(sources);
    let mut findings = Vec::new();
    for (line, row) in promises(&document.text) {
        let shown = row.rsplit('|').nth(1).unwrap_or_default();
        let names: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        let is_name = |name: &&&str| !name.contains(['/', '.']);
        if !names.iter().any(|name| is_name(&name)) {
            findings.push(Finding::at(document, line, "this promise names no test"));
        }
        for name in names.iter().filter(is_name) {
            if !tests.contains(name) {
                let rule = format!("there is no test `{name}`");
                findings.push(Finding::at(document, line, rule));
            }
        }
    }
    findings
}

/// The rows of the table of promises, numbered as lines of the document.
fn promises(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    let section = lines.skip_while(|(_, line)| *line != HEAD).skip(1);
    let section = section.take_while(|(_, line)| !line.starts_with("## "));
    let rows = section.filter(|(_, line)| line.starts_with("| "));
    // The head of the table is none.
    rows.skip(1).map(|(index, line)| (index + 1, line))
}

/// The name of every test: a function that says so of itself, or one that a list has run on each store.
fn tests(sources: &[Source]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let mut is_next = false;
        let mut is_list = false;
        for line in source.text.lines() {
            let line = line.trim();
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_next = true;
            } else if let Some(name) = function(line) {
                if is_next {
                    names.insert(name);
                }
                is_next = false;
            } else if line.starts_with("on_both_stores!(") || line.starts_with("on_each_store!(") {
                is_list = true;
                names.extend(line.split(['(', ')', ',', ';', ' ']).skip(1));
            }
            if is_list {
                names.extend(line.strip_suffix(','));
                is_list = !line.ends_with(");");
            }
        }
    }
    names
}

/// The name of the function that begins in a line.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line);
    rest.strip_prefix("fn ")?.split('(').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Security\n\n## What Keystead promises\n\n| # | promise | how | shown by |\n\
        |---|---|---|---|\n| 1 | a | b | `it_holds`, `both_hold` |\n| 2 | a | b | `it_does_not` |\n\
        | 3 | a | b | `xtask/src/leaks/mod.rs` |\n\n## After it\n\n| # | x |\n";

    #[test]
    fn each_promise_names_tests_that_are_there() {
        let tests = "on_both_stores!(\n    both_hold,\n);\n\n#[test]\nfn it_holds() {}\n\nfn it_does_not() {}\n";
        let sources = [
            Source::new("SECURITY.md", TEXT),
            Source::new("crates/keystead/tests/a.rs", tests),
        ];
        let found: Vec<_> = check(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "SECURITY.md:8: there is no test `it_does_not`",
                "SECURITY.md:9: this promise names no test",
            ]
        );
    }
}
