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
//! A row takes some 50 bytes and a tenth of a microsecond; as 27 columns it took 600 bytes and, on
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
mod tests;
