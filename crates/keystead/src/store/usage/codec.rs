//! How attempts lie in a page: one row each, words and ids once a page.
//!
//! ```text
//! version 2 | base time 8 | words: count, then (length, bytes) each | rows: count, then each row
//! row: request 16 | attempt | at - base | 9 word numbers | key version | status | duration |
//!      first byte | which units (bits) | those units | flags (bits) | cost
//! flags: 1 some units are estimated, 2 the model has a price of its own, 4 what was estimated of this
//! attempt is taken back
//! ```
//! The version before, 1, had neither flags nor cost; such pages are still read.
//!
//! Numbers are unsigned LEB128; one that may be missing is 0 for missing, else one more than it is.
//! A row takes some 45 bytes and a tenth of a microsecond; as 27 columns it took 600 bytes and, on
//! SQLite, more time than carrying the call.

use std::{hash::BuildHasher as _, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use keystead_vault::SubjectHash;

use super::{Units, UsageRow};
use crate::{
    clock::Timestamp,
    ids::{OrganizationId, RequestId},
};

const VERSION: u8 = 2;
/// The version that said nothing of estimates and cost.
const WITHOUT_COST: u8 = 1;

const ESTIMATED: u64 = 1;
const PRICED: u64 = 2;
const TAKES_BACK: u64 = 4;

/// A page that was not written by this program, or was damaged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the page of usage can't be read")]
pub(super) struct BadPage;

/// Writes attempts of one organization into a page, one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer {
    base: Timestamp,
    words: Words,
    rows: usize,
    body: Vec<u8>,
}

/// Whose attempt one is, by the numbers of its words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    application: u64,
    addon: u64,
    token: u64,
    subject: u64,
}

impl Writer {
    /// An empty page for attempts that began at `base` or later.
    pub(super) fn new(base: Timestamp) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// How many are in it.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Notes whose attempts come; they are [written](Self::add) with what it gives.
    pub(super) fn note<Word>(&mut self, row: &UsageRow<Word>) -> Caller {
        let words = &mut self.words;
        Caller {
            application: words.number(&row.application.as_bytes()),
            addon: words.number(&row.addon.as_bytes()),
            token: words.maybe(row.token.map(|id| id.as_bytes()).as_ref()),
            subject: words.maybe(row.subject.as_ref().map(SubjectHash::as_bytes)),
        }
    }

    /// Writes one more, of this caller.
    pub(super) fn add<Word: AsRef<str>>(&mut self, row: &UsageRow<Word>, caller: &Caller) {
        let Self {
            base,
            words,
            rows,
            body,
        } = self;
        *rows += 1;
        body.extend_from_slice(&row.request.as_bytes());
        put(body, u64::from(row.attempt));
        put(body, row.at.as_micros().abs_diff(base.as_micros()));
        put(body, caller.application);
        put(body, caller.addon);
        put(body, words.maybe(row.key.map(|id| id.as_bytes()).as_ref()));
        put(body, caller.token);
        put(body, caller.subject);
        put(body, words.number(row.provider.as_ref().as_bytes()));
        put(body, words.number(row.operation.as_ref().as_bytes()));
        let model = row.model.as_deref().map(str::as_bytes);
        put(body, words.maybe(model.as_ref()));
        put(body, words.number(row.outcome.as_ref().as_bytes()));
        put_maybe(body, row.key_version);
        put_maybe(body, row.status.map(u64::from));
        put(body, row.duration_us);
        put_maybe(body, row.first_byte_us);
        put_units(body, row);
        put_cost(body, row);
    }

    /// The page with all that was written.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut page = vec![VERSION];
        page.extend_from_slice(&self.base.as_micros().to_be_bytes());
        self.words.put(&mut page);
        put(&mut page, self.rows as u64);
        page.extend_from_slice(&self.body);
        page
    }
}

/// Reads a page back.
pub(super) fn decode(
    organization: OrganizationId,
    page: &[u8],
) -> Result<Vec<UsageRow<String>>, BadPage> {
    let mut reader = Reader(page);
    let [version] = reader.array()?;
    if !(WITHOUT_COST..=VERSION).contains(&version) {
        return Err(BadPage);
    }
    let base = i64::from_be_bytes(reader.array()?);
    let words = reader.words()?;
    let count = reader.number()?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let mut row = row(&mut reader, organization, base, &words)?;
        if version > WITHOUT_COST {
            read_cost(&mut reader, &mut row)?;
        }
        rows.push(row);
    }
    if reader.0.is_empty() {
        Ok(rows)
    } else {
        Err(BadPage)
    }
}

