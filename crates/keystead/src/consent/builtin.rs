//! The text that Keystead brings along, for applications that have none of their own.

use std::{collections::BTreeMap, num::NonZeroU16};

const TEXTS: [(&str, &str); 2] = [
    ("de", include_str!("builtin.de.md")),
    ("en", include_str!("builtin.en.md")),
];

/// The text in each of its languages; `names` are those of the place, the application, the organization.
pub(super) fn filled(names: [&str; 3], days: Option<NonZeroU16>) -> BTreeMap<String, String> {
    let [place, application, organization] = names.map(as_text);
    let filled = TEXTS.map(|(language, text)| {
        let text = text
            .replace("{retention}", &retention(language, days))
            .replace("{place}", &place)
            .replace("{application}", &application)
            .replace("{organization}", &organization);
        (language.to_owned(), text)
    });
    filled.into()
}

fn retention(language: &str, days: Option<NonZeroU16>) -> String {
    match (language, days) {
        ("de", Some(days)) => format!("Das wird nach {days} Tagen gelöscht; Summen bleiben."),
        ("de", None) => "Das wird nicht von selbst gelöscht.".to_owned(),
        (_, Some(days)) => format!("That is deleted after {days} days; sums stay."),
        (_, None) => "That is not deleted by itself.".to_owned(),
    }
}

/// A name as it is: nothing in it means anything to Markdown, or to what is filled in after it.
fn as_text(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_punctuation() && letter != '.' {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_all_of_it_and_names_are_no_markdown() {
        let names = ["keys.example", "A [b](https://evil.example)", "{place}"];
        for days in [NonZeroU16::new(400), None] {
            for (language, text) in filled(names, days) {
                assert_eq!(
                    text.lines().filter(|line| line.starts_with("- **")).count(),
                    7
                );
                assert!(text.contains("**keys.example**"), "{language}");
                assert!(text.contains("\\[b\\]\\(https"), "{language}: {text}");
                assert!(!text.contains("{place}"), "{language}: {text}");
                assert_eq!(text.contains("400"), days.is_some(), "{language}");
            }
        }
    }
}
