//! Files that hold a root key or what it is derived from: closed to everyone but this user.

use std::{fs::File, io, os::unix::fs::PermissionsExt as _, path::Path};

use super::RootKeyError;

/// Opens such a file. Whether it is closed is asked of the opened file, so that nobody can put
/// another one in its place in between.
pub(super) fn open(path: &Path) -> Result<File, RootKeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => RootKeyError::Missing {
            path: path.to_owned(),
        },
        _ => RootKeyError::File {
            path: path.to_owned(),
            source,
        },
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o7777;
    // A pipe or a terminal is nobody else's, whatever its mode says.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(RootKeyError::Permissions {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(file)
}