fn row<'a>(
    reader: &mut Reader<'a>,
    organization: OrganizationId,
    base: i64,
    words: &[&'a [u8]],
) -> Result<UsageRow<String>, BadPage> {
    let mut row = UsageRow {
        request: RequestId::from_bytes(reader.array()?),
        attempt: narrow(reader.number()?)?,
        at: Timestamp::from_micros(base.saturating_add_unsigned(reader.number()?)),
        organization,
        application: id(reader.word(words)?)?.into(),
        addon: id(reader.word(words)?)?.into(),
        key: reader
            .maybe_word(words)?
            .map(id)
            .transpose()?
            .map(Into::into),
        token: reader
            .maybe_word(words)?
            .map(id)
            .transpose()?
            .map(Into::into),
        subject: subject(reader.maybe_word(words)?)?,
        provider: text(reader.word(words)?)?,
        operation: text(reader.word(words)?)?,
        model: reader
            .maybe_word(words)?
            .map(text)
            .transpose()?
            .map(Arc::from),
        outcome: text(reader.word(words)?)?,
        key_version: reader.maybe()?,
        status: reader.maybe()?.map(narrow).transpose()?,
        duration_us: reader.number()?,
        first_byte_us: reader.maybe()?,
        ..UsageRow::blank(organization)
    };
    let present = reader.number()?;
    let mut counts = row.units.counts();
    for (bit, count) in counts.iter_mut().enumerate() {
        if present >> bit & 1 == 1 {
            *count = Some(reader.number()?);
        }
    }
    row.units = Units::of(counts);
    Ok(row)
}

fn put_units<Word>(body: &mut Vec<u8>, row: &UsageRow<Word>) {
    let counts = row.units.counts();
    let mut present = 0;
    for (bit, count) in counts.iter().enumerate() {
        present |= u64::from(count.is_some()) << bit;
    }
    put(body, present);
    counts
        .into_iter()
        .flatten()
        .for_each(|count| put(body, count));
}

fn put_cost<Word>(body: &mut Vec<u8>, row: &UsageRow<Word>) {
    let estimated = if row.is_estimated { ESTIMATED } else { 0 };
    let priced = if row.is_priced { PRICED } else { 0 };
    let takes_back = if row.takes_back { TAKES_BACK } else { 0 };
    put(body, estimated | priced | takes_back);
    put_maybe(body, row.cost_micro_usd);
}

