//! Where things lie: the work tree, the target folder, and what cargo knows of the packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failed::{Failed, Trying as _};
use crate::invoke;

/// The root of the work tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies one folder below the root")
}

/// Cargo, the one that started this task, run in the root.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root());
    command
}

/// Where builds go, and everything a task makes.
pub(crate) fn target() -> Result<PathBuf, Failed> {
    let text = invoke::output(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value =
        serde_json::from_str(&text).trying("cargo metadata did not print JSON")?;
    let folder = metadata["target_directory"]
        .as_str()
        .expect("cargo metadata names the folder");
    Ok(folder.into())
}
