//! What a test planted: values that only it knows, and that must turn up nowhere.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::failed::{Failed, Trying as _};

/// The file in a test's folder that lists what it planted.
pub(super) const FILE: &str = "canaries";

/// Fewer bytes than this turn up by chance.
const SHORTEST: usize = 8;

/// One planted value.
pub(super) struct Canary {
    /// What it stands for: `provider_key`, `access_token`, `prompt`, `email`, `address`, `uid` …
    pub(super) kind: String,
    pub(super) value: Vec<u8>,
}

impl fmt::Debug for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Canary").field(&self.kind).finish()
    }
}

/// The canaries of every test of a run; each test's folder must hold some.
pub(super) fn read_all(tests: &Path) -> Result<Vec<Canary>, Failed> {
    let mut canaries = Vec::new();
    for entry in fs::read_dir(tests).trying(tests.display())? {
        let folder = entry.trying(tests.display())?.path();
        if !folder.is_dir() {
            continue;
        }
        let text = fs::read_to_string(folder.join(FILE))
            .map_err(|_| Failed::new(format!("{} left no canaries", folder.display())))?;
        let planted = parse(&text).trying(folder.join(FILE).display())?;
        if planted.is_empty() {
            return Err(Failed::new(format!(
                "{} left no canaries",
                folder.display()
            )));
        }
        canaries.extend(planted);
    }
    Ok(canaries)
}

fn parse(text: &str) -> Result<Vec<Canary>, Failed> {
    let parse_line = |(number, line): (usize, &str)| {
        let (kind, value) = line
            .split_once('\t')
            .ok_or_else(|| Failed::new(format!("line {}: no tab after the kind", number + 1)))?;
        if value.len() < SHORTEST {
            let text = format!("line {}: the {kind} is too short to search for", number + 1);
            return Err(Failed::new(text));
        }
        Ok(Canary {
            kind: kind.to_owned(),
            value: value.as_bytes().to_vec(),
        })
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(parse_line)
        .collect()
}
