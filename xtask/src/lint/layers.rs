//! Which rooms never import which: the data plane and the console never meet, and what people may
//! do knows neither of the doors that lead to it.

use super::Finding;
use super::source::Source;

/// A room, and those that it may not import.
const APART: [(&str, &[&str]); 3] = [
    ("proxy", &["console"]),
    ("console", &["proxy"]),
    ("manage", &["api", "console", "proxy"]),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let Some(inside) = source.path.strip_prefix("crates/keystead/src/") else {
        return Vec::new();
    };
    let Some((own, others)) = APART.iter().find(|(layer, _)| is_within(inside, layer)) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for other in *others {
        for (line, text) in source.text.lines().enumerate() {
            if names(text, other) {
                let rule = format!("`{own}` never imports `{other}`");
                findings.push(Finding::at(source, line + 1, rule));
            }
        }
    }
    findings
}

/// `proxy/meter.rs` and `proxy.rs` are within `proxy`.
fn is_within(path: &str, layer: &str) -> bool {
    path.strip_prefix(layer)
        .is_some_and(|rest| rest.starts_with(['/', '.']))
}

/// Whether a line reaches into a module at the crate's root, in a path or in a braced import.
fn names(line: &str, module: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == module)
    };
    ["crate::", "super::", "keystead::"].iter().any(|root| {
        code.split(root)
            .skip(1)
            .any(|path| match path.strip_prefix('{') {
                Some(list) => words(list),
                None => {
                    path.split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        == Some(module)
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_write_an_import_is_seen() {
        for (path, line, found) in [
            ("proxy/meter.rs", "use crate::console::Session;", true),
            ("proxy/mod.rs", "use super::console;", true),
            ("proxy/mod.rs", "use crate::{app, console};", true),
            ("console/keys.rs", "    crate::proxy::reload();", true),
            (
                "console/keys.rs",
                "use crate::store::Key; // as crate::proxy::open does",
                false,
            ),
            ("proxy/mod.rs", "use crate::consoles::Session;", false),
            ("proxy/mod.rs", "use crate::store::console_sessions;", false),
            ("manage/keys.rs", "use crate::{api, store::Key};", true),
            ("manage/keys.rs", "use crate::store::api_tokens;", false),
            ("api/mod.rs", "use crate::console::Session;", false),
            ("proxying.rs", "use crate::console::Session;", false),
        ] {
            let source = Source::new(&format!("crates/keystead/src/{path}"), line);
            assert_eq!(!check(&source).is_empty(), found, "{path}: {line}");
        }
    }
}
