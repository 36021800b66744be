//! The folder of one run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failed::{Failed, Trying as _};

/// `target/test/run-PID`, kept after the run, removed by the next one.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(target: &Path) -> Result<Self, Failed> {
        let parent = target.join("test");
        fs::create_dir_all(&parent).trying(parent.display())?;
        remove_finished_runs(&parent)?;
        let path = parent.join(format!("run-{}", std::process::id()));
        let folder = Self(path);
        fs::create_dir_all(folder.servers()).trying(folder.0.display())?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where each test leaves what its server wrote.
    pub(super) fn servers(&self) -> PathBuf {
        self.0.join("servers")
    }
}

/// Removes what earlier runs left, but nothing of a run that is still going in another terminal.
fn remove_finished_runs(parent: &Path) -> Result<(), Failed> {
    for entry in fs::read_dir(parent).trying(parent.display())? {
        let entry = entry.trying(parent.display())?;
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix("run-")) else {
            continue;
        };
        if pid == std::process::id().to_string() || !is_task(pid) {
            fs::remove_dir_all(entry.path()).trying(entry.path().display())?;
        }
    }
    Ok(())
}

/// Whether a process with this number lives and is a task of ours: numbers come round again.
fn is_task(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "xtask")
}
