//! How far a run of bytes of one sort goes: the inner loops of the scanner.

use memchr::{memchr2, memchr3};

/// How far one vectorised search may run ahead of another.
const WINDOW: usize = 256;

/// A bit for each sort of byte that ends a run.
const END: u8 = 1;
const BLANK: u8 = 2;
static SORTS: [u8; 256] = sorts();

const fn sorts() -> [u8; 256] {
    let mut sorts = [0; 256];
    let (mut at, ends) = (0, b",]} \t\r\n");
    while at < ends.len() {
        sorts[ends[at] as usize] |= END;
        at += 1;
    }
    let (mut at, blanks) = (0, b" \t\r\n");
    while at < blanks.len() {
        sorts[blanks[at] as usize] |= BLANK;
        at += 1;
    }
    sorts
}

pub(super) fn is_blank(byte: u8) -> bool {
    SORTS[usize::from(byte)] & BLANK != 0
}

/// How many blanks there are in front.
pub(super) fn blanks(bytes: &[u8]) -> usize {
    run(bytes, is_blank)
}

/// How many bytes in front are neither brackets nor quotes.
pub(super) fn unmarked(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let window = &bytes[at..bytes.len().min(at + WINDOW)];
        let opens = memchr3(b'"', b'{', b'[', window).unwrap_or(window.len());
        let found = memchr2(b'}', b']', &window[..opens]).unwrap_or(opens);
        at += found;
        if found < window.len() {
            break;
        }
    }
    at
}

/// How many bytes in front belong to a number or a word.
pub(super) fn literal(bytes: &[u8]) -> usize {
    run(bytes, |byte| SORTS[usize::from(byte)] & END == 0)
}

/// How many bytes belong to the string that is open, its closing quote included; and whether it
/// goes on: `Some(true)` when the last byte escapes the next, `None` when it is over.
pub(super) fn string(bytes: &[u8], escaped: bool) -> (usize, Option<bool>) {
    let mut at = usize::from(escaped);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        at += memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        match bytes.get(at) {
            Some(b'"') => return (at + 1, None),
            Some(_) => at += 2,
            None => return (bytes.len(), Some(at > bytes.len())),
        }
    }
}

fn run(bytes: &[u8], goes_on: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|byte| !goes_on(*byte))
        .unwrap_or(bytes.len())
}
