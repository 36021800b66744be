//! How far a run of bytes of one sort goes: the inner loops of the scanner.

use memchr::{memchr, memchr2, memchr3};

/// How far one vectorised search may run ahead of another.
const WINDOW: usize = 256;

/// Most runs are shorter than this, and then looking at each byte beats calling a vectorised search.
const SHORT: usize = 32;

/// A bit for each sort of byte that ends a run.
const END: u8 = 1;
const BLANK: u8 = 2;
const MARK: u8 = 4;
static SORTS: [u8; 256] = sorts();

const fn sorts() -> [u8; 256] {
    let sorts = [0; 256];
    let sorts = mark(sorts, b",]} \t\r\n", END);
    let sorts = mark(sorts, b" \t\r\n", BLANK);
    mark(sorts, b"\"{}[]", MARK)
}

const fn mark(mut sorts: [u8; 256], bytes: &[u8], sort: u8) -> [u8; 256] {
    let mut at = 0;
    while at < bytes.len() {
        sorts[bytes[at] as usize] |= sort;
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
    let few = &bytes[..bytes.len().min(SHORT)];
    let is_mark = |byte: &u8| SORTS[usize::from(*byte)] & MARK != 0;
    if let Some(found) = few.iter().position(is_mark) {
        return found;
    }
    let mut at = few.len();
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

/// How long the string, the number or the word in front is, if all of it lies in these bytes.
pub(super) fn scalar(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => {
            let (length, end) = string(&bytes[1..], false);
            end.is_none().then_some(1 + length)
        }
        b'-' | b'0'..=b'9' | b'a'..=b'z' => {
            let length = literal(bytes);
            (length < bytes.len()).then_some(length)
        }
        _ => None,
    }
}

/// How many bytes belong to the string that is open, its closing quote included; and whether it
/// goes on: `Some(true)` when the last byte escapes the next, `None` when it is over.
#[inline]
pub(super) fn string(bytes: &[u8], escaped: bool) -> (usize, Option<bool>) {
    // Few strings hold a backslash, so one byte is searched for, not two.
    let length = unquoted(bytes);
    let may_be_escaped = length > 0 && bytes[length - 1] == b'\\';
    if length == bytes.len() || escaped || may_be_escaped {
        return string_with_escapes(bytes, escaped);
    }
    (length + 1, None)
}

#[cold]
fn string_with_escapes(bytes: &[u8], escaped: bool) -> (usize, Option<bool>) {
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

/// How many bytes in front are no quote.
fn unquoted(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks();
    for (index, word) in words.iter().take(SHORT / 8).enumerate() {
        let found = zeros(u64::from_le_bytes(*word) ^ each(b'"'));
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let at = bytes.len().min(SHORT) & !7;
    at + memchr(b'"', &bytes[at..]).unwrap_or(bytes.len() - at)
}

/// The high bit of the first byte that is zero; those of later bytes may be wrong (Mycroft 1987).
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(1)) & !word & each(0x80)
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

fn run(bytes: &[u8], goes_on: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|byte| !goes_on(*byte))
        .unwrap_or(bytes.len())
}
