//! The events of a task's answer, as they go out.

use std::fmt::Write as _;

use keystead_providers::{Finish, TaskEvent, TaskFailure, Usage};
use serde::Serialize;
use serde_json::json;

use crate::proxy::refusal::{Refusal, seconds};

/// What went wrong, in the form that a body and an event share.
#[derive(Debug, Serialize)]
pub(super) struct Failure<'a> {
    /// The stable word.
    pub(super) code: &'a str,
    /// For a person.
    pub(super) message: &'a str,
    /// Whether the same request may work later.
    pub(super) retryable: bool,
    /// When, in seconds, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    /// The name of the call; of a stream the head has said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
}

/// The last event of an answer that came to its end.
#[derive(Debug, Serialize)]
struct Done<'a> {
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    usage: Used,
}

/// What is known of what was used.
#[derive(Debug, Default, Serialize)]
struct Used {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    characters: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
}

/// Writes an event of an answer.
pub(super) fn write(event: &TaskEvent, out: &mut String) {
    match event {
        TaskEvent::Delta(text) => push(out, "delta", &json!({ "text": text })),
        // Both are of known letters alone, so they stand as they are, and nothing is copied twice.
        TaskEvent::Image { kind, data } => {
            let kind = kind.media_type();
            out.reserve(data.len() + 64);
            out.push_str("event: image\ndata: {\"type\":\"");
            out.push_str(kind);
            out.push_str("\",\"data\":\"");
            out.push_str(data);
            out.push_str("\"}\n\n");
        }
        TaskEvent::Failed(failure) => push(out, "error", &Failure::of(failure)),
    }
}

/// Writes the end of an answer that is whole.
pub(super) fn write_done(
    finish: Finish,
    model: Option<&str>,
    usage: Option<Usage>,
    out: &mut String,
) {
    let usage = usage.unwrap_or_default();
    let done = Done {
        finish_reason: finish.word(),
        model,
        usage: Used {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            characters: usage.characters,
            images: usage.images,
        },
    };
    push(out, "done", &done);
}

/// Writes the end of an answer that could not go on.
pub(super) fn write_refusal(refusal: &Refusal, out: &mut String) {
    let message = refusal.to_string();
    push(out, "error", &Failure::of_refusal(refusal, &message));
}

impl Failure<'static> {
    /// The provider does not take the user's own key.
    pub(super) const OF_OWN_KEY: Self = Self {
        code: "user_key_refused",
        message: "the provider does not accept your key, or not for this; check or replace it",
        retryable: false,
        retry_after: None,
        request_id: None,
    };
}

/// What the adapters call a key that its provider does not take.
pub(super) const KEY_REJECTED: &str = "key_rejected";

impl<'a> Failure<'a> {
    /// What the provider said.
    pub(super) fn of(failure: &'a TaskFailure) -> Self {
        Self {
            code: failure.code,
            message: &failure.message,
            retryable: failure.retryable,
            retry_after: None,
            request_id: None,
        }
    }

    /// What we say, whose text is `message`.
    pub(super) fn of_refusal(refusal: &Refusal, message: &'a str) -> Self {
        Self {
            code: refusal.code(),
            message,
            retryable: refusal.is_worth_retrying(),
            retry_after: refusal.retry_after().map(seconds),
            request_id: None,
        }
    }
}

/// JSON never holds a line's end, so what stands in it can't become an event of its own.
fn push(out: &mut String, name: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).expect("texts and numbers are JSON");
    write!(out, "event: {name}\ndata: {data}\n\n").expect("a text grows");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_stays_one_string_of_one_event() {
        let hostile = "</script>\n\nevent: done\ndata: {}\r\n\u{2028}\u{202e}\0\"\\";
        let mut out = String::new();
        write(&TaskEvent::Delta(hostile.to_owned()), &mut out);
        let lines: Vec<_> = out.split('\n').collect();
        assert_eq!((lines[0], lines.len()), ("event: delta", 4), "{out}");
        let data = lines[1].strip_prefix("data: ").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["text"], hostile);
    }

    #[test]
    fn only_what_is_known_is_said() {
        let usage = Usage {
            characters: Some(7),
            ..Usage::default()
        };
        let mut out = String::new();
        write_done(Finish::Stop, None, Some(usage), &mut out);
        write_refusal(&Refusal::Revoked, &mut out);
        let expected = "event: done\ndata: {\"finish_reason\":\"stop\",\"usage\":{\"characters\":7}}\n\n\
            event: error\ndata: {\"code\":\"revoked\",\"message\":\"the permission for this call was \
            withdrawn\",\"retryable\":false}\n\n";
        assert_eq!(out, expected);
    }
}
