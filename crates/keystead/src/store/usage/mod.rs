//! The usage ledger: one row an attempt at a provider, appended and never changed.
//!
//! Rows are written in pages ([`codec`]): a batch of one organization's attempts in one BLOB, so
//! that writing a call down costs less than carrying it. A page is known by the hash of what was
//! handed over, so a batch that is sent twice is stored once.
//!
//! With a page its rows are added to the [`sums`], which is what is asked about.
//!
//! | file | what it answers |
//! |---|---|
//! | `append` | how a batch is written, once |
//! | `pages`, `codec` | how pages lie in the store, and attempts in a page |
//! | `sums`, `upsert` | what is added up, and how the store adds to it |
//! | `query`, `shares` | what was used, asked of the sums: row by row, or told apart by one thing |
//! | `recent` | the newest attempts, asked of the pages: so many of them and no more |
//! | `retention` | old attempts go, their sums stay |
//! | `forgetting` | attempts that no longer say whose they were |
//! | `rebuild` | the sums made anew from the pages |

mod append;
mod codec;
mod forgetting;
mod pages;
mod query;
mod rebuild;
mod recent;
mod retention;
mod shares;
mod sums;
mod upsert;

use std::{sync::Arc, time::Duration};

use keystead_providers::ObjectRef;
use keystead_vault::SubjectHash;

pub use self::{
    append::{Batch, Booked},
    query::{SubjectTotal, UsageBy, UsageDays, UsageFilter, UsagePlace, UsageTotal},
    rebuild::Rebuilt,
    recent::{AttemptEnd, AttemptFilter, AttemptPlace, Recent},
    shares::{Figures, UsageGroup, UsageShare},
    sums::Sums,
};

use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId, RequestId, TokenId},
};

/// One attempt at a provider. What the provider did not report is `None`, which is not zero.
#[derive(Clone, Debug)]
pub struct UsageRow<Word = &'static str> {
    /// The call.
    pub request: RequestId,
    /// Which attempt of it; the first is 1.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application.
    pub application: ApplicationId,
    /// The AddOn.
    pub addon: AddOnId,
    /// The key, once one was chosen.
    pub key: Option<KeyId>,
    /// Which version of the key.
    pub key_version: Option<u64>,
    /// The token.
    pub token: Option<TokenId>,
    /// The end user.
    pub subject: Option<SubjectHash>,
    /// The provider's name.
    pub provider: Word,
    /// The operation's name.
    pub operation: Word,
    /// The model, as the request named it.
    pub model: Option<Arc<str>>,
    /// The provider's HTTP status, once it answered.
    pub status: Option<u16>,
    /// How it ended: a stable word.
    pub outcome: Word,
    /// From the attempt's begin to its end, in microseconds.
    pub duration_us: u64,
    /// From the attempt's begin to the answer's first byte, in microseconds.
    pub first_byte_us: Option<u64>,
    /// What the provider reported, or what was reserved.
    pub units: Units,
    /// Whether some of the units are what was reserved, since the provider did not report them.
    pub is_estimated: bool,
    /// What it cost at the price of its day, in millionths of a US dollar; none without any price.
    pub cost_micro_usd: Option<u64>,
    /// Whether the model has a price of its own; if not, the cost is the provider's dearest.
    pub is_priced: bool,
    /// Whether it takes back what was estimated of an attempt, now that another one told. Such a
    /// row is no attempt of its own.
    pub takes_back: bool,
    /// The object whose usage that is, if it may be reported again: it is booked once. A page does
    /// not hold it.
    pub settles: Option<Box<ObjectRef>>,
}

/// What a provider reported of one attempt; what it did not report is `None`, which is not zero.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Units {
    /// Tokens of input.
    pub input_tokens: Option<u64>,
    /// Of these, tokens read from a cache.
    pub cached_tokens: Option<u64>,
    /// Tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of output.
    pub output_tokens: Option<u64>,
    /// Of these, tokens of reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Characters.
    pub characters: Option<u64>,
    /// Images.
    pub images: Option<u64>,
    /// Seconds of audio or video.
    pub seconds: Option<u64>,
    /// Transactions.
    pub transactions: Option<u64>,
    /// Thousandths of a provider's credit.
    pub credits_milli: Option<u64>,
}

impl Units {
    /// Each, by the place of its bit in a page. New ones come at the end.
    fn counts(&self) -> [Option<u64>; 10] {
        [
            self.input_tokens,
            self.cached_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.characters,
            self.images,
            self.seconds,
            self.transactions,
            self.credits_milli,
        ]
    }

    /// What [`counts`](Self::counts) gave.
    fn of(counts: [Option<u64>; 10]) -> Self {
        let [
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            characters,
            images,
            seconds,
            transactions,
            credits_milli,
        ] = counts;
        Self {
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            characters,
            images,
            seconds,
            transactions,
            credits_milli,
        }
    }
}

impl<Word: AsRef<str>> UsageRow<Word> {
    /// Whether the provider may have done something for it: a connection was there, and the answer
    /// was not that nothing was done.
    #[must_use]
    pub fn may_have_worked(&self) -> bool {
        !["refused", "unreachable"].contains(&self.outcome.as_ref())
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Timestamp {
        self.at + Duration::from_micros(self.duration_us)
    }

    /// The model that it is added up under.
    ///
    /// A client can write anything where the model stands. So a name that the provider refused has
    /// no sum of its own: it may be one of very many, and sums stay.
    pub(crate) fn summed_model(&self) -> Option<&Arc<str>> {
        let is_refused = matches!(self.status, Some(400..=428 | 430..=499));
        let model = self.model.as_ref().filter(|name| is_model_name(name));
        model.filter(|_| !is_refused || self.units != Units::default())
    }

    /// Whether it ended otherwise than with a whole answer that says yes.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outcome.as_ref() != "answered" || self.status.is_some_and(|status| status >= 400)
    }
}

impl<Word: Default> UsageRow<Word> {
    /// A row of nothing, to be filled.
    pub fn blank(organization: OrganizationId) -> Self {
        Self {
            request: RequestId::from_bytes([0; 16]),
            attempt: 0,
            at: Timestamp::default(),
            organization,
            application: [0; 16].into(),
            addon: [0; 16].into(),
            key: None,
            key_version: None,
            token: None,
            subject: None,
            provider: Word::default(),
            operation: Word::default(),
            model: None,
            status: None,
            outcome: Word::default(),
            duration_us: 0,
            first_byte_us: None,
            units: Units::default(),
            is_estimated: false,
            cost_micro_usd: None,
            is_priced: false,
            takes_back: false,
            settles: None,
        }
    }
}

/// Whether a text can be the name of a model. What can't be is not written down: it could be
/// anything, a prompt included.
#[must_use]
pub fn is_model_name(text: &str) -> bool {
    const LONGEST: usize = 128;
    // It begins with no sign, so that no spreadsheet takes it for a formula.
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
