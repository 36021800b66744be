//! The root key in a file: 64 hex digits that only this user can read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use keystead_vault::SealingKey;
use zeroize::Zeroizing;

use super::{RootKeyError, private};

/// Reads the file of an installation that has one.
pub(super) fn read(path: &Path) -> Result<SealingKey, RootKeyError> {
    let failed = |source| RootKeyError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = private::open(path)?;

    // One byte more than digits and a line break, to see that nothing follows.
    let mut text = Zeroizing::new([0; DIGITS + 2]);
    let mut length = 0;
    while length < text.len() {
        match file.read(&mut text[length..]).map_err(failed)? {
            0 => break,
            more => length += more,
        }
    }
    let digits = text[..length]
        .strip_suffix(b"\n")
        .unwrap_or(&text[..length]);
    let bytes = decode(digits).ok_or(RootKeyError::Malformed {
        path: path.to_owned(),
    })?;
    Ok(SealingKey::from_bytes(bytes))
}

/// The file of a fresh installation: one that is there is adopted, else it is made.
///
/// When this returns, the file will be there after a power cut. The caller then writes the
/// key-check value, so that there never is a store without its key.
pub(super) fn read_or_make(path: &Path) -> Result<SealingKey, RootKeyError> {
    match read(path) {
        Err(RootKeyError::Missing { .. }) => {
            make(path).map_err(|source| RootKeyError::File {
                path: path.to_owned(),
                source,
            })?;
            read(path)
        }
        found => {
            // Adopted, perhaps written by a process that was killed before it had synced.
            if found.is_ok() {
                sync(path).map_err(|source| RootKeyError::File {
                    path: path.to_owned(),
                    source,
                })?;
            }
            found
        }
    }
}

/// Makes the file under another name and gives it its own when it is whole, so that a process
/// killed half-way leaves no half key. One that appeared meanwhile is left as it is.
fn make(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let _ = fs::remove_file(&draft);

    let key = SealingKey::generate();
    let text = encode(key.expose());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&text[..])?;
    file.sync_all()?;

    let named = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(folder)?.sync_all(),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn encode(key: &[u8; 32]) -> Zeroizing<[u8; DIGITS + 1]> {
    let mut text = Zeroizing::new([b'\n'; DIGITS + 1]);
    for (pair, byte) in text.chunks_exact_mut(2).zip(key) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    text
}

fn decode(digits: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let pairs: &[[u8; 2]; 32] = digits.as_chunks::<2>().0.try_into().ok()?;
    if digits.len() != DIGITS {
        return None;
    }
    let value = |digit: u8| (digit as char).to_digit(16);
    let mut key = Zeroizing::new([0; 32]);
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = u8::try_from(value(*high)? * 16 + value(*low)?).ok()?;
    }
    Some(key)
}

const DIGITS: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_was_made_reads_back_and_is_closed_to_others() {
        let folder = scratch("made");
        let path = folder.join("sub/root.key");
        let made = read_or_make(&path).unwrap();
        assert_eq!(made.expose(), read(&path).unwrap().expose());
        assert_eq!(
            made.expose(),
            read_or_make(&path).unwrap().expose(),
            "adopted, not made anew"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no draft stays"
        );
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let path = scratch("open").join("root.key");
        read_or_make(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read(&path).unwrap_err();
            assert_eq!(refused.code(), "root_key_permissions", "{mode:o}");
        }
    }

    #[test]
    fn a_missing_or_mangled_file_is_refused_by_name() {
        let path = scratch("mangled").join("root.key");
        assert_eq!(read(&path).unwrap_err().code(), "root_key_missing");
        let whole = "0123456789abcdef".repeat(4);
        for (text, fits) in [
            (whole.clone(), true),
            (format!("{whole}\n"), true),
            (format!("{whole}\n\n"), false),
            (format!("{whole}00"), false),
            (whole[..63].to_owned(), false),
            (whole.replace('0', "g"), false),
            (String::new(), false),
        ] {
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            match read(&path) {
                Ok(_) => assert!(fits, "{text:?}"),
                Err(error) => assert!(!fits && error.code() == "root_key_malformed", "{text:?}"),
            }
        }
    }

    fn scratch(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("keystead-root-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}
