//! Usage readers made from a data file: which member of an answer holds which unit.
//!
//! Most providers' usage is a few numbers at known places, in a JSON answer or in the events of a
//! stream, so a table says it all. What no table can say, an adapter adds around it in its own
//! `usage.rs`.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::{
    Facts, Unit, Usage, UsageReader,
    ceiling::ModelKind,
    documents::{Documents, Met},
    field_tree::{FieldTree, NodeId},
    scan::Seen,
    usage::count,
};

/// How one operation's answers are metered.
#[derive(Debug)]
pub struct Meter {
    watched: FieldTree<Watch>,
    from_request: Vec<(Unit, RequestCount)>,
    else_from_request: Vec<(Unit, RequestCount)>,
    credits: Option<Credits>,
    cache_beside_input: bool,
    /// What a successful answer reports, parts of other units apart.
    reported: Vec<Unit>,
    /// Those that an event reports only if it says that they are final.
    growing: Units,
    later: Vec<(Unit, LaterCount)>,
    only_in_streams: Vec<Unit>,
    models: ModelKind,
    /// What every event that reports anything has in it.
    mark: Option<memmem::Finder<'static>>,
}

/// As it is written in a data file.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeterTable {
    /// The last number at one of these places counts.
    #[serde(default)]
    last: BTreeMap<String, Places>,
    /// All numbers at these places are added up.
    #[serde(default)]
    sum: BTreeMap<String, Places>,
    /// What stands at these places is counted.
    #[serde(default)]
    number_of: BTreeMap<String, Places>,
    /// Counts that grow in the course of a stream, and the place that has a text only in the event
    /// with the last of them. Without it they are what was used so far, and no report.
    #[serde(default)]
    final_with: BTreeMap<String, Places>,
    /// Known from the request; the answer reports nothing.
    #[serde(default)]
    request: BTreeMap<String, RequestCount>,
    /// Known from the request where the answer reports other units and not this one.
    #[serde(default)]
    else_request: BTreeMap<String, RequestCount>,
    /// Reported by the answer to another call, about what this one has made.
    #[serde(default)]
    later: BTreeMap<String, LaterCount>,
    /// Thousandths of a credit for a call, by model where that differs.
    #[serde(default)]
    credits: Option<Credits>,
    /// The provider counts cached tokens beside its input, not in it: they are added.
    #[serde(default)]
    cache_beside_input: bool,
    /// Units that streams report and whole answers do not.
    #[serde(default)]
    only_in_streams: Vec<Unit>,
    /// The kind of models whose ceilings hold.
    #[serde(default)]
    models: ModelKind,
    /// A text that is in the name of every watched member, so that an event without it reports
    /// nothing and is not read.
    #[serde(default, deserialize_with = "crate::manifest::leak_some")]
    mark: Option<&'static str>,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
