//! Which files of a run are searched: all of them, but for those a test names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::canary;
use crate::failed::{Failed, Trying as _};

/// The file in a test's folder that lists which of its files may hold what it planted.
const ALLOW: &str = "leak-allow";

/// The files below some folders, each once.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) searched: Vec<PathBuf>,
    pub(super) bytes: u64,
    /// How many were left out.
    pub(super) allowed: usize,
    seen: HashSet<PathBuf>,
}

impl Files {
    pub(super) fn below(places: &[&Path]) -> Result<Self, Failed> {
        let mut files = Self::default();
        for place in places {
            files.enter(place, &[])?;
        }
        Ok(files)
    }

    fn enter(&mut self, folder: &Path, allowed: &[PathBuf]) -> Result<(), Failed> {
        let mut allowed = allowed.to_vec();
        if let Ok(list) = fs::read_to_string(folder.join(ALLOW)) {
            // `join` keeps a closing slash out of the comparison: paths compare by component.
            allowed.extend(
                list.lines()
                    .filter(|line| !line.is_empty())
                    .map(|l| folder.join(l)),
            );
        }
        for entry in fs::read_dir(folder).trying(folder.display())? {
            let entry = entry.trying(folder.display())?;
            let path = entry.path();
            let kind = entry.file_type().trying(path.display())?;
            let is_list = [canary::FILE, ALLOW]
                .map(Into::into)
                .contains(&entry.file_name());
            if kind.is_dir() && !allowed.contains(&path) {
                self.enter(&path, &allowed)?;
            } else if kind.is_dir() || (kind.is_file() && (is_list || allowed.contains(&path))) {
                self.allowed += 1;
            } else if kind.is_file() && self.seen.insert(path.clone()) {
                self.bytes += entry.metadata().trying(path.display())?.len();
                self.searched.push(path);
            }
        }
        Ok(())
    }
}
