//! From the configuration to what each part wants of it.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use crate::{
    config::{Config, RateLimit},
    net::{address::AddressRules, pool::PoolLimits},
    proxy::{Hosts, Places, Rule, Rules, Settings},
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
        rules: rules(config),
        held_bytes: config.limits.held_bytes,
        places: places(config),
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

/// Which addresses may be connected to.
pub(super) fn address_rules(config: &Config) -> AddressRules {
    let own: Vec<SocketAddr> = vec![config.server.listen, config.management.listen];
    AddressRules {
        allow_private: config.danger.allow_private_upstreams,
        own,
    }
}

fn rules(config: &Config) -> Rules {
    let limits = &config.limits;
    Rules {
        token: rule(&limits.token),
        subject: rule(&limits.subject),
        addon: rule(&limits.addon),
        application: rule(&limits.application),
        key: rule(&limits.key),
        address: rule(&limits.address),
        key_concurrency: limits.key_concurrency.map(NonZeroU32::get),
    }
}

fn rule(limit: &RateLimit) -> Option<Rule> {
    match limit {
        RateLimit::Lift => None,
        RateLimit::Hold(rate) => Some(Rule::new(rate.count.get(), rate.period, rate.burst.get())),
    }
}

/// Whole seconds, at least one: the ticker counts in them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs().max(1)).unwrap_or(u32::MAX)
}
