//! From the configuration to what each part wants of it.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use keystead_providers::Prices;

use crate::{
    config::Config,
    net::{address::AddressRules, pool::PoolLimits},
    proxy::{Hosts, Places, Settings},
};

/// What the data plane wants to know.
pub(super) fn of_the_data_plane(config: &Config) -> Settings {
    Settings {
        hosts: Hosts::new(config.server.known_hosts()),
        public_url: config
            .server
            .public_url
            .join("")
            .trim_end_matches('/')
            .to_owned(),
        defaults: config.limits.default.clone(),
        held_bytes: config.limits.held_bytes,
        places: places(config),
        prices: prices(),
        body_idle_timeout_s: seconds(config.server.body_idle_timeout),
        first_byte_timeout_s: seconds(config.upstream.first_byte_timeout),
        idle_timeout_s: seconds(config.upstream.idle_timeout),
        retry_cap: config.upstream.retry_cap,
        pool: PoolLimits {
            idle: config.upstream.pool_idle_timeout,
            age: config.upstream.pool_max_age,
            ..PoolLimits::default()
        },
        max_staleness: config.store.max_staleness,
    }
}

/// Where the configuration says that providers are.
pub(super) fn places(config: &Config) -> Places {
    let base_urls = config
        .providers
        .iter()
        .map(|provider| (provider.name, provider.base_url.clone()));
    Places {
        base_urls: base_urls.collect(),
        any_host: config.danger.allow_private_upstreams,
    }
}

/// What each provider takes.
pub(super) fn prices() -> Arc<HashMap<&'static str, Prices>> {
    let prices = keystead_providers::ALL.iter().map(|provider| {
        let about = provider.about();
        (about.name, Prices::new(&about.prices, None))
    });
    Arc::new(prices.collect())
}

/// Which addresses may be connected to.
pub(super) fn address_rules(config: &Config) -> AddressRules {
    let own: Vec<SocketAddr> = vec![config.server.listen, config.management.listen];
    AddressRules {
        allow_private: config.danger.allow_private_upstreams,
        own,
    }
}

/// Whole seconds, at least one: the ticker counts in them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs().max(1)).unwrap_or(u32::MAX)
}
