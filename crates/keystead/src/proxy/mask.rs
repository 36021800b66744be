//! Masks the key, should a provider echo it.
//!
//! What is looked for: every run of 16 characters of the key, and the whole key in base64 (both
//! alphabets, three alignments), percent-encoded and JSON-escaped. A found run becomes as many
//! `*`, so that lengths stay. Nothing is delayed but the longest tail that could begin a match.
//!
//! How it stays cheap: a run of 16 bytes holds 14 overlapping triples, so looking at one triple in
//! every 14 bytes meets every run that is wholly made of the key's triples. Nearly all of them are
//! strangers, and 13 bytes are passed over unread; what is left is compared byte by byte.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use crate::hardening;

/// The length of the shortest run that is masked, and of the shortest key that can be.
pub(super) const WINDOW: usize = 16;
/// How many triples such a run holds; also the stride of the search.
const STRIDE: usize = WINDOW - 2;
const TABLE_BITS: u32 = 16;

/// What to look for: made once per opened key, shared by the calls that use it.
pub(super) struct Masker {
    key: Zeroizing<Vec<u8>>,
    /// The whole key in its other spellings, each at least [`WINDOW`] long.
    spellings: Vec<Zeroizing<Vec<u8>>>,
    /// One bit for each triple that occurs in any of the above.
    triples: Zeroizing<Vec<u64>>,
    /// Which bytes occur in the key or begin one of its spellings: no other begins a match.
    starts: Zeroizing<[bool; 256]>,
    longest: usize,
}

/// The state of one answer: the tail that could begin a match, as it came, and which parts of it
/// are known to be masked whatever comes next.
#[derive(Default)]
pub(super) struct Held {
    tail: Vec<u8>,
    masked: Vec<Run>,
}

impl Masker {
    /// Prepares the search for `key`, which must be at least [`WINDOW`] long; a shorter one can't
    /// be told from ordinary text and is never stored.
    #[must_use]
    pub(super) fn new(key: &str) -> Self {
        let spellings: Vec<_> = spellings(key.as_bytes())
            .into_iter()
            .filter(|text| text.len() >= WINDOW)
            .collect();
        let longest = spellings
            .iter()
            .map(|text| text.len())
            .max()
            .unwrap_or(0)
            .max(WINDOW);
        let mut masker = Self {
            key: Zeroizing::new(key.as_bytes().to_vec()),
            spellings,
            triples: Zeroizing::new(vec![0; 1 << (TABLE_BITS - 6)]),
            starts: Zeroizing::new([false; 256]),
            longest,
        };
        let first_bytes = masker.spellings.iter().map(|text| text[0]);
        for byte in masker.key.iter().copied().chain(first_bytes) {
            masker.starts[usize::from(byte)] = true;
        }
        for text in std::iter::once(&masker.key).chain(&masker.spellings) {
            for triple in text.windows(3) {
                let bit = hash(triple);
                masker.triples[bit >> 6] |= 1 << (bit & 63);
            }
        }
        masker
    }

    /// Its copies of the key. What the bitmap tells of it is too little to find it by.
    pub(super) fn keep_out_of_swap(&self) {
        for text in std::iter::once(&self.key).chain(&self.spellings) {
            hardening::lock(text.as_slice());
        }
    }

    /// Takes the next bytes of an answer and gives back what may go on, masked. The flag says
    /// whether anything was.
    pub(super) fn push(&self, held: &mut Held, chunk: Bytes) -> (Bytes, bool) {
        let mut found = std::mem::take(&mut held.masked);
        let text = if held.tail.is_empty() {
            chunk
        } else {
            let joined = [held.tail.as_slice(), &chunk].concat();
            held.tail.clear();
            Bytes::from(joined)
        };
        self.find(&text, &mut found);
        let keep = self.tail(&text);
        if found.is_empty() && keep == 0 {
            return (text, false);
        }
        self.release(held, text.into(), &found, keep)
    }

    /// What is left when the answer has ended.
    pub(super) fn finish(&self, held: &mut Held) -> Bytes {
        let mut rest = std::mem::take(&mut held.tail);
        cover(&mut rest, &held.masked);
        Bytes::from(rest)
    }

