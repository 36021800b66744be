//! One pass over a file for thousands of texts at once.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};

use super::canary::Canary;
use super::encodings::{Form, forms};
use crate::failed::{Failed, Trying as _};

/// How much of a file is held at a time.
const BLOCK: usize = 1 << 20;

/// Everything a run must not hold, ready to be searched for.
#[derive(Debug)]
pub(super) struct Search {
    automaton: AhoCorasick,
    /// What each text of the automaton is: the canary's kind and the form's name.
    meanings: Vec<(String, &'static str)>,
    longest: usize,
}

impl Search {
    pub(super) fn new(canaries: &[Canary]) -> Result<Self, Failed> {
        let mut texts = Vec::new();
        let mut meanings = Vec::new();
        for canary in canaries {
            for Form { name, bytes } in forms(canary) {
                texts.push(bytes);
                meanings.push((canary.kind.clone(), name));
            }
        }
        let longest = texts.iter().map(Vec::len).max().unwrap_or(1);
        // The longest, so that a whole secret is not reported as a part of one.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .trying("the texts to search for")?;
        Ok(Self {
            automaton,
            meanings,
            longest,
        })
    }

    /// Every place of a file that holds something it must not, its own name included.
    pub(super) fn file(&self, path: &Path) -> Result<Vec<Hit>, Failed> {
        let mut hits = Vec::new();
        for found in self.automaton.find_iter(path.as_os_str().as_bytes()) {
            hits.push(self.hit(path, found.pattern().as_usize(), None));
        }
        self.contents(path, &mut hits).trying(path.display())?;
        Ok(hits)
    }

    /// Reads block by block, each beginning with the end of the one before, so that nothing is
    /// missed where two meet.
    fn contents(&self, path: &Path, hits: &mut Vec<Hit>) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; BLOCK + self.longest];
        let mut kept = 0;
        let mut offset = 0;
        loop {
            let read = file.read(&mut buffer[kept..])?;
            if read == 0 {
                return Ok(());
            }
            let held = &buffer[..kept + read];
            let mut searched = 0;
            for found in self.automaton.find_iter(held) {
                hits.push(self.hit(
                    path,
                    found.pattern().as_usize(),
                    Some(offset + found.start()),
                ));
                searched = found.end();
            }
            // A match ends in at most one block: what was matched is not looked at again.
            let from = searched.max(held.len().saturating_sub(self.longest - 1));
            let end = held.len();
            buffer.copy_within(from..end, 0);
            offset += from;
            kept = end - from;
        }
    }

    fn hit(&self, path: &Path, text: usize, offset: Option<usize>) -> Hit {
        let (kind, form) = self.meanings[text].clone();
        Hit {
            path: path.to_owned(),
            kind,
            form,
            offset,
        }
    }
}

/// Something found where it must not be. It says where and what, never the value.
#[derive(Debug)]
pub(super) struct Hit {
    path: PathBuf,
    kind: String,
    pub(super) form: &'static str,
    /// `None` where the file's name holds it.
    offset: Option<usize>,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            kind,
            form,
            offset,
        } = self;
        match offset {
            Some(offset) => write!(f, "{}: a {kind} {form}, at byte {offset}", path.display()),
            None => write!(
                f,
                "a file has a {kind} {form} in its name, in {}",
                self.folder()
            ),
        }
    }
}

impl Hit {
    /// The folder of a file whose name can't be shown.
    fn folder(&self) -> String {
        self.path
            .parent()
            .map(|folder| folder.display().to_string())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_lies_across_two_blocks_is_found_once_at_its_place() {
        let canary = Canary {
            kind: "uid".to_owned(),
            value: b"a-canary-of-24-characters".into(),
        };
        let search = Search::new(&[canary]).unwrap();
        let path = std::env::temp_dir().join(format!("keystead-search-{}", std::process::id()));
        for before in [
            0,
            5,
            BLOCK - 30,
            BLOCK - 10,
            BLOCK,
            BLOCK + 77,
            3 * BLOCK - 11,
        ] {
            let mut bytes = vec![b'.'; before];
            bytes.extend(b"a-canary-of-24-characters");
            bytes.resize(before + BLOCK, b'.');
            std::fs::write(&path, bytes).unwrap();

            let hits = search.file(&path).unwrap();

            let offsets: Vec<_> = hits.iter().map(|hit| hit.offset).collect();
            assert_eq!(offsets, [Some(before)], "{before} bytes before it");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
