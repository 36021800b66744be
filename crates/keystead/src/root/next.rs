//! The root key's file when its key changes in place: the next key lies beside it until the store is
//! wrapped by it, and the one before stays for the backups that it opens.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::RootKeyError;

/// Where the next key of a file lies until it takes its place.
#[must_use]
pub fn next_file(path: &Path) -> PathBuf {
    with_ending(path, "next")
}

/// Puts the next key in the place of `path`; what was there is called `PATH.before-…` from then on.
/// At no moment is there no file of that name. Returns where the old one is.
///
/// # Errors
///
/// [`RootKeyError::File`]; doing it again goes on where this stopped.
pub fn settle(path: &Path, stamp: &str) -> Result<PathBuf, RootKeyError> {
    let failed = |source| RootKeyError::File {
        path: path.to_owned(),
        source,
    };
    let before = with_ending(path, &format!("before-{stamp}"));
    match fs::hard_link(path, &before) {
        // Linked by a process that was killed then, or there is none to keep.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
            ) => {}
        linked => linked.map_err(failed)?,
    }
    fs::rename(next_file(path), path).map_err(failed)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(before)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}