    /// Masks a text that is whole, such as a header value; `None` when there is nothing to mask.
    #[must_use]
    pub(super) fn mask_whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut found = Vec::new();
        self.find(text, &mut found);
        (!found.is_empty()).then(|| {
            let mut masked = text.to_vec();
            cover(&mut masked, &found);
            masked
        })
    }

    /// Keeps the last `keep` bytes as they are, since a match may yet begin among them, and
    /// masks and gives out the rest.
    fn release(
        &self,
        held: &mut Held,
        mut text: BytesMut,
        found: &[Run],
        keep: usize,
    ) -> (Bytes, bool) {
        let split = text.len() - keep;
        held.tail.extend_from_slice(&text[split..]);
        held.masked = found
            .iter()
            .filter(|run| run.end > split)
            .map(|run| Run {
                start: run.start.saturating_sub(split),
                end: run.end - split,
            })
            .collect();
        cover(&mut text, found);
        text.truncate(split);
        (text.freeze(), !found.is_empty())
    }

    /// Adds every run to be masked.
    fn find(&self, text: &[u8], found: &mut Vec<Run>) {
        let mut at = STRIDE - 1;
        while at + 3 <= text.len() {
            if !self.knows(&text[at..at + 3]) {
                at += STRIDE;
                continue;
            }
            // The stretch of known triples around this one; shorter than a run, it is chance.
            let start = (0..at)
                .rev()
                .take_while(|&i| self.knows(&text[i..i + 3]))
                .last();
            let start = start.unwrap_or(at);
            let mut end = at + 3;
            while end < text.len() && self.knows(&text[end - 2..=end]) {
                end += 1;
            }
            if end - start >= WINDOW {
                self.compare(text, start, end, found);
            }
            at = end + STRIDE - 3;
        }
    }

    /// Looks for the key's runs and spellings within a stretch of text made of their triples.
    fn compare(&self, text: &[u8], start: usize, end: usize, found: &mut Vec<Run>) {
        for at in start..=end - WINDOW {
            let Some(length) = self.matches_at(&text[at..end]) else {
                continue;
            };
            match found.last_mut() {
                Some(last) if last.start <= at && at <= last.end => {
                    last.end = last.end.max(at + length);
                }
                _ => found.push(Run {
                    start: at,
                    end: at + length,
                }),
            }
        }
    }

    fn matches_at(&self, text: &[u8]) -> Option<usize> {
        let spelled = self
            .spellings
            .iter()
            .filter(|known| text.starts_with(known));
        let whole = spelled.map(|known| known.len()).max();
        let run = self
            .key
            .windows(WINDOW)
            .any(|run| run == &text[..WINDOW])
            .then_some(WINDOW);
        whole.max(run)
    }

    /// The length of the longest end of `text` that could begin a match.
    fn tail(&self, text: &[u8]) -> usize {
        // A beginning longer than two bytes is made of known triples.
        let known = text
            .windows(3)
            .rev()
            .take_while(|triple| self.knows(triple))
            .count();
        let most = (known + 2).min(self.longest - 1).min(text.len());
        (1..=most)
            .rev()
            .find(|&length| self.begins(&text[text.len() - length..]))
            .unwrap_or(0)
    }

    fn begins(&self, end: &[u8]) -> bool {
        self.starts[usize::from(end[0])]
            && (self
                .spellings
                .iter()
                .any(|known| known.len() > end.len() && known.starts_with(end))
                || (end.len() < WINDOW && self.key.windows(WINDOW).any(|run| run.starts_with(end))))
    }

    fn knows(&self, triple: &[u8]) -> bool {
        let bit = hash(triple);
        self.triples[bit >> 6] >> (bit & 63) & 1 == 1
    }
}

impl Held {
    /// Whether nothing is held back.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.tail.is_empty()
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(..)")
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held(..)")
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Run {
    start: usize,
    end: usize,
}

fn cover(bytes: &mut [u8], found: &[Run]) {
    for run in found {
        bytes[run.start..run.end].fill(b'*');
    }
}

/// Multiplicative hashing (Knuth) of three bytes to a place in the table.
fn hash(triple: &[u8]) -> usize {
    let number = u32::from_le_bytes([triple[0], triple[1], triple[2], 0]);
    (number.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TABLE_BITS)) as usize
}

/// The key as it looks after the encodings an answer is likely to put it through.
fn spellings(key: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all = Vec::new();
    for lead in 0..3 {
        all.push(base64_at(&STANDARD_NO_PAD, key, lead));
        all.push(base64_at(&URL_SAFE_NO_PAD, key, lead));
    }
    for form in ["%{:02X}", "%{:02x}"] {
        all.push(escape(key, form, false));
        all.push(escape(key, form, true));
    }
    for form in ["\\u00{:02X}", "\\u00{:02x}"] {
        all.push(escape(key, form, false));
        all.push(escape(key, form, true));
    }
    // Of full size from the start: growing would leave copies behind.
    let mut slashes = Zeroizing::new(Vec::with_capacity(key.len() * 2));
    for &byte in key {
        if byte == b'/' {
            slashes.push(b'\\');
        }
        slashes.push(byte);
    }
    all.push(slashes);
    all.retain(|text| text.as_slice() != key);
    all.sort_by(|a, b| a.as_slice().cmp(b.as_slice()));
    all.dedup_by(|a, b| a.as_slice() == b.as_slice());
    all
}

/// Base64 of the key where `lead` bytes of something else come before it: the characters that the
/// key alone decides.
fn base64_at(engine: &impl base64::Engine, key: &[u8], lead: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; lead]);
    padded.extend_from_slice(key);
    let text = Zeroizing::new(engine.encode(padded.as_slice()));
    let first = (lead * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(text.as_bytes()[first..last].to_vec())
}

