//! The root key from a passphrase, by Argon2id.
//!
//! Parameters and salt lie in the store, so that stronger ones can come with a new root key and
//! every store goes on opening with its own.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    path::Path,
};

use argon2::{Algorithm, Argon2, Params, Version};
use keystead_vault::{SealingKey, random};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{RootKeyError, private};
use crate::store::PassphraseParameters;

/// A passphrase. Unprintable, wiped on drop.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// How many characters a new installation's passphrase has at least.
    pub const SHORTEST: usize = 12;

    /// Takes over a passphrase.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Reads the first line of a file.
    ///
    /// # Errors
    ///
    /// [`RootKeyError::Missing`], [`RootKeyError::Permissions`] when others can read it, and
    /// [`RootKeyError::NoPassphrase`] when the line is empty.
    pub fn from_file(path: &Path) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::File {
            path: path.to_owned(),
            source,
        };
        let mut text = Zeroizing::new(String::with_capacity(LONGEST));
        let file = private::open(path)?;
        file.take(LONGEST as u64)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Self::first_line(&text)
    }

    /// Asks at the terminal, without showing what is typed.
    ///
    /// # Errors
    ///
    /// [`RootKeyError::NoPassphrase`] when there is no terminal or nothing was typed.
    pub fn from_terminal() -> Result<Self, RootKeyError> {
        ask("Passphrase: ")
            .map_err(|_| RootKeyError::NoPassphrase)
            .and_then(|line| Self::first_line(&line))
    }

    /// Asks at the terminal for some other secret, without showing what is typed.
    ///
    /// # Errors
    ///
    /// [`RootKeyError::NoPassphrase`] when there is no terminal or nothing was typed.
    pub fn ask_for(prompt: &str) -> Result<Zeroizing<String>, RootKeyError> {
        let asked = ask(prompt).map_err(|_| RootKeyError::NoPassphrase)?;
        Ok(Self::first_line(&asked)?.0)
    }

    fn first_line(text: &str) -> Result<Self, RootKeyError> {
        match text.lines().next() {
            None | Some("") => Err(RootKeyError::NoPassphrase),
            Some(line) => Ok(Self(Zeroizing::new(line.to_owned()))),
        }
    }

    /// What a fresh installation derives its root key with (OWASP's and RFC 9106's second choice):
    /// 64 MiB, three passes, one lane.
    pub(super) fn fresh_parameters(&self) -> Result<PassphraseParameters, RootKeyError> {
        if self.0.chars().count() < Self::SHORTEST {
            return Err(RootKeyError::PassphraseTooShort);
        }
        let salt = random::<16>().to_vec();
        Ok(PassphraseParameters {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
            salt,
        })
    }

    /// Derives the root key, on a thread that may take its time.
    pub(super) async fn derive(
        &self,
        parameters: &PassphraseParameters,
    ) -> Result<SealingKey, RootKeyError> {
        // Someone who can write to the store must not make a start cost all memory.
        if parameters.memory_kib > 1024 * 1024 || parameters.passes > 100 || parameters.lanes > 16 {
            return Err(RootKeyError::Parameters);
        }
        let passphrase = self.0.clone();
        let parameters = parameters.clone();
        tokio::task::spawn_blocking(move || {
            let cost = Params::new(
                parameters.memory_kib,
                parameters.passes,
                parameters.lanes,
                Some(32),
            )
            .map_err(|_| RootKeyError::Parameters)?;
            let mut key = Zeroizing::new([0; 32]);
            Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
                .hash_password_into(passphrase.as_bytes(), &parameters.salt, &mut key[..])
                .map_err(|_| RootKeyError::Parameters)?;
            Ok(SealingKey::from_bytes(key))
        })
        .await
        .expect("the derivation does not panic, and nobody aborts it")
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Reads a line from the terminal with its echo off.
fn ask(prompt: &str) -> io::Result<Zeroizing<String>> {
    let mut terminal = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);

    terminal.write_all(prompt.as_bytes())?;
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let restore = Restore {
        terminal: &terminal,
        before,
    };
    let line = read_line(&terminal);
    drop(restore);
    terminal.write_all(b"\n")?;
    line
}

