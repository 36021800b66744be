//! Secrets given to a command: by standard input or from a file, wiped after use.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::failure::Failure;

/// Longer than any secret: a larger input is a mistake.
const AT_MOST: usize = 64 * 1024;

/// Reads the secret called `what` from `file`, or from standard input when no file is named.
/// White space around it is not part of it.
pub(super) fn read(what: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let text = match file {
        Some(path) => from_file(what, path)?,
        None => from_stdin(what)?,
    };
    let secret = Zeroizing::new(text.trim().to_owned());
    if secret.is_empty() {
        return Err(Failure::usage(format!("the {what} is empty")));
    }
    if secret.contains(|c: char| c.is_control()) {
        return Err(Failure::usage(format!(
            "the {what} must be one line of plain text"
        )));
    }
    Ok(secret)
}

/// All of standard input, for commands that take more than one secret there.
pub(super) fn from_stdin(what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        return Err(
            Failure::usage(format!("the {what} is read from standard input"))
                .hint("pipe it in, or redirect a file that holds it"),
        );
    }
    limited(what, &mut input)
}

fn from_file(what: &str, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let open = fs::File::open(path);
    let mut file = open.map_err(|error| {
        Failure::usage(format!(
            "could not read the {what} from `{}`: {error}",
            path.display()
        ))
    })?;
    limited(what, &mut file)
}

fn limited(what: &str, input: &mut impl io::Read) -> Result<Zeroizing<String>, Failure> {
    // Of full size from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(AT_MOST + 1));
    let limit = u64::try_from(AT_MOST + 1).expect("the longest secret is far below 2^64");
    let read = input.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("could not read the {what}: {error}")))?;
    if bytes.len() > AT_MOST {
        return Err(Failure::usage(format!(
            "the {what} is longer than any {what}"
        )));
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| Failure::usage(format!("the {what} is not text")))?;
    Ok(Zeroizing::new(text.to_owned()))
}
