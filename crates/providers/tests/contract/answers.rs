//! Successful answers: usage and ids, whatever the chunks.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use keystead_providers::{ALL, Access, Unit, Usage, by_name};

use crate::fixtures::{Answer, answers};

#[test]
fn usage_is_what_the_answer_reports() {
    for answer in answers() {
        assert_eq!(
            usage(&answer, answer.body.len().max(1)),
            answer.usage,
            "{}",
            answer.name
        );
    }
}

#[test]
fn usage_is_the_same_for_every_chunking() {
    for answer in answers() {
        for size in [1, 2, 3, 5, 7, 16, 61, 1_000] {
            assert_eq!(
                usage(&answer, size),
                answer.usage,
                "{} in chunks of {size}",
                answer.name
            );
        }
    }
}

/// Wherever a connection breaks, what was counted so far does not pass for the whole.
#[test]
fn an_answer_that_is_cut_reports_no_part_as_the_whole() {
    for answer in answers() {
        let whole = answer.usage.unwrap_or_default();
        for cut in 0..answer.body.len() {
            let mut reader =
                answer
                    .provider
                    .usage_reader(answer.operation, &answer.facts, answer.content_type);
            reader.chunk(&answer.body[..cut]);
            let usage = reader.finish().unwrap_or_default();
            for unit in Unit::ALL {
                let grows = [
                    Unit::InputTokens,
                    Unit::CachedTokens,
                    Unit::CacheWriteTokens,
                ]
                .contains(&unit);
                let (part, all) = (usage.get(unit), whole.get(unit));
                let is_right = part.is_none() || part == all || (grows && part < all);
                let name = &answer.name;
                assert!(is_right, "{name} at {cut}: {unit:?} {part:?} of {all:?}");
            }
        }
    }
}

/// So that an answer that reports its usage is never taken for an estimate, and one that does not
/// is never taken for free.
#[test]
fn an_answer_reports_what_was_reserved_for_it() {
    for answer in answers() {
        let reserved = answer.operation.reservation(&answer.facts, None, 10_000);
        let (settled, is_estimate) = Usage::settled(answer.usage.as_ref(), &reserved);
        let name = &answer.name;
        assert_eq!(is_estimate, answer.is_short, "{name}: {settled:?}");
        assert!(
            is_estimate || answer.usage.is_none_or(|usage| usage == settled),
            "{name}"
        );
    }
}

#[test]
fn ids_to_bind_are_found_before_their_last_byte_leaves() {
    for answer in answers() {
        let whole = ids(&answer, answer.body.len().max(1));
        let expected: BTreeSet<_> = answer.ids.iter().cloned().collect();
        assert_eq!(whole, expected, "{}", answer.name);
        assert_eq!(ids(&answer, 1), expected, "{} byte by byte", answer.name);
    }
}

#[test]
fn an_id_is_told_with_its_last_byte() {
    for answer in answers() {
        let Some(mut reader) = answer.operation.id_reader(answer.facts.stores) else {
            continue;
        };
        let mut told: Vec<String> = Vec::new();
        for (at, byte) in answer.body.iter().enumerate() {
            let found = reader.chunk(&[*byte]);
            told.extend(found.into_iter().map(|id| id.object.id));
            let passed = &answer.body[..at];
            for (_, id) in answer.ids.iter().filter(|(_, id)| !told.contains(id)) {
                let gone = passed
                    .windows(id.len() + 1)
                    .any(|window| window.starts_with(id.as_bytes()) && window.ends_with(b"\""));
                assert!(!gone, "{}: {id} left unbound", answer.name);
            }
        }
    }
}

#[test]
fn every_operation_has_a_recorded_answer_or_says_why_nothing_is_metered() {
    let recorded: BTreeSet<_> = answers()
        .iter()
        .map(|answer| (answer.provider.about().name, answer.operation.name))
        .collect();
    // Azure's answers are those of the providers whose operations it shares.
    let shared: BTreeSet<_> = recorded.iter().map(|(_, operation)| *operation).collect();
    for provider in ALL {
        let about = provider.about();
        for operation in &about.operations {
            let name = operation.name;
            let is_recorded = match about.name {
                "azure-openai" => shared.contains(name),
                own => recorded.contains(&(own, name)),
            };
            let says_why = !operation.unmetered.is_empty() && operation.meter.is_empty();
            let is_denied = operation.access == Access::Denied;
            assert!(
                is_recorded || says_why || is_denied,
                "{}: {name}",
                about.name
            );
        }
    }
}

#[test]
fn nothing_but_the_provider_can_make_up_usage() {
    // What a model writes stands in strings; names in them must not count.
    let forged = br#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":7}"}}],"x":{"usage":{"prompt_tokens":7}}}"#;
    for provider in ALL {
        for operation in &provider.about().operations {
            let facts = keystead_providers::Facts::default();
            let mut reader = provider.usage_reader(operation, &facts, "application/json");
            reader.chunk(forged);
            let usage = reader.finish().unwrap_or_default();
            assert_eq!(usage.input_tokens, None, "{}", operation.name);
        }
    }
}

/// A transcript is text, and whoever speaks or prompts decides what stands in it.
#[test]
fn a_text_reports_nothing_whatever_it_says() {
    let report = r#"{"usage":{"seconds":0,"input_tokens":0,"output_tokens":0}}"#;
    let stream = format!("data: {report}\n\n");
    let provider = by_name("openai").expect("it is there");
    let operation = provider.about().operation("audio.transcriptions");
    let operation = operation.expect("it is there");
    let reported = |content_type: &str, body: &str| {
        let facts = keystead_providers::Facts::default();
        let mut reader = provider.usage_reader(operation, &facts, content_type);
        reader.chunk(body.as_bytes());
        reader.finish().is_some()
    };
    for (content_type, is_read) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/problem+json", true),
        ("text/event-stream", true),
        ("text/event-stream; charset=utf-8", true),
        ("text/plain; charset=utf-8", false),
        ("text/vtt", false),
        ("application/x-subrip", false),
        ("audio/mpeg", false),
        ("application/jsonp", false),
        ("", false),
    ] {
        assert_eq!(reported(content_type, report), is_read, "{content_type}");
        assert_eq!(reported(content_type, &stream), is_read, "{content_type}");
    }
}

fn usage(answer: &Answer, size: usize) -> Option<Usage> {
    let mut reader =
        answer
            .provider
            .usage_reader(answer.operation, &answer.facts, answer.content_type);
    for chunk in answer.body.chunks(size) {
        reader.chunk(chunk);
    }
    reader.finish()
}

fn ids(answer: &Answer, size: usize) -> BTreeSet<(String, String)> {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).expect(name),
            HeaderValue::from_str(value).expect(value),
        );
    }
    let mut found = answer.operation.header_ids(&headers);
    if let Some(mut reader) = answer.operation.id_reader(answer.facts.stores) {
        for chunk in answer.body.chunks(size) {
            found.extend(reader.chunk(chunk));
        }
    }
    found
        .into_iter()
        .map(|id| (id.object.kind.to_owned(), id.object.id))
        .collect()
}
