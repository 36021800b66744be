//! What belongs to one person's machine, or hides from the reader, stays out of the tree.

use super::Finding;
use super::source::Source;

/// Characters that change the order in which text is shown, so that it reads as something else
/// than what the compiler sees.
const REORDERING: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// Folders of one machine, in pieces so that this file passes its own rule.
const MACHINES: [(&str, &str); 2] = [("/ro", "ot/"), ("/wo", "rk/")];

/// Folders of people; tests invent some.
const PEOPLE: [(&str, &str); 2] = [("/ho", "me/"), ("/Us", "ers/")];

/// Conflict marks that a merge left; the equals signs alone underline headings too.
const MERGE: [(&str, &str); 2] = [("<<<<", "<<< "), (">>>>", ">>> ")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut homes = MACHINES.to_vec();
    if !source.is_test() {
        homes.extend(PEOPLE);
    }
    let homes: Vec<_> = homes
        .iter()
        .map(|(head, tail)| [*head, tail].concat())
        .collect();
    let merge = MERGE.map(|(head, tail)| [head, tail].concat());
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let mut found = |rule: &str| findings.push(Finding::at(source, index + 1, rule));
        if homes.iter().any(|home| holds_path(line, home)) {
            found("an absolute path of one machine");
        }
        if merge.iter().any(|mark| line.starts_with(mark)) {
            found("a conflict mark");
        }
        if line.contains(REORDERING) {
            found("a character that reorders the text around it");
        }
    }
    findings
}

/// Whether a path that starts here is named, not one that only has such a folder inside, as a URL.
fn holds_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + home.len()..].chars().next();
        let starts = before.is_none_or(|c| !(c.is_alphanumeric() || "./_-~$}%".contains(c)));
        starts && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_merges_and_tricks_are_found() {
        let home = ["/ho", "me/"].concat();
        let mark = ["<<<<", "<<< HEAD"].concat();
        for (line, found) in [
            (format!("see {home}ada/keystead"), true),
            (format!("\"{home}ada\""), true),
            (format!("https://example.com{home}page"), false),
            (format!("under $PREFIX{home}x"), false),
            (format!("a folder {home} of folders"), false),
            (mark, true),
            ("=======".to_owned(), false),
            ("access = \"user\u{202e}\"".to_owned(), true),
            ("plain".to_owned(), false),
        ] {
            assert_eq!(
                !check(&Source::new("a.md", line.clone())).is_empty(),
                found,
                "{line}"
            );
        }
    }
}
