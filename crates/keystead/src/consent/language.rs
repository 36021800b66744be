//! Languages: the tags that texts are kept by, and what a browser says that a person reads.

use std::{fmt, str::FromStr};

/// The tag of a language, such as `en` or `pt-BR`: two or three letters, and parts behind them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Language(String);

/// Text that is no such tag.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the tag of a language is such as `en` or `pt-BR`")]
pub struct BadLanguage;

impl FromStr for Language {
    type Err = BadLanguage;

    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        let mut parts = text.split('-');
        let is_first = |part: &str| {
            (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let is_part = |part: &str| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let is_tag = parts.next().is_some_and(is_first) && parts.all(is_part);
        (is_tag && text.len() <= 35)
            .then(|| Self(text.to_owned()))
            .ok_or(BadLanguage)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What someone reads, what suits best first: `Accept-Language` (RFC 9110, part 12.5.4).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Languages(Vec<String>);

impl Languages {
    /// Reads the header. What can't be read says nothing.
    pub fn accepted(header: &str) -> Self {
        let mut ranges: Vec<(u32, String)> = header
            .split(',')
            .take(20)
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let tag = parts.next().filter(|tag| !tag.is_empty())?;
                let weight = parts.find_map(|part| part.strip_prefix("q="));
                let weight = weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
                let order = ((1.0 - weight.clamp(0.0, 1.0)) * 1_000.0).round();
                // Clamped and rounded: 0 to 1,000, and 1,000 is what is not wanted.
                let order = format!("{order}").parse::<u32>().ok()?;
                (order < 1_000).then(|| (order, tag.to_ascii_lowercase()))
            })
            .collect();
        ranges.sort_by_key(|(order, _)| *order);
        Self(ranges.into_iter().map(|(_, tag)| tag).collect())
    }

    /// Where in a list is the tag that suits best; English, or the first, where none does.
    pub fn best_of(&self, tags: &[&str]) -> usize {
        let primary = |tag: &str| {
            let part = tag.split('-').next().unwrap_or_default();
            part.to_ascii_lowercase()
        };
        let at = |fits: &dyn Fn(&str) -> bool| tags.iter().position(|tag| fits(tag));
        for wanted in &self.0 {
            let found = at(&|tag| tag.eq_ignore_ascii_case(wanted))
                .or_else(|| at(&|tag| primary(tag) == primary(wanted)));
            if let Some(found) = found {
                return found;
            }
        }
        at(&|tag| primary(tag) == "en").unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suits_best_is_found() {
        let tags = ["de", "en", "pt-BR"];
        for (header, expected) in [
            ("de", "de"),
            ("de-AT, en;q=0.8", "de"),
            ("fr, en;q=0.5, de;q=0.9", "de"),
            ("pt", "pt-BR"),
            ("en;q=0, de", "de"),
            ("fr", "en"),
            ("*", "en"),
            ("", "en"),
            ("de;q=x, pt;q=0.1", "pt-BR"),
        ] {
            let found = Languages::accepted(header).best_of(&tags);
            assert_eq!(tags[found], expected, "{header}");
        }
        assert_eq!(Languages::default().best_of(&["fr", "it"]), 0);
    }

    #[test]
    fn tags_are_tags() {
        for good in ["en", "pt-BR", "zh-Hant-TW", "gsw"] {
            assert!(good.parse::<Language>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "e",
            "EN",
            "en_GB",
            "en-",
            "x\"y",
            "englisch",
            "en-u-co-phonebk-long",
        ] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }
}
