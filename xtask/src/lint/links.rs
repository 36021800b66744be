//! What a document points at is there: relative links, their anchors, and paths of this tree that
//! stand in backticks. And each page below `docs/` is pointed at, or nobody would find it.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::source::Source;

/// Backticked words that begin like this claim to be files or folders of this tree.
const TREES: [&str; 7] = [
    "bench/", "crates/", "docs/", "fuzz/", ".ci/", "widget/", "xtask/",
];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let tree = Tree::of(sources);
    let mut findings = Vec::new();
    let mut linked = BTreeSet::new();
    for source in sources.iter().filter(|source| is_document(source)) {
        for (line, text) in prose(&source.text) {
            let dead = links(text).filter_map(|target| tree.refuses(&source.path, target));
            linked.extend(
                links(text).map(|target| {
                    resolve(&source.path, target.split('#').next().unwrap_or_default())
                }),
            );
            let gone = paths(text).filter_map(|path| tree.lacks(path));
            findings.extend(dead.chain(gone).map(|rule| Finding::at(source, line, rule)));
        }
    }
    let pages = sources
        .iter()
        .filter(|source| is_document(source) && source.path.starts_with("docs/"));
    let lost = pages.filter(|page| !linked.contains(&page.path));
    findings.extend(lost.map(|page| Finding::on(&page.path, "no document links to this page")));
    findings
}

fn is_document(source: &Source) -> bool {
    source.path.ends_with(".md")
}

/// Every file with the headings that can be linked to (documents have some), and every folder.
struct Tree<'a> {
    files: BTreeMap<&'a str, Vec<String>>,
    folders: BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let headings = |source: &Source| match is_document(source) {
            true => anchors(&source.text),
            false => Vec::new(),
        };
        let parents = |path: &'a str| path.match_indices('/').map(|(at, _)| &path[..at]);
        Self {
            files: sources
                .iter()
                .map(|source| (source.path.as_str(), headings(source)))
                .collect(),
            folders: sources
                .iter()
                .flat_map(|source| parents(source.path.as_str()))
                .collect(),
        }
    }

    /// What is wrong with a link from a document.
    fn refuses(&self, document: &str, target: &str) -> Option<String> {
        if target.contains("://") || target.starts_with("mailto:") {
            return None;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = match path {
            "" => document.to_owned(),
            path => resolve(document, path),
        };
        match self.files.get(path.as_str()) {
            None if self.has_folder(&path) => None,
            None => Some(format!("`{target}` leads nowhere")),
            Some(headings) if anchor.is_empty() || headings.iter().any(|one| one == anchor) => None,
            Some(_) => Some(format!("`{target}`: no such heading")),
        }
    }

    /// What is wrong with a path of this tree.
    fn lacks(&self, path: &str) -> Option<String> {
        let there = self.files.contains_key(path) || self.has_folder(path);
        (!there).then(|| format!("`{path}` is not in the tree"))
    }

    fn has_folder(&self, path: &str) -> bool {
        self.folders.contains(path.trim_end_matches('/'))
    }
}

/// A link from a document, as a path from the root. One that climbs out of the tree stays as it
/// is, and so leads nowhere.
fn resolve(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return link.to_owned(),
            ".." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The lines outside fenced blocks, numbered from one.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split("](").skip(1);
    after.filter_map(|rest| rest.split(')').next())
}

/// Words in backticks that name a file or folder of this tree; what holds a wildcard or a
/// placeholder in capitals names many.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        TREES.iter().any(|tree| word.starts_with(tree))
            && !word.contains(|c: char| c.is_whitespace() || "*{<…".contains(c))
            && !word
                .split('/')
                .any(|part| part.starts_with("NAME") || part.starts_with("NNNN"))
    })
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let Some(heading) = line[level..].strip_prefix(' ').filter(|_| level > 0) else {
            continue;
        };
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c => c.is_alphanumeric().then_some(c),
        });
        let plain: String = kept.collect();
        let twins = anchors.iter().filter(|one| **one == plain).count();
        anchors.push(match twins {
            0 => plain,
            // The second of a name gets `-1`; a document with three alike needs better names.
            more => format!("{plain}-{more}"),
        });
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let sources = [
            Source::new(
                "README.md",
                "# Start\n\n## Your first key, sealed\n[keys](docs/guides/keys.md)\n",
            ),
            Source::new("docs/guides/keys.md", text),
            Source::new("crates/vault/src/lib.rs", ""),
        ];
        check(&sources).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn what_is_there_is_not_found() {
        for text in [
            "[a](../../README.md)",
            "[a](../../README.md#your-first-key-sealed), [b](https://example.com/x.md)",
            "# Here\n[a](#here) and [a folder](../../crates/vault/src)",
            "`crates/vault/src/lib.rs`, `crates/vault/`, `crates/*/src`, `crates/NAME/x`, `proxy/mod.rs`",
            "```\n[a](nowhere.md) `crates/none.rs`\n```",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_by_place() {
        for (text, expected) in [
            (
                "\n[a](nowhere.md)",
                "docs/guides/keys.md:2: `nowhere.md` leads nowhere",
            ),
            (
                "[a](../../../README.md)",
                "`../../../README.md` leads nowhere",
            ),
            (
                "[a](../../README.md#end)",
                "`../../README.md#end`: no such heading",
            ),
            ("[a](#here)", "`#here`: no such heading"),
            (
                "see `crates/vault/src/gone.rs`",
                "`crates/vault/src/gone.rs` is not in the tree",
            ),
            ("```\n```\n[a](gone.md)", "docs/guides/keys.md:3: "),
        ] {
            let all = found(text);
            assert!(
                all.len() == 1 && all[0].contains(expected),
                "{text}: {all:?}"
            );
        }
    }

    #[test]
    fn a_page_that_nothing_links_to_is_named() {
        let sources = [
            Source::new("README.md", "[a](docs/a.md)"),
            Source::new("docs/a.md", ""),
            Source::new("docs/lost.md", "[a](a.md)"),
            Source::new("crates/vault/README.md", ""),
        ];

        let all: Vec<_> = check(&sources).iter().map(Finding::to_string).collect();

        assert_eq!(all, ["docs/lost.md: no document links to this page"]);
    }

    #[test]
    fn headings_of_one_name_are_counted() {
        let made = anchors("# Keys\n## `serve`, and `init`\n# Keys\n");
        assert_eq!(made, ["keys", "serve-and-init", "keys-1"]);
    }
}
