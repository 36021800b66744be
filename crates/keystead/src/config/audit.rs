//! `[audit]`: what shows later that the audit log was not rewritten.

use std::{path::Path, time::Duration};

use http::HeaderValue;
use url::Url;

use super::{
    reader::{Fallback, Reader},
    value::Value,
};
use crate::net::sink::SinkPlace;

/// The `[audit]` table.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// Where signed checkpoints go; `None` for nowhere.
    pub checkpoints: Option<SinkPlace>,
    /// What is shown there, as the value of the `Authorization` header.
    pub checkpoints_authorization: Option<HeaderValue>,
    /// How often one is made, if anything happened.
    pub checkpoint_interval: Duration,
}

impl AuditSettings {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Self {
        let file = data_dir.join("checkpoints.jsonl");
        let fallback = Fallback::derived("DATA_DIR/checkpoints.jsonl", file.display());
        let checkpoints = reader.read::<Place>(
            "audit.checkpoints",
            fallback,
            "Where signed checkpoints of the audit log go, a line of JSON each: a file that they are \
             added to, an `https://…` address that each is posted to, or `off`. Only a checkpoint that \
             is kept where nobody who runs the store can reach it shows a store that was put back.",
        );
        let authorization = reader.secret::<Header>(
            "audit.checkpoints_authorization",
            None,
            "The value of the `Authorization` header for that address, such as `Bearer …`. \
             `audit.checkpoints_authorization_file` names a file that holds it.",
        );
        let interval = reader.read::<Duration>(
            "audit.checkpoint_interval",
            "1h",
            "How often a checkpoint is made, if the log has grown.",
        );
        if interval < SHORTEST {
            reader.conflict("audit.checkpoint_interval", "must be at least 1s");
        }
        Self {
            checkpoints: checkpoints.0,
            checkpoints_authorization: authorization.map(|header| header.0),
            checkpoint_interval: interval.max(SHORTEST),
        }
    }
}

/// A sink, or none.
struct Place(Option<SinkPlace>);

impl Value for Place {
    const EXPECTED: &'static str = "a path, an `https://…` address, or `off`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self(None)),
            text => SinkSetting::parse(text).map(|place| Self(Some(place.0))),
        }
    }
}

/// A sink.
pub(super) struct SinkSetting(pub(super) SinkPlace);

impl Value for SinkSetting {
    const EXPECTED: &'static str = "a path, or an `https://…` address";

    fn parse(text: &str) -> Option<Self> {
        if !text.contains("://") {
            return (!text.is_empty()).then(|| Self(SinkPlace::File(text.into())));
        }
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        let is_here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        // What proves who we are goes into a header, not into an address that is shown.
        let is_bare = url.username().is_empty() && url.password().is_none();
        let fits = url.scheme() == "https" || (url.scheme() == "http" && is_here);
        (fits && is_bare).then_some(Self(SinkPlace::Address(url)))
    }
}

/// The value of a header, never shown.
pub(super) struct Header(pub(super) HeaderValue);

impl Value for Header {
    const EXPECTED: &'static str = "the value of a header";

    fn parse(text: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(text.trim()).ok()?;
        value.set_sensitive(true);
        (!value.is_empty()).then_some(Self(value))
    }
}

/// Each checkpoint is a signature and a write.
const SHORTEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_a_file_or_an_address_over_tls() {
        let place = |text| Place::parse(text).map(|place| place.0);
        let file = |path: &str| Some(Some(SinkPlace::File(path.into())));
        assert_eq!(place("off"), Some(None));
        assert_eq!(place("/var/log/checkpoints"), file("/var/log/checkpoints"));
        assert_eq!(place("checkpoints.jsonl"), file("checkpoints.jsonl"));
        for (text, fits) in [
            ("https://keep.example.org/log?a=b", true),
            ("http://127.0.0.1:9000/", true),
            ("http://keep.example.org/", false),
            ("https://user:pass@keep.example.org/", false),
            ("file:///tmp/x", false),
            ("", false),
        ] {
            assert_eq!(place(text).is_some(), fits, "{text}");
        }
        assert!(Header::parse("a\nb").is_none() && Header::parse(" ").is_none());
    }
}