/// Reads a line into memory that is wiped, and nowhere else.
fn read_line(mut from: impl io::Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new([0; LONGEST]);
    let mut filled = 0;
    loop {
        let read = match from.read(&mut line[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let end = memchr::memchr(b'\n', &line[filled..filled + read]);
        filled += end.unwrap_or(read);
        if read == 0 || end.is_some() {
            break;
        }
    }
    let text = str::from_utf8(&line[..filled]).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Gives the terminal its echo back, however the question ends.
struct Restore<'t> {
    terminal: &'t fs::File,
    before: Termios,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell: a terminal that is gone needs no echo.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Bytes of a passphrase at most; also the capacity it is read into, so that none is left behind
/// by a growing buffer.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_however_it_comes() {
        let long = "x".repeat(LONGEST + 1);
        for (typed, line) in [
            (&["correct horse\n"][..], "correct horse"),
            (&["corr", "ect h", "orse\nbattery"], "correct horse"),
            (&["ends"], "ends"),
            (&["\n", "more"], ""),
            (&[], ""),
            (&[&long], &long[1..]),
        ] {
            let nothing: Box<dyn io::Read> = Box::new(io::empty());
            let pieces = typed.iter().rev();
            let terminal = pieces.fold(nothing, |rest, piece| {
                Box::new(piece.as_bytes().chain(rest))
            });
            assert_eq!(*read_line(terminal).unwrap(), line, "{typed:?}");
        }
    }

    #[tokio::test]
    async fn passphrase_and_parameters_decide_the_key() {
        let parameters = PassphraseParameters {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
            salt: vec![7; 16],
        };
        let derive = async |text: &str, parameters: &PassphraseParameters| {
            let passphrase = Passphrase::new(Zeroizing::new(text.to_owned()));
            *passphrase.derive(parameters).await.unwrap().expose()
        };
        let key = derive("correct horse", &parameters).await;
        assert_eq!(key, derive("correct horse", &parameters).await);
        assert_ne!(key, derive("correct hors", &parameters).await);
        let salted = PassphraseParameters {
            salt: vec![8; 16],
            ..parameters.clone()
        };
        assert_ne!(key, derive("correct horse", &salted).await);
        let slower = PassphraseParameters {
            passes: 2,
            ..parameters
        };
        assert_ne!(key, derive("correct horse", &slower).await);
    }

    #[tokio::test]
    async fn absurd_parameters_are_refused() {
        let passphrase = Passphrase::new(Zeroizing::new("correct horse".to_owned()));
        let salt = vec![7; 16];
        for (memory_kib, passes, lanes) in [(u32::MAX, 1, 1), (64, 1000, 1), (64, 1, 99), (1, 1, 1)]
        {
            let parameters = PassphraseParameters {
                memory_kib,
                passes,
                lanes,
                salt: salt.clone(),
            };
            let refused = passphrase.derive(&parameters).await.unwrap_err();
            assert_eq!(refused.code(), "root_key_parameters");
        }
    }

    #[test]
    fn a_passphrase_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("keystead-pass-{}", std::process::id()));
        fs::write(&path, "correct horse battery\n").unwrap();
        for (mode, refused) in [(0o644, true), (0o640, true), (0o600, false), (0o400, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match Passphrase::from_file(&path) {
                Ok(passphrase) => {
                    assert!(!refused && passphrase.0.as_str() == "correct horse battery");
                }
                Err(error) => {
                    assert!(
                        refused && error.code() == "root_key_permissions",
                        "{mode:o}"
                    );
                }
            }
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(
            Passphrase::from_file(&path).unwrap_err().code(),
            "root_key_missing"
        );
    }

    #[test]
    fn a_short_passphrase_seals_no_new_store() {
        let short = Passphrase::new(Zeroizing::new("eleven char".to_owned()));
        assert_eq!(
            short.fresh_parameters().unwrap_err().code(),
            "root_key_passphrase_short"
        );
        assert_eq!(
            Passphrase::first_line("").unwrap_err().code(),
            "root_key_passphrase_absent"
        );
        assert_eq!(
            Passphrase::first_line("first\nsecond").unwrap().0.as_str(),
            "first"
        );
        assert_eq!(format!("{short:?}"), "Passphrase(..)");
    }
}
