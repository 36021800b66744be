//! What a task tells the person who started it, on standard error.

use std::fmt::Display;
use std::io::Write as _;

/// Says one line; in tests, which try the words' writers, nothing. A closed terminal is no reason
/// to stop.
pub(crate) fn say(text: impl Display) {
    if cfg!(test) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints one line of data on standard output.
pub(crate) fn print(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
