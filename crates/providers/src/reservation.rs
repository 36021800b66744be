//! What a call may use at most, by what its request says: set aside before it is sent, so that
//! calls that run at once can't go past a budget together.

use crate::{Facts, Operation, Unit, Usage, ceiling::Most, meter::LaterCount};

/// A token is rarely shorter than this, in bytes of a request.
const BYTES_OF_A_TOKEN: u64 = 3;

/// What a second of sound takes at least: Opus at its lowest rate, 6 kbit/s (RFC 6716, 2.1.1).
const BYTES_OF_A_SECOND: u64 = 750;

/// What DeepL bills at least for a file of an office program or a PDF, in characters.
const SHORTEST_DOCUMENT: u64 = 50_000;

/// What DeepL takes at most of one document, in characters (developers.deepl.com, usage-limits).
const LONGEST_DOCUMENT: u64 = 1_000_000;

/// What Azure reads at most of one document, in pages (learn.microsoft.com, call-read-api).
const MOST_PAGES: u64 = 2_000;

/// A page is rarely shorter than this, packed.
const BYTES_OF_A_PAGE: u64 = 2_000;

/// A body no longer than this may only say where the document is.
const LONGEST_ADDRESS: u64 = 4_096;

/// Features by which the provider reads more than the request holds.
const READING: [&str; 5] = [
    "containers",
    "data-sources",
    "files",
    "hosted-tools",
    "remote-mcp",
];

impl Operation {
    /// What a call may use at most.
    ///
    /// `model` is what the call is for, by path or body; without one, the facts' and then the
    /// operation's own default hold. `body_bytes` is the length of the request's body as it goes
    /// out, or its `content-length`; zero where that is not known.
    ///
    /// Set are exactly the units that a successful answer reports, each to an upper bound of at
    /// least one. So an answer that reports its usage reports all that was reserved. Parts of
    /// other units (cached, written to the cache, thought) are not reserved, and neither is
    /// anything for what is fetched again: its usage is that of the call which made it.
    ///
    /// What is worked on later is reserved by the call that begins it, though its usage is told by
    /// another one: see [`settles`](Self::settles).
    ///
    /// Where an answer reports one of two measures, tokens or else images or seconds, both are
    /// reserved if the model does not tell which; [`Usage::settled`] minds.
    pub fn reservation(&self, facts: &Facts, model: Option<&str>, body_bytes: u64) -> Usage {
        let mut most = Usage::default();
        if self.settles.is_some() && self.settles == self.fetches_path {
            return most;
        }
        let model = model.or(facts.model.as_deref()).or(self.default_model);
        let known = model.filter(|_| !self.has_own_names);
        let ceiling = self.ceilings.of(known, self.meter.models());
        let body = if body_bytes == 0 && self.body.may_stream() {
            self.max_body
        } else {
            body_bytes
        };
        for (unit, count) in self.meter.later() {
            most.set(*unit, count.of(body));
        }
        for unit in self.meter.reported(facts) {
            if !ceiling.reports.is_empty() && !ceiling.reports.contains(&unit) {
                continue;
            }
            let bound = match unit {
                Unit::InputTokens => facts.input_tokens_at_most(body, ceiling),
                Unit::OutputTokens => {
                    let asked = facts.max_output_tokens.unwrap_or(ceiling.output);
                    let each = match ceiling.is_own {
                        true => asked.min(ceiling.output),
                        false => asked,
                    };
                    let answers = facts.choices.max(1).saturating_mul(facts.images.max(1));
                    each.saturating_mul(answers)
                }
                Unit::Characters => facts.input_characters,
                Unit::Images => facts.images,
                Unit::Seconds => body.div_ceil(BYTES_OF_A_SECOND),
                Unit::Transactions => facts.transactions,
                Unit::CreditsMilli => self.meter.credits(model).unwrap_or(0),
                Unit::CachedTokens | Unit::CacheWriteTokens | Unit::ReasoningTokens => continue,
            };
            most.set(unit, bound.max(1));
        }
        most
    }
}

impl LaterCount {
    fn of(self, body_bytes: u64) -> u64 {
        match self {
            Self::Document => body_bytes.clamp(SHORTEST_DOCUMENT, LONGEST_DOCUMENT),
            Self::Pages if body_bytes <= LONGEST_ADDRESS => MOST_PAGES,
            Self::Pages => (body_bytes / BYTES_OF_A_PAGE).clamp(1, MOST_PAGES),
        }
    }
}

impl Facts {
    /// By the size of the body and the images in it, unless the provider reads more than it holds.
    fn input_tokens_at_most(&self, body_bytes: u64, ceiling: Most<'_>) -> u64 {
        let reads_more = |feature| READING.contains(&feature);
        if !self.fetches.is_empty()
            || self.documents > 0
            || self.gated.iter().any(|gated| reads_more(gated.feature))
        {
            return ceiling.input;
        }
        let (image_bytes, images) = match ceiling.image {
            0 => (0, 0),
            each => (self.image_bytes, self.images_shown.saturating_mul(each)),
        };
        let text = body_bytes
            .saturating_sub(image_bytes)
            .max(self.input_characters)
            .div_ceil(BYTES_OF_A_TOKEN);
        text.saturating_add(images).min(ceiling.input)
    }
}
