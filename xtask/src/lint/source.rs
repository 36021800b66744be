//! The files of the tree, as the rules read them.

use std::fs;
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::{invoke, workspace};

/// One file that git tracks, or would if it were added.
#[derive(Debug)]
pub(super) struct Source {
    /// From the root, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Tests, benchmarks and fuzz targets may do what the program may not.
    pub(super) fn is_test(&self) -> bool {
        let folder = |name| self.path.split('/').any(|part| part == name);
        folder("tests") || folder("fuzz") || folder("benches") || self.path.ends_with("/tests.rs")
    }

    /// The lines that ship, numbered from one: those before the test module at the end. One that lies in a
    /// file of its own is declared wherever it belongs, and hides nothing.
    pub(super) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let is_declaration = |line: &&str| line.contains("mod ") && line.ends_with(';');
        let is_declared = |at: usize| lines.get(at + 1).is_some_and(is_declaration);
        let mut places = 0..lines.len();
        let end = places.find(|at| lines[*at] == "#[cfg(test)]" && !is_declared(*at));
        let end = end.unwrap_or(lines.len());
        let numbered = lines.into_iter().take(end).enumerate();
        numbered.map(|(index, line)| (index + 1, line))
    }
}

/// Every file of the work tree; what isn't UTF-8, such as a picture, has no words to judge.
pub(super) fn tracked() -> Result<Vec<Source>, Failed> {
    let mut list = Command::new("git");
    list.current_dir(workspace::root());
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let paths = invoke::output(&mut list)?;
    let mut sources = Vec::new();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        let file = workspace::root().join(path);
        // Deleted but not yet committed, or a link to a folder.
        if !file.is_file() {
            continue;
        }
        let bytes = fs::read(&file).trying(file.display())?;
        sources.push(Source {
            path: path.to_owned(),
            text: String::from_utf8(bytes).unwrap_or_default(),
        });
    }
    Ok(sources)
}

#[cfg(test)]
impl Source {
    /// A file that exists only in a test.
    pub(super) fn new(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            text: text.into(),
        }
    }
}
