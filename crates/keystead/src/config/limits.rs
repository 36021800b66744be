//! `[limits]`: rates that hold from the first start.

use std::num::NonZeroU32;

use super::{
    reader::Reader,
    value::{ByteSize, Value},
};
use crate::limits::{Defaults, Preset, Rates, sharing::SharedUrl};

/// The `[limits]` table.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What holds where an object has no rule of its own.
    pub default: Defaults,
    /// Bytes of request bodies that may be held at the same time.
    pub held_bytes: u64,
    /// The Redis that processes share limits through.
    pub shared_url: Option<SharedUrl>,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        const NARROW: &str = "50/s burst 100";
        const WIDE: &str = "500/s burst 1000";
        let held_bytes = reader.read::<ByteSize>(
            "limits.held_bytes",
            "256MiB",
            "Memory for the request bodies that must be seen whole before they are sent; past it \
             calls are answered 503. An application has as much of it as is left to others at most, \
             so half; an organization three times that, so three quarters.",
        );
        let token = "Calls with one access token. A rate is `50/s burst 100` (also `/m`, `/h` and \
                     `/d`; without `burst` as many at once as a period has), or several such as \
                     `10/s, 5000/d`; `off` lifts it.";
        let shared_url = reader.secret(
            "limits.shared_url",
            None,
            "The Redis or Valkey through which several processes share rates and counts of running \
             calls: `redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://…` for TLS. Without it \
             each process counts for itself. `limits.shared_url_file` names a file that holds it.",
        );
        Self {
            held_bytes: held_bytes.0,
            shared_url,
            default: Defaults {
                token: rate(reader, "token", NARROW, token),
                subject: rate(reader, "subject", NARROW, "Calls of one end user."),
                addon: rate(
                    reader,
                    "addon",
                    WIDE,
                    "Calls of one AddOn that has no rate of its own.",
                ),
                application: rate(
                    reader,
                    "application",
                    WIDE,
                    "Calls of one application that has no rate of its own.",
                ),
                key: rate(
                    reader,
                    "key",
                    WIDE,
                    "Calls with one provider key that has no rate of its own.",
                ),
                address: rate(reader, "address", WIDE, "Calls from one client address."),
                key_concurrency: Preset {
                    is_configured: reader.is_set("limits.default.key_concurrency"),
                    rule: reader
                        .read::<Off<NonZeroU32>>(
                            "limits.default.key_concurrency",
                            "200",
                            "Calls with one provider key that may run at the same time, where it \
                             has no rule of its own; `off` lifts it.",
                        )
                        .0
                        .map(NonZeroU32::get),
                },
            },
        }
    }
}

/// One rate of `[limits.default]`.
fn rate(
    reader: &mut Reader<'_>,
    name: &str,
    default: &'static str,
    about: &'static str,
) -> Preset<Rates> {
    let name = format!("limits.default.{name}");
    Preset {
        is_configured: reader.is_set(&name),
        rule: reader.read::<Off<Rates>>(&name, default, about).0,
    }
}

impl Value for SharedUrl {
    const EXPECTED: &'static str =
        "a Redis's address such as `redis://HOST:6379`, or `rediss://HOST:6379` for TLS";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A rule, or the word that lifts it.
struct Off<T>(Option<T>);

impl Value for Off<Rates> {
    const EXPECTED: &'static str = "a rate such as `50/s burst 100`, or `off`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self(None)),
            rates => rates.parse().ok().map(|rates| Self(Some(rates))),
        }
    }
}

impl Value for Off<NonZeroU32> {
    const EXPECTED: &'static str = "a whole number from 1, or `off`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self(None)),
            number => number.parse().ok().map(|number| Self(Some(number))),
        }
    }
}
