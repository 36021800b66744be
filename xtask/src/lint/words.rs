//! Words that mean something was left for later, left out, or not thought about.

use super::Finding;
use super::source::Source;

/// What a line of code must not hold, in pieces so that this file passes its own rule.
const LINES: [(&str, &str, &str); 5] = [
    (
        "#[al",
        "low(",
        "expect a lint, with its reason: an exception that is not needed says so",
    ),
    (
        "#![al",
        "low(",
        "expect a lint, with its reason: an exception that is not needed says so",
    ),
    ("#[ign", "ore", "a test that does not run proves nothing"),
    ("TO", "DO", "an open end belongs in an issue"),
    ("FIX", "ME", "an open end belongs in an issue"),
];

/// Names that say nothing of what is inside.
const MODULES: [&str; 8] = [
    "helper", "helpers", "util", "utils", "common", "types", "misc", "shared",
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let lines = LINES.map(|(head, tail, rule)| ([head, tail].concat(), rule));
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for (word, rule) in &lines {
            if line.contains(word.as_str()) {
                findings.push(Finding::at(source, index + 1, format!("`{word}`: {rule}")));
            }
        }
    }
    let named = source.path.trim_end_matches(".rs").split('/');
    let nameless = named.filter(|part| MODULES.contains(part));
    findings.extend(nameless.map(|part| {
        Finding::on(
            &source.path,
            format!("`{part}` names no idea; name what it holds"),
        )
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_where_it_stands() {
        for (path, text, place) in [
            (
                "a.rs",
                ["fn f() {}\n#[al", "low(dead_code)]"].concat(),
                Some("a.rs:2"),
            ),
            ("a.rs", ["#[ign", "ore]"].concat(), Some("a.rs:1")),
            ("a.rs", ["// TO", "DO later"].concat(), Some("a.rs:1")),
            ("src/utils/mod.rs", String::new(), Some("src/utils/mod.rs")),
            ("src/common.rs", String::new(), Some("src/common.rs")),
            (
                "src/commons.rs",
                "#[expect(dead_code, reason = \"…\")]".to_owned(),
                None,
            ),
        ] {
            let findings = check(&Source::new(path, text.clone()));
            assert_eq!(
                findings.first().map(|found| found.place.as_str()),
                place,
                "{path} {text}"
            );
        }
    }
}