/// Each byte as `form`, or only those that are not letters or digits.
fn escape(key: &[u8], form: &str, every: bool) -> Zeroizing<Vec<u8>> {
    let (before, digits) = form
        .split_once('{')
        .expect("the forms above hold one place");
    let upper = digits.contains('X');
    let mut text = Zeroizing::new(Vec::with_capacity(key.len() * 6));
    for &byte in key {
        if !every && byte.is_ascii_alphanumeric() {
            text.push(byte);
            continue;
        }
        let hex = if upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        };
        text.extend_from_slice(before.as_bytes());
        text.extend_from_slice(hex.as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-proj-Zk3vQ9_xT1-bLm8Ws0YcR5dH2aEuJ7nGfPqKo4iV";

    /// Pushes `text` in pieces of `sizes` and joins what comes out.
    fn through(masker: &Masker, text: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut held = Held::default();
        let mut out = Vec::new();
        let (mut rest, mut sizes) = (text, sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
            out.extend_from_slice(&masker.push(&mut held, Bytes::copy_from_slice(piece)).0);
            rest = after;
        }
        out.extend_from_slice(&masker.finish(&mut held));
        out
    }

    #[test]
    fn the_whole_key_is_masked_with_its_length() {
        let masker = Masker::new(KEY);
        let text = format!("before {KEY} after {KEY}");
        let masked = through(&masker, text.as_bytes(), &[4096]);
        let stars = "*".repeat(KEY.len());
        assert_eq!(
            String::from_utf8(masked).unwrap(),
            format!("before {stars} after {stars}")
        );
    }

    #[test]
    fn every_spelling_is_masked_at_every_cut() {
        let masker = Masker::new(KEY);
        let mut all = spellings(KEY.as_bytes());
        all.push(Zeroizing::new(KEY.as_bytes().to_vec()));
        all.push(Zeroizing::new(KEY.as_bytes()[7..7 + WINDOW].to_vec()));
        for spelling in all {
            let text = [b"{\"echo\":\"".as_slice(), &spelling, b"\"}\n\n"].concat();
            for cut in 1..=text.len() {
                let masked = through(&masker, &text, &[cut, text.len()]);
                let shown = String::from_utf8_lossy(&masked).into_owned();
                assert_eq!(masked.len(), text.len());
                let left = masked.iter().filter(|&&b| b == b'*').count();
                assert_eq!(left, spelling.len(), "cut {cut}: {shown}");
            }
        }
    }

    #[test]
    fn what_is_not_the_key_passes_at_once() {
        let masker = Masker::new(KEY);
        let mut held = Held::default();
        let event = Bytes::from_static(b"data: {\"delta\":\"sk-proj-Zk3vQ9 is a prefix\"}\n\n");
        let (out, masked) = masker.push(&mut held, event.clone());
        assert_eq!((out, masked), (event, false));
        assert!(held.tail.is_empty(), "an event's end is never held back");
    }

    #[test]
    fn only_a_possible_beginning_is_held() {
        let masker = Masker::new(KEY);
        let mut held = Held::default();
        let (out, _) = masker.push(&mut held, Bytes::from(format!("..{}", &KEY[..12])));
        assert_eq!(out, Bytes::from_static(b".."));
        let (out, masked) = masker.push(&mut held, Bytes::from_static(b"!"));
        assert_eq!(
            (out, masked),
            (Bytes::from(format!("{}!", &KEY[..12])), false)
        );
    }

    /// The plain model: mark every run of the key and every spelling, nothing else.
    fn model(text: &[u8], key: &[u8]) -> Vec<u8> {
        let mut out = text.to_vec();
        let spelled = spellings(key);
        let needles = key
            .windows(WINDOW)
            .chain(spelled.iter().map(|s| s.as_slice()));
        for needle in needles.filter(|n| n.len() >= WINDOW) {
            for at in 0..(text.len() + 1).saturating_sub(needle.len()) {
                if text[at..].starts_with(needle) {
                    out[at..at + needle.len()].fill(b'*');
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_model_under_any_chunking(
            parts in proptest::collection::vec((0usize..6, 0usize..KEY.len(), 0usize..60), 0..12),
            sizes in proptest::collection::vec(1usize..40, 1..8),
        ) {
            let masker = Masker::new(KEY);
            let spelled = spellings(KEY.as_bytes());
            let mut text = Vec::new();
            for (kind, at, length) in parts {
                match kind {
                    0 => text.extend_from_slice(KEY.as_bytes()),
                    1 => text.extend_from_slice(&KEY.as_bytes()[at..(at + length).min(KEY.len())]),
                    2 => text.extend_from_slice(&spelled[(at * 7 + length) % spelled.len()]),
                    3 => text.extend_from_slice(b"\n\n"),
                    _ => text.extend((0..length).map(|i| b"abcdefgh ,{\"k:"[(i * at) % 14])),
                }
            }
            prop_assert_eq!(through(&masker, &text, &sizes), model(&text, KEY.as_bytes()));
        }
    }
}