enum Places {
    One(#[serde(deserialize_with = "crate::manifest::leak")] &'static str),
    Many(#[serde(deserialize_with = "crate::manifest::leak_all")] Vec<&'static str>),
}

/// What a request tells that is billed as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RequestCount {
    /// [`Facts::input_characters`].
    Characters,
    /// [`Facts::transactions`], at least one.
    Transactions,
    /// [`Facts::images`], at least one.
    Images,
}

/// What will be billed of something that is worked on later.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LaterCount {
    /// The characters of a document. It may be packed, so its size is a guess.
    Document,
    /// The pages of a document, or one of an image.
    Pages,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Credits {
    /// Where the model is not named or not listed.
    milli: u64,
    #[serde(default)]
    by_model: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    unit: Unit,
    how: How,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How {
    Last,
    Sum,
    NumberOf,
    /// What stands here tells that the count is the last.
    Final,
}

impl Meter {
    pub(crate) fn compile(table: &MeterTable) -> Result<Self, String> {
        let mut watched = FieldTree::new();
        let kinds = [
            (&table.last, How::Last),
            (&table.sum, How::Sum),
            (&table.number_of, How::NumberOf),
            (&table.final_with, How::Final),
        ];
        for (places, how) in kinds {
            for (unit, places) in places {
                let unit = unit_named(unit)?;
                for place in places.iter() {
                    let is_marked = table.mark.is_none_or(|mark| place.contains(mark));
                    if how != How::Final && !is_marked {
                        return Err(format!("`{place}` lacks the mark"));
                    }
                    watched.insert(place, Watch { unit, how });
                }
            }
        }
        let counts = |table: &BTreeMap<String, RequestCount>| {
            let counts = table.iter();
            let counts = counts.map(|(unit, count)| Ok((unit_named(unit)?, *count)));
            counts.collect::<Result<Vec<_>, String>>()
        };
        let from_request = counts(&table.request)?;
        let is_reported = |unit: &Unit| {
            let is_asked = from_request.iter().any(|(own, _)| own == unit);
            let is_credits = *unit == Unit::CreditsMilli && table.credits.is_some();
            is_asked || is_credits || watched.all().any(|watch| watch.unit == *unit)
        };
        let reported = Unit::ALL.into_iter().filter(|unit| !unit.is_part());
        let later = table.later.iter();
        let later = later.map(|(unit, count)| Ok((unit_named(unit)?, *count)));
        let mut growing = Units::default();
        for unit in table.final_with.keys() {
            growing.insert(unit_named(unit)?);
        }
        Ok(Self {
            reported: reported.filter(is_reported).collect(),
            watched,
            growing,
            from_request,
            else_from_request: counts(&table.else_request)?,
            credits: table.credits.clone(),
            cache_beside_input: table.cache_beside_input,
            later: later.collect::<Result<_, String>>()?,
            only_in_streams: table.only_in_streams.clone(),
            models: table.models,
            mark: table.mark.map(memmem::Finder::new),
        })
    }

    /// Whether an answer's usage is known at all.
    pub fn is_empty(&self) -> bool {
        self.watched.is_leaf(NodeId::ROOT) && self.from_request.is_empty() && self.credits.is_none()
    }

    /// What a successful answer to a request with these facts reports. Parts of other units (what
    /// was cached, what was thought) are left out: they may always be missing.
    pub(crate) fn reported(&self, facts: &Facts) -> impl Iterator<Item = Unit> {
        let only_streams = &self.only_in_streams[..];
        let skips = move |unit: &&Unit| !facts.stream && only_streams.contains(unit);
        self.reported
            .iter()
            .filter(move |unit| !skips(unit))
            .copied()
    }

    /// What is reported later.
    pub(crate) fn later(&self) -> &[(Unit, LaterCount)] {
        &self.later
    }

    /// The kind of models that it meters.
    pub(crate) fn models(&self) -> ModelKind {
        self.models
    }

    /// Thousandths of a credit for one call.
    pub(crate) fn credits(&self, model: Option<&str>) -> Option<u64> {
        let credits = self.credits.as_ref()?;
        let own = model.and_then(|model| credits.by_model.get(model));
        Some(*own.unwrap_or(&credits.milli))
    }

    /// A reader for one answer to a request with these facts.
    pub(crate) fn reader(&'static self, facts: &Facts, content_type: &str) -> MeterReader {
        let mut usage = Usage::default();
        for (unit, count) in &self.from_request {
            usage.set(*unit, count.of(facts));
        }
        if let Some(credits) = self.credits(facts.model.as_deref()) {
            usage.set(Unit::CreditsMilli, credits);
        }
        let otherwise = self.else_from_request.iter();
        MeterReader {
            meter: self,
            is_read: !self.watched.is_leaf(NodeId::ROOT) && is_readable(content_type),
            otherwise: otherwise
                .map(|(unit, count)| (*unit, count.of(facts)))
                .collect(),
            documents: Documents::new(),
            tally: Tally {
                usage,
                ..Tally::default()
            },
        }
    }
}

/// Reads one answer by a [`Meter`].
#[derive(Debug)]
pub(crate) struct MeterReader {
    meter: &'static Meter,
    /// Whether anything can stand in the answer.
    is_read: bool,
    /// What counts where the answer reports its usage without it.
    otherwise: Vec<(Unit, u64)>,
    documents: Documents,
    tally: Tally,
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Tally {
    /// Last values of the document that is open; they count once it is whole.
    last: Usage,
    /// Sums of the document that is open.
    sums: Usage,
    /// Units of which the open document has a count that is none.
    spoiled: Units,
    /// Units of which the open document says that its count is the last.
    finals: Units,
    usage: Usage,
}

/// A set of them, small because every open answer has some.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Units(u16);

impl UsageReader for MeterReader {
    fn chunk(&mut self, bytes: &[u8]) {
        let Self {
            meter,
            is_read,
            documents,
            tally,
            ..
        } = self;
        if !*is_read {
            return;
        }
        // Almost all of a stream's events report nothing.
        let lacks = |mark: &memmem::Finder<'_>| mark.find(bytes).is_none();
        if documents.are_whole_events(bytes) && meter.mark.as_ref().is_some_and(lacks) {
            return;
        }
        documents.push(&meter.watched, bytes, &mut |met| match met {
            Met::Member(watch, seen) => tally.note(watch, seen),
            Met::End { is_whole: true } => tally.end_document(meter.growing),
            Met::End { is_whole: false } => tally.drop_document(),
        });
    }

    fn finish(mut self: Box<Self>) -> Option<Usage> {
        if self.documents.is_whole() {
            let growing = match self.documents.is_one() {
                true => Units::default(),
                false => self.meter.growing,
            };
            self.tally.end_document(growing);
        }
        let mut usage = self.tally.usage;
        if self.meter.cache_beside_input && usage.input_tokens.is_some() {
            let beside = [usage.cached_tokens, usage.cache_write_tokens];
            usage.add(Unit::InputTokens, beside.into_iter().flatten().sum());
        }
        if usage.is_empty() {
            return None;
        }
        for (unit, value) in self.otherwise {
            if usage.get(unit).is_none() {
                usage.set(unit, value);
            }
        }
        Some(usage)
    }
}

impl Tally {
    fn note(&mut self, watch: Watch, seen: Seen<'_>) {
        let number = match seen {
            Seen::Number(number) => count(number),
            _ => None,
        };
        match (watch.how, number) {
            (How::NumberOf, _) => self.sums.add(watch.unit, 1),
            (How::Last, Some(number)) => self.last.set(watch.unit, number),
            (How::Sum, Some(number)) => self.sums.add(watch.unit, number),
            (How::Sum, None) => self.spoiled.insert(watch.unit),
            (How::Final, _) if matches!(seen, Seen::Text(_)) => self.finals.insert(watch.unit),
            (How::Last | How::Final, _) => {}
        }
    }

    /// Takes in a whole document. What is `growing` counts only if the document says that it is
    /// final.
    fn end_document(&mut self, growing: Units) {
        let (last, sums) = (
            std::mem::take(&mut self.last),
            std::mem::take(&mut self.sums),
        );
        let (finals, spoiled) = (
            std::mem::take(&mut self.finals),
            std::mem::take(&mut self.spoiled),
        );
        for (unit, value) in last.reported() {
            if !growing.contains(unit) || finals.contains(unit) {
                self.usage.set(unit, value);
            }
        }
        for (unit, value) in sums.reported() {
            // A sum without one of its parts is not what was used.
            if !spoiled.contains(unit) {
                self.usage.add(unit, value);
            }
        }
    }

    /// A document that was cut short reports nothing: its last number may have been cut too.
    fn drop_document(&mut self) {
        *self = Self {
            usage: self.usage,
            ..Self::default()
        };
    }
}

impl Units {
    fn insert(&mut self, unit: Unit) {
        self.0 |= 1 << unit as u16;
    }

    fn contains(self, unit: Unit) -> bool {
        self.0 & 1 << unit as u16 != 0
    }
}

impl Places {
    fn iter(&self) -> impl Iterator<Item = &'static str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .copied()
    }
}

impl RequestCount {
    fn of(self, facts: &Facts) -> u64 {
        match self {
            Self::Characters => facts.input_characters,
            Self::Transactions => facts.transactions.max(1),
            Self::Images => facts.images.max(1),
        }
    }
}

/// Whether a provider's report can stand in an answer of this type. In a text it can't: a model
/// wrote all of it, and may have been told to write a report.
fn is_readable(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let ends_with = |end: &str| {
        let tail = essence.len().checked_sub(end.len());
        tail.and_then(|at| essence.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ends_with("/json") || ends_with("+json") || ends_with("/event-stream")
}

fn unit_named(name: &str) -> Result<Unit, String> {
    let value = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
    serde::Deserialize::deserialize(value).map_err(|_| format!("`{name}` is not a unit"))
}
