//! A file of any size says first what it is for. `tests.rs` beside a module says it by its name.

use super::Finding;
use super::source::Source;

/// Files up to this many lines may speak for themselves.
const SHORT: usize = 50;

pub(super) fn check(source: &Source) -> Option<Finding> {
    if source.text.lines().count() <= SHORT || source.path.ends_with("/tests.rs") {
        return None;
    }
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty() && !is_preamble(line))?;
    let rule = format!("over {SHORT} lines and no module doc (`//! …` at the top)");
    (!first.starts_with("//!")).then(|| Finding::at(source, 1, rule))
}

/// What may stand before the module's doc.
fn is_preamble(line: &str) -> bool {
    line.starts_with("#!") || (line.starts_with("//") && !line.starts_with("//!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_file_without_a_doc_is_found() {
        let body = "fn f() {}\n".repeat(60);
        for (name, text, found) in [
            ("short", "fn f() {}\n".to_owned(), false),
            ("documented", format!("//! What for.\n{body}"), false),
            (
                "documented after an attribute",
                format!("#![deny(x)]\n\n//! Why.\n{body}"),
                false,
            ),
            (
                "documented after a reason",
                format!("// Long: a table.\n//! Why.\n{body}"),
                false,
            ),
            ("silent", body.clone(), true),
            (
                "documents its first item only",
                format!("/// What for.\n{body}"),
                true,
            ),
        ] {
            assert_eq!(check(&Source::new("a.rs", text)).is_some(), found, "{name}");
        }
        assert!(check(&Source::new("a/tests.rs", body)).is_none());
    }
}
