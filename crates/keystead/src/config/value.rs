//! The kinds of values that settings have, and how each is written.

use std::{net::SocketAddr, num::NonZeroU32, num::NonZeroUsize, path::PathBuf, time::Duration};

use ipnet::IpNet;

/// A value as written, before it is known what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    List(Vec<String>),
}

impl Raw {
    /// As it would stand in the environment.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) => items.join(", "),
        }
    }
}

/// How a value is written in the example file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// `"in quotes"`.
    Quoted,
    /// `5` or `true`.
    Bare,
    /// `["a", "b"]`.
    List,
}

/// Something that a setting can be.
pub(super) trait Value: Sized {
    /// What to write, for the message after "expected".
    const EXPECTED: &'static str;
    /// How the example writes it.
    const WRITTEN: Written = Written::Quoted;

    /// Reads one text; `None` if it is not one.
    fn parse(text: &str) -> Option<Self>;

    /// Reads a value as written. Only lists take more than one text.
    fn from_raw(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Text(text) => Self::parse(text.trim()),
            Raw::List(_) => None,
        }
    }
}

impl<T: Value> Value for Vec<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const WRITTEN: Written = Written::List;

    fn parse(text: &str) -> Option<Self> {
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(T::parse).collect()
    }

    fn from_raw(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Text(text) => Self::parse(text),
            Raw::List(items) => items.iter().map(|item| T::parse(item.trim())).collect(),
        }
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    const WRITTEN: Written = Written::Bare;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for NonZeroUsize {
    const EXPECTED: &'static str = "a whole number from 1";
    const WRITTEN: Written = Written::Bare;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for NonZeroU32 {
    const EXPECTED: &'static str = "a whole number from 1";
    const WRITTEN: Written = Written::Bare;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address with a port, such as `127.0.0.1:8420`";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a duration, such as `500ms`, `5s`, `2m` or `1h`";

    fn parse(text: &str) -> Option<Self> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().ok()?;
        match unit.trim_start() {
            "ms" => Some(Self::from_millis(number)),
            "s" | "" => Some(Self::from_secs(number)),
            "m" => number.checked_mul(60).map(Self::from_secs),
            "h" => number.checked_mul(3_600).map(Self::from_secs),
            _ => None,
        }
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSize(pub(super) u64);

impl Value for ByteSize {
    const EXPECTED: &'static str = "a number of bytes, such as `1048576` or `256MiB`";

    fn parse(text: &str) -> Option<Self> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let scale = match unit.trim_start() {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(scale).map(Self)
    }
}

impl Value for IpNet {
    const EXPECTED: &'static str = "an address or a range, such as `10.0.0.7` or `10.0.0.0/8`";

    fn parse(text: &str) -> Option<Self> {
        let single = || {
            text.parse()
                .ok()
                .map(|address: std::net::IpAddr| Self::from(address))
        };
        text.parse().ok().or_else(single)
    }
}

/// The name of a host, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostName(pub(super) String);

impl Value for HostName {
    const EXPECTED: &'static str = "a host name without scheme or port, such as `ai.example.org`";

    fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            !part.is_empty() && part.len() <= 63 && part.chars().all(inner)
        };
        let fits = text.len() <= 253 && text.split('.').all(part);
        fits.then(|| Self(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_syntax() {
        for (text, expected) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("5s", Some(Duration::from_secs(5))),
            ("5", Some(Duration::from_secs(5))),
            ("2m", Some(Duration::from_secs(120))),
            ("1h", Some(Duration::from_secs(3_600))),
            ("1d", None),
            ("-1s", None),
            ("1.5s", None),
            ("s", None),
            ("", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(Duration::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn sizes_hosts_and_ranges_are_read_strictly() {
        assert_eq!(ByteSize::parse("256MiB"), Some(ByteSize(256 << 20)));
        assert_eq!(ByteSize::parse("1024"), Some(ByteSize(1_024)));
        assert_eq!(ByteSize::parse("1MB"), None);
        assert_eq!(
            HostName::parse("AI.example.ORG").map(|h| h.0).as_deref(),
            Some("ai.example.org")
        );
        for bad in ["https://x", "x:80", "a..b", "", "a b", "a/b"] {
            assert_eq!(HostName::parse(bad), None, "{bad:?}");
        }
        assert!(IpNet::parse("10.0.0.7").is_some_and(|net| net.prefix_len() == 32));
        assert!(IpNet::parse("fd00::/8").is_some());
        assert!(IpNet::parse("10.0.0.0/33").is_none());
    }

    #[test]
    fn a_list_is_an_array_or_commas() {
        let from_text = Vec::<bool>::from_raw(&Raw::Text("true, false,".into()));
        let from_list = Vec::<bool>::from_raw(&Raw::List(vec!["true".into(), "false".into()]));
        assert_eq!(from_text, Some(vec![true, false]));
        assert_eq!(from_text, from_list);
        assert_eq!(bool::from_raw(&Raw::List(vec!["true".into()])), None);
    }
}
