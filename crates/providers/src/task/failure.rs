//! What a provider's error is to somebody who asked for a task.

use http::{HeaderMap, StatusCode};

use super::{Recipe, pointer, tables::ErrorWords};
use crate::{Meaning, verdict::ErrorBody};

/// What a provider's error says, in the words that are the same for all of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TaskFailure {
    /// `provider_error`, `provider_rate_limited`, `provider_overloaded`, `key_rejected` or
    /// `content_refused`.
    pub code: &'static str,
    /// The provider's own sentence, cut; ours where it has none.
    pub message: String,
    /// Whether the same request may work later.
    pub retryable: bool,
}

/// Where providers put a sentence for people.
const SENTENCES: [&str; 6] = [
    "/error/message",
    "/message",
    "/errors/0",
    "/detail",
    "/error/detail",
    "/error",
];

/// Longer than a sentence for people.
const LONGEST: usize = 500;

impl Recipe {
    /// Reads a provider's error answer. `meaning` is what [`About::judge`](crate::About::judge)
    /// made of it.
    pub fn failure(&self, status: StatusCode, meaning: Meaning, body: &[u8]) -> TaskFailure {
        let words = ErrorBody::read(body, &HeaderMap::new());
        let code = match meaning {
            Meaning::WrongKey | Meaning::NoPermission | Meaning::AddressNotAllowed => {
                "key_rejected"
            }
            Meaning::NoCredit | Meaning::Terminal => "provider_error",
            Meaning::Retry | Meaning::Pass => code_of(self.errors, &words, status),
        };
        let is_final = matches!(meaning, Meaning::NoCredit | Meaning::Terminal);
        TaskFailure {
            code,
            message: sentence(&String::from_utf8_lossy(body)),
            retryable: !is_final && (is_worth_retrying(code) || status.is_server_error()),
        }
    }

    /// Reads an error that stands in an event, after the answer had begun.
    pub(super) fn failure_in_stream(&self, event: &str) -> TaskFailure {
        let words = ErrorBody::read(event.as_bytes(), &HeaderMap::new());
        let code = code_of(self.errors, &words, StatusCode::OK);
        TaskFailure {
            code,
            message: sentence(event),
            // What was begun broke off; only what was refused would be refused again.
            retryable: code != "content_refused",
        }
    }
}

fn code_of(errors: &ErrorWords, body: &ErrorBody, status: StatusCode) -> &'static str {
    let says = |words: &[String]| words.iter().any(|word| body.has_word(word));
    match status.as_u16() {
        _ if says(&errors.refused) => "content_refused",
        _ if says(&errors.overloaded) => "provider_overloaded",
        _ if says(&errors.limited) => "provider_rate_limited",
        429 => "provider_rate_limited",
        503 | 529 => "provider_overloaded",
        _ => "provider_error",
    }
}

fn is_worth_retrying(code: &str) -> bool {
    matches!(code, "provider_rate_limited" | "provider_overloaded")
}

fn sentence(body: &str) -> String {
    let mut sentences = SENTENCES.iter();
    let found = sentences.find_map(|pointer| pointer::text(body, pointer));
    match found {
        Some(text) if !text.trim_ascii().is_empty() => text.chars().take(LONGEST).collect(),
        _ => "the provider answered with an error".to_owned(),
    }
}
