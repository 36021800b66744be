//! Checks of what callers typed: collects everything that is wrong with a body.

use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::{Problem, problem::FieldError};

/// Collects errors while fields are read, so that all come out at once.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// The value that a text says, or an error of the field.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        name: &str,
        text: &str,
        expected: &str,
    ) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.wrong(name, format!("expected {expected}"));
        }
        parsed
    }

    /// A name for people: 1 to 100 characters, none of them a control character.
    pub(super) fn title(&mut self, name: &str, text: &str) -> String {
        let text = text.trim();
        let length = text.chars().count();
        if !(1..=100).contains(&length) || text.chars().any(char::is_control) {
            self.wrong(
                name,
                "must have 1 to 100 characters, none of them a control character",
            );
        }
        text.to_owned()
    }

    /// Web origins, written as a browser writes them.
    pub(super) fn origins(&mut self, name: &str, texts: &[String]) -> Vec<String> {
        let is_origin = |text: &str| {
            let url = Url::parse(text).ok()?;
            let secure = url.scheme() == "https" || (url.scheme() == "http" && is_local(&url));
            (secure && url.origin().ascii_serialization() == text).then_some(())
        };
        self.each(
            name,
            texts,
            "an origin as browsers write it, such as `https://shop.example` \
            (https, or http on localhost; lower case, no path, no closing slash)",
            |text| is_origin(text).map(|()| text.to_owned()),
        )
    }

    /// Where an authorization code may be sent.
    pub(super) fn redirect_uris(&mut self, name: &str, texts: &[String]) -> Vec<String> {
        let expected = "an absolute https address without a fragment (http on localhost only)";
        self.each(name, texts, expected, |text| {
            let url = Url::parse(text).ok()?;
            let secure = url.scheme() == "https" || (url.scheme() == "http" && is_local(&url));
            let plain = url.fragment().is_none() && url.username().is_empty();
            // Compared character for character later, so it must be written as it is parsed.
            (secure && plain && url.password().is_none() && url.as_str() == text)
                .then(|| text.to_owned())
        })
    }

    /// Address ranges.
    pub(super) fn ranges(&mut self, name: &str, texts: &[String]) -> Vec<IpNet> {
        let expected = "an address or a range, such as `192.0.2.7` or `192.0.2.0/24`";
        self.each(name, texts, expected, |text| {
            let single = || {
                text.parse()
                    .ok()
                    .map(|address: std::net::IpAddr| address.into())
            };
            text.parse().ok().or_else(single)
        })
    }

    /// Short words, such as models: as they are, but for size and control characters.
    pub(super) fn words(&mut self, name: &str, texts: &[String]) -> Vec<String> {
        let expected = "1 to 200 characters, none of them blank or a control character";
        self.each(name, texts, expected, |text| {
            let fits = (1..=200).contains(&text.len());
            let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
            (fits && plain).then(|| text.to_owned())
        })
    }

    /// Adds an error.
    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.0.push(FieldError::new(name, detail));
    }

    /// Fails if anything was wrong.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::Invalid(self.0))
        }
    }

    fn each<T>(
        &mut self,
        name: &str,
        texts: &[String],
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        if texts.len() > MOST {
            self.wrong(name, format!("must have at most {MOST} entries"));
        }
        let mut values = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match read(text) {
                Some(value) => values.push(value),
                None => self.wrong(&format!("{name}/{index}"), format!("expected {expected}")),
            }
        }
        values
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Entries of one list.
const MOST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(act: impl FnOnce(&mut Fields)) -> usize {
        let mut fields = Fields::default();
        act(&mut fields);
        fields.0.len()
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (origin, wrong) in [
            ("https://shop.example", 0),
            ("https://shop.example:8443", 0),
            ("http://localhost:3000", 0),
            ("http://127.0.0.1:3000", 0),
            ("http://shop.example", 1),
            ("https://shop.example/", 1),
            ("https://Shop.example", 1),
            ("https://shop.example:443", 1),
            ("https://user@shop.example", 1),
            ("null", 1),
            ("*", 1),
            ("", 1),
        ] {
            let found = errors(|fields| {
                fields.origins("origins", &[origin.to_owned()]);
            });
            assert_eq!(found, wrong, "{origin}");
        }
    }

    #[test]
    fn a_redirect_uri_is_exact() {
        for (uri, wrong) in [
            ("https://shop.example/back?x=1", 0),
            ("http://localhost:3000/back", 0),
            ("http://shop.example/back", 1),
            ("https://shop.example/back#here", 1),
            ("https://shop.example/a/../b", 1),
            ("https://u:p@shop.example/", 1),
            ("shop:back", 1),
        ] {
            let found = errors(|fields| {
                fields.redirect_uris("redirect_uris", &[uri.to_owned()]);
            });
            assert_eq!(found, wrong, "{uri}");
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let mut fields = Fields::default();
        fields.title("name", "\u{7}");
        fields.ranges("addresses", &["10.0.0.0/8".into(), "10.0.0.0/99".into()]);
        fields.words("models", &["a b".into()]);
        let Err(Problem::Invalid(errors)) = fields.finish() else {
            panic!("it must fail")
        };
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["#/name", "#/addresses/1", "#/models/0"]);
    }
}
