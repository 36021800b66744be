//! `[upstream]`, `[providers.NAME]` and `[danger]`: how the providers are reached.

use std::time::Duration;

use keystead_providers::{ALL, Destination, PriceList};

use super::{reader::Reader, value::Value};

/// The `[upstream]` table.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// How long name, connection and TLS may take together.
    pub connect_timeout: Duration,
    /// How long a provider may take to send its response head.
    pub first_byte_timeout: Duration,
    /// How long a response body may stand still.
    pub idle_timeout: Duration,
    /// The longest wait before a retry; a longer Retry-After goes to the client at once.
    pub retry_cap: Duration,
    /// How long an unused connection is kept.
    pub pool_idle_timeout: Duration,
    /// How old a connection may become.
    pub pool_max_age: Duration,
}

/// One `[providers.NAME]` table.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// The provider's name.
    pub name: &'static str,
    /// The address that the provider's own paths are appended to, in place of its own.
    pub base_url: Option<Destination>,
    /// Prices that hold before the built-in ones.
    pub prices: Option<PriceList>,
}

/// The `[danger]` table: what weakens a promise on purpose.
#[derive(Debug, Clone, Default)]
pub struct Danger {
    /// Upstreams may have private and loopback addresses. Never link-local or metadata ones.
    pub allow_private_upstreams: bool,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            connect_timeout: reader.read(
                "upstream.connect_timeout",
                "10s",
                "How long reaching a provider may take: name, connection and TLS together.",
            ),
            first_byte_timeout: reader.read(
                "upstream.first_byte_timeout",
                "10m",
                "How long a provider may take to begin its answer. Reasoning models think for \
                 minutes.",
            ),
            idle_timeout: reader.read(
                "upstream.idle_timeout",
                "5m",
                "How long a provider may pause in the middle of an answer.",
            ),
            retry_cap: reader.read(
                "upstream.retry_cap",
                "10s",
                "The longest wait before a retry. A longer Retry-After goes to the client at once.",
            ),
            pool_idle_timeout: reader.read(
                "upstream.pool_idle_timeout",
                "30s",
                "How long an unused connection to a provider is kept.",
            ),
            pool_max_age: reader.read(
                "upstream.pool_max_age",
                "10m",
                "How old a connection to a provider may become before it is replaced.",
            ),
        }
    }
}

pub(super) fn read_providers(reader: &mut Reader<'_>) -> Vec<ProviderSettings> {
    let mut changed = Vec::new();
    for name in ALL.iter().map(|provider| provider.about().name) {
        let base_url = reader.optional::<Destination>(
            &format!("providers.{name}.base_url"),
            "Another address for this provider; its own paths (`/v1/…` included) are appended. \
             For test upstreams, together with `danger.allow_private_upstreams`.",
        );
        let prices = reader.file(
            &format!("providers.{name}.prices"),
            "A file with prices of one's own, written as the built-in tables are. The models in it \
             are priced by it alone, all others as before.",
            |text| PriceList::parse(text).map_err(|error| error.to_string()),
        );
        if base_url.is_some() || prices.is_some() {
            changed.push(ProviderSettings {
                name,
                base_url,
                prices,
            });
        }
    }
    changed
}

impl Danger {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            allow_private_upstreams: reader.read(
                "danger.allow_private_upstreams",
                "false",
                "Lets upstreams have private and loopback addresses and plain HTTP, for tests. \
                 Link-local and metadata addresses stay closed.",
            ),
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let text = "danger.allow_private_upstreams is on: keys may be sent to private addresses";
        self.allow_private_upstreams
            .then(|| text.to_owned())
            .into_iter()
            .collect()
    }
}

impl Value for Destination {
    const EXPECTED: &'static str =
        "`http://` or `https://` with a host and perhaps a path, such as `https://eu.example.org`";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
