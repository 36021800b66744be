//! What a provider's error answers mean.
//!
//! Statuses alone do not tell: a missing scope, a wrong key and a refused address can all be 401,
//! and 429 can mean that someone has to pay. Each provider's data file lists what is known, most
//! telling first; [`Verdict::fits`] is asked in that order.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What the proxy should make of an error answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The provider did no work and asks to come again.
    Retry,
    /// Trying again is of no use until a person has changed something.
    Terminal,
    /// The account behind the key has nothing left to spend.
    NoCredit,
    /// The provider does not know this key (any more).
    WrongKey,
    /// The key is good, but not for this.
    NoPermission,
    /// The key is good, but not from this address or without the private network.
    AddressNotAllowed,
    /// The caller's own affair: passed on as it is.
    Pass,
}

/// One line of the table.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The statuses it is about.
    pub status: Vec<u16>,
    /// Machine-readable words of which one must be in the body; none asked for when empty.
    #[serde(default)]
    pub code: Vec<String>,
    /// Parts of the message, in lower case, of which one must be in the body.
    #[serde(default)]
    pub text: Vec<String>,
    /// What it then means.
    pub means: Meaning,
    /// Where this is known from.
    #[serde(default)]
    pub source: String,
}

/// An error body, as far as it tells anything.
#[derive(Debug, Default)]
pub(crate) struct ErrorBody {
    words: Vec<String>,
    text: String,
}

/// Where providers put their words: OpenAI, Azure, Anthropic, DeepL and Stability between them.
const WORDS: [&str; 9] = [
    "/error/code",
    "/error/type",
    "/error/status",
    "/error/innererror/code",
    "/error/details/error_code",
    "/code",
    "/name",
    "/statusCode",
    "/type",
];
const TEXTS: [&str; 5] = [
    "/error/message",
    "/error",
    "/message",
    "/detail",
    "/errors/0",
];

/// Longer than any error body worth reading.
const READ_AT_MOST: usize = 64 * 1024;

impl Verdict {
    pub(crate) fn fits(&self, status: StatusCode, body: &ErrorBody) -> bool {
        self.status.contains(&status.as_u16())
            && (self.code.is_empty() || self.code.iter().any(|code| body.words.contains(code)))
            && (self.text.is_empty() || self.text.iter().any(|text| body.text.contains(text)))
    }
}

impl ErrorBody {
    /// Reads what it can; anything else is an empty body, which only rules without words fit.
    pub(crate) fn read(body: &[u8], headers: &HeaderMap) -> Self {
        let encoded = headers.contains_key(http::header::CONTENT_ENCODING);
        let body = &body[..body.len().min(READ_AT_MOST)];
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let text = String::from_utf8_lossy(if encoded { b"" } else { body });
            return Self {
                words: Vec::new(),
                text: text.to_lowercase(),
            };
        };
        let at = |pointer: &str| match value.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let texts: Vec<_> = TEXTS.iter().filter_map(|pointer| at(pointer)).collect();
        Self {
            words: WORDS.iter().filter_map(|pointer| at(pointer)).collect(),
            text: texts.join("\n").to_lowercase(),
        }
    }

    /// Whether this machine-readable word is in it.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    /// The message, in lower case.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