fn read_cost(reader: &mut Reader<'_>, row: &mut UsageRow<String>) -> Result<(), BadPage> {
    let flags = reader.number()?;
    row.is_estimated = flags & ESTIMATED != 0;
    row.is_priced = flags & PRICED != 0;
    row.takes_back = flags & TAKES_BACK != 0;
    row.cost_micro_usd = reader.maybe()?;
    Ok(())
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_maybe(out: &mut Vec<u8>, number: Option<u64>) {
    put(out, number.map_or(0, |number| number.saturating_add(1)));
}

/// The words of a page. Neighbouring rows mostly say the same in the same order, so the word that
/// came after this one before is looked at first.
#[derive(Debug, Default)]
struct Words {
    /// All of them, one after the other.
    bytes: Vec<u8>,
    list: Vec<Word>,
    /// Their places in the list. A page is small, so a quick hash will do even for names that clients choose.
    places: HashTable<usize>,
    hasher: RandomState,
    last: usize,
}

/// A word: where its bytes lie, and the place of the word that came after it.
#[derive(Debug)]
struct Word {
    from: usize,
    until: usize,
    follower: usize,
}

impl Words {
    /// The number of a word: its place in the list.
    fn number(&mut self, word: &[u8]) -> u64 {
        let is_it = |place: &usize| {
            let known = self.list.get(*place);
            known.is_some_and(|known| self.bytes[known.from..known.until] == *word)
        };
        let follower = self.list.get(self.last).map(|last| last.follower);
        let place = match follower.filter(is_it) {
            Some(place) => place,
            None => self.find(word),
        };
        if let Some(last) = self.list.get_mut(self.last) {
            last.follower = place;
        }
        self.last = place;
        place as u64
    }

    fn find(&mut self, word: &[u8]) -> usize {
        let Self {
            bytes,
            list,
            places,
            hasher,
            ..
        } = self;
        let known = |place: &usize| &bytes[list[*place].from..list[*place].until];
        let found = places.entry(
            hasher.hash_one(word),
            |place| known(place) == word,
            |place| hasher.hash_one(known(place)),
        );
        match found {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let next = list.len();
                entry.insert(next);
                let from = bytes.len();
                bytes.extend_from_slice(word);
                list.push(Word {
                    from,
                    until: bytes.len(),
                    follower: next,
                });
                next
            }
        }
    }

    fn maybe(&mut self, word: Option<&impl AsRef<[u8]>>) -> u64 {
        word.map_or(0, |word| self.number(word.as_ref()) + 1)
    }

    fn put(&self, page: &mut Vec<u8>) {
        put(page, self.list.len() as u64);
        for word in &self.list {
            put(page, (word.until - word.from) as u64);
            page.extend_from_slice(&self.bytes[word.from..word.until]);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], BadPage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadPage)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadPage> {
        self.bytes(N)?.try_into().map_err(|_| BadPage)
    }

    fn number(&mut self) -> Result<u64, BadPage> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(BadPage);
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadPage)
    }

    fn maybe(&mut self) -> Result<Option<u64>, BadPage> {
        Ok(self.number()?.checked_sub(1))
    }

    fn words(&mut self) -> Result<Vec<&'a [u8]>, BadPage> {
        let count = self.number()?;
        let mut words = Vec::new();
        for _ in 0..count {
            let length = narrow(self.number()?)?;
            words.push(self.bytes(length)?);
        }
        Ok(words)
    }

    fn word(&mut self, words: &[&'a [u8]]) -> Result<&'a [u8], BadPage> {
        let at: usize = narrow(self.number()?)?;
        words.get(at).copied().ok_or(BadPage)
    }

    fn maybe_word(&mut self, words: &[&'a [u8]]) -> Result<Option<&'a [u8]>, BadPage> {
        let Some(at) = self.maybe()? else {
            return Ok(None);
        };
        let at: usize = narrow(at)?;
        words.get(at).copied().map(Some).ok_or(BadPage)
    }
}

fn narrow<T: TryFrom<u64>>(number: u64) -> Result<T, BadPage> {
    number.try_into().map_err(|_| BadPage)
}

fn id(word: &[u8]) -> Result<[u8; 16], BadPage> {
    word.try_into().map_err(|_| BadPage)
}

fn subject(word: Option<&[u8]>) -> Result<Option<SubjectHash>, BadPage> {
    let hash = word
        .map(<[u8; 32]>::try_from)
        .transpose()
        .map_err(|_| BadPage)?;
    Ok(hash.map(SubjectHash::from_bytes))
}

fn text(word: &[u8]) -> Result<String, BadPage> {
    std::str::from_utf8(word)
        .map(str::to_owned)
        .map_err(|_| BadPage)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{clock::Clock, store::Units};

    fn sample(clock: &Clock, seed: u64) -> UsageRow {
        let some = |bit: u64| (seed >> bit & 1 == 1).then_some(seed.rotate_left(9) >> (seed % 60));
        UsageRow {
            request: RequestId::of(clock.now(), seed, seed),
            attempt: narrow(seed % 3).unwrap(),
            at: clock.now() + std::time::Duration::from_micros(seed % 1_000_000),
            key: (!seed.is_multiple_of(5)).then(|| [7; 16].into()),
            key_version: some(1),
            token: (seed % 7 < 3).then(|| [seed.to_le_bytes()[0]; 16].into()),
            subject: seed
                .is_multiple_of(2)
                .then(|| SubjectHash::from_bytes([seed.to_le_bytes()[1]; 32])),
            provider: "openai",
            operation: ["chat.completions", "embeddings"][usize::from(seed.is_multiple_of(2))],
            model: seed
                .is_multiple_of(3)
                .then(|| format!("model-{}", seed % 4).into()),
            status: (!seed.is_multiple_of(4)).then_some(200),
            outcome: "answered",
            duration_us: seed % 90_000,
            first_byte_us: some(2),
            units: Units {
                input_tokens: some(3),
                cached_tokens: some(7),
                cache_write_tokens: some(8),
                output_tokens: some(4),
                reasoning_tokens: some(9),
                characters: some(10),
                images: some(11),
                seconds: some(12),
                transactions: some(13),
                credits_milli: some(5),
            },
            is_estimated: seed.is_multiple_of(6),
            cost_micro_usd: some(6),
            is_priced: seed.is_multiple_of(10),
            takes_back: seed.is_multiple_of(11),
            ..UsageRow::blank(OrganizationId::new(clock))
        }
    }

    fn written(rows: &[UsageRow]) -> Vec<u8> {
        let base = rows.iter().map(|row| row.at).min().unwrap_or_default();
        let mut writer = Writer::new(base);
        for row in rows {
            let caller = writer.note(row);
            writer.add(row, &caller);
        }
        writer.page()
    }

    fn shown(row: &UsageRow<impl std::fmt::Debug>) -> String {
        format!(
            "{row:?}{:?}",
            row.subject.map(|subject| *subject.as_bytes())
        )
    }

    /// A page as version 1 wrote it, byte by byte.
    #[test]
    fn a_page_of_the_version_before_is_read() {
        let words = [&[2; 16][..], &[3; 16], &[4; 16], b"openai", b"embeddings"];
        let mut page = vec![1, 0, 0, 0, 0, 0, 0, 0, 9, 6];
        for word in words.into_iter().chain([&b"answered"[..]]) {
            page.push(u8::try_from(word.len()).unwrap());
            page.extend_from_slice(word);
        }
        page.push(1);
        page.extend_from_slice(&[1; 16]);
        page.extend_from_slice(&[1, 0, 0, 1, 3, 0, 0, 3, 4, 0, 5]);
        page.extend_from_slice(&[2, 0xc9, 1, 50, 0, 0b1001, 7, 8]);
        let organization: OrganizationId = [5; 16].into();
        let expected = UsageRow {
            request: RequestId::from_bytes([1; 16]),
            attempt: 1,
            at: Timestamp::from_micros(9),
            application: [2; 16].into(),
            addon: [3; 16].into(),
            key: Some([4; 16].into()),
            provider: "openai",
            operation: "embeddings",
            outcome: "answered",
            key_version: Some(1),
            status: Some(200),
            duration_us: 50,
            units: Units {
                input_tokens: Some(7),
                output_tokens: Some(8),
                ..Units::default()
            },
            ..UsageRow::blank(organization)
        };

        let read = decode(organization, &page).unwrap();

        assert_eq!(
            read.iter().map(shown).collect::<Vec<_>>(),
            [shown(&expected)]
        );
        assert_eq!(
            decode(organization, &page[..page.len() - 1]).err(),
            Some(BadPage)
        );
        page[0] = 3;
        assert_eq!(decode(organization, &page).err(), Some(BadPage));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(seeds in proptest::collection::vec(any::<u64>(), 0..40)) {
            let clock = Clock::standing_at(Timestamp::from_micros(1_795_255_200_000_000));
            let mut rows: Vec<_> = seeds.iter().map(|seed| sample(&clock, *seed)).collect();
            let organization = OrganizationId::new(&clock);
            rows.iter_mut().for_each(|row| row.organization = organization);
            let page = written(&rows);
            let read = decode(organization, &page).unwrap();
            let expected: Vec<_> = rows.iter().map(shown).collect();
            prop_assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn a_damaged_page_is_an_error_and_never_a_panic(
            seeds in proptest::collection::vec(any::<u64>(), 1..6),
            cut in any::<prop::sample::Index>(),
            flip in any::<u8>(),
        ) {
            let clock = Clock::standing_at(Timestamp::from_micros(1));
            let rows: Vec<_> = seeds.iter().map(|seed| sample(&clock, *seed)).collect();
            let mut page = written(&rows);
            let organization = OrganizationId::new(&clock);
            let at = cut.index(page.len());
            prop_assert_eq!(decode(organization, &page[..at]).err(), Some(BadPage));
            page[at] ^= flip;
            let _read_or_not = decode(organization, &page);
        }
    }
}
