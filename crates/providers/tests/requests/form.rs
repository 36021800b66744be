//! Form bodies.

use std::time::Instant;

use bytes::Bytes;
use keystead_providers::{BodyError, BodyPolicy, Facts};
use proptest::prelude::*;

use crate::operation;

fn read(body: &str) -> Result<Facts, BodyError> {
    let translate = operation("deepl", "translate");
    translate.inspect_form(body.as_bytes(), &BodyPolicy::default())
}

#[test]
fn texts_may_repeat_and_nothing_else_that_is_known() {
    let facts = read("text=h%C3%A9&text=a+b&target_lang=DE&tag_handling=xml").unwrap();
    assert_eq!(facts.input_characters, 5);
    assert!(facts.unknown_fields.is_empty());
    assert_eq!(read("shiny=1&shiny=2").unwrap().unknown_fields, ["shiny"]);
    let twice = read("show_billed_characters=0&show%5Fbilled_characters=1");
    let field = Some("show_billed_characters");
    assert_eq!(twice, Err(BodyError::DuplicateMember { field }));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (body, expected) in [
        (
            "auth_key=k&text=a",
            BodyError::Refused { field: "auth_key" },
        ),
        ("auth%5Fkey=k", BodyError::Refused { field: "auth_key" }),
        ("auth_key", BodyError::Refused { field: "auth_key" }),
        ("text=%", BodyError::MalformedForm),
        ("text=%4", BodyError::MalformedForm),
        ("text=%zz", BodyError::MalformedForm),
        ("text=%ff", BodyError::NotUtf8),
    ] {
        assert_eq!(read(body), Err(expected), "{body}");
    }
}

/// Read on a thread that carries the streams of many others.
#[test]
fn a_long_form_takes_as_long_as_it_is_long() {
    let took = |body: &str| {
        let once = || {
            let began = Instant::now();
            read(body).unwrap();
            began.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap()
    };
    let texts = "text&".repeat(5_000);
    let names: String = (10_000..15_000).map(|name| format!("{name}&")).collect();
    let apart = took(&names) + took(&texts);
    let together = took(&(names + &texts));
    assert!(together < 4 * apart, "{together:?} and {apart:?}");

    let endless = "text&".repeat(10_001);
    assert_eq!(read(&endless), Err(BodyError::TooManyMembers));
}

#[test]
fn the_count_is_asked_for_only_when_the_caller_did_not() {
    for (body, expected) in [
        ("text=a", "text=a&show_billed_characters=true"),
        ("", "show_billed_characters=true"),
        (
            "text=a&show_billed_characters=0",
            "text=a&show_billed_characters=0",
        ),
        (
            "text=a&show%5Fbilled%5Fcharacters=0",
            "text=a&show%5Fbilled%5Fcharacters=0",
        ),
    ] {
        let facts = read(body).unwrap();
        assert_eq!(facts.edits.apply(Bytes::from(body.to_owned())), expected);
    }
}

proptest! {
    #[test]
    fn names_and_lengths_are_those_of_the_form(pairs in prop::collection::vec(("[a-z&=+% é]{1,6}", "[a-z&=+% é]{0,6}"), 0..6)) {
        let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let mut body: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        body.extend(pairs.iter().map(|(_, value)| format!("text={}", encode(value).replace("%20", "+"))));
        let facts = read(&body.join("&")).unwrap();
        let texts = pairs.iter().map(|(name, value)| if name == "text" { 2 * value.chars().count() } else { value.chars().count() });
        prop_assert_eq!(facts.input_characters, texts.sum::<usize>() as u64);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = operation("deepl", "translate").inspect_form(&bytes, &BodyPolicy::default());
    }
}
