//! From the configuration to what each part wants of it.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use keystead_providers::{ALL, Prices};

use crate::{
    config::Config,
    net::{Connector, address::AddressRules, pool::PoolLimits},
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
        console_origin: config.server.console_url.to_string(),
        defaults: config.limits.default.clone(),
        held_bytes: config.limits.held_bytes,
        places: places(config),
        prices: prices(config),
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
        .filter_map(|provider| Some((provider.name, provider.base_url.clone()?)));
    Places {
        base_urls: base_urls.collect(),
        any_host: config.danger.allow_private_upstreams,
    }
}

/// What each provider takes: by the configuration's own table, then by the built-in one.
fn prices(config: &Config) -> Arc<HashMap<&'static str, Prices>> {
    let prices = ALL.iter().map(|provider| {
        let about = provider.about();
        let own = config.provider(about.name);
        let own = own.and_then(|own| own.prices.clone());
        (about.name, Prices::new(&about.prices, own))
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

/// What connects to services that the configuration names: the Redis, the OpenID provider. They may be
/// anywhere that a service can be: their addresses are the operator's own word.
pub(crate) fn connector_of_the_operator(config: &Config) -> Connector {
    let rules = AddressRules {
        allow_private: true,
        ..address_rules(config)
    };
    Connector::new(rules, config.upstream.connect_timeout)
}

/// Whole seconds, at least one: the ticker counts in them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs().max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use keystead_providers::{Day, Usage};

    use super::*;
    use crate::config::{
        Sources, resolve,
        sources::{ConfigFile, Files},
    };

    #[test]
    fn a_table_of_ones_own_overrides_one_model_and_leaves_the_rest() {
        let table = "[[prices]]\nmodel = \"gpt-6-luna\"\ninput = \"7\"\noutput = \"70\"\n";
        let sources = Sources {
            file: Some(ConfigFile {
                path: "keystead.toml".into(),
                text: "[providers.openai]\nprices = \"own.toml\"".to_owned(),
            }),
            environment: [("HOME".to_owned(), "/nobody".to_owned())].into(),
            files: Files::Fixed([("own.toml".into(), table.to_owned())].into()),
            ..Sources::default()
        };
        let with = prices(&resolve(&sources).unwrap().config);
        let without = Sources {
            file: None,
            ..sources
        };
        let without = prices(&resolve(&without).unwrap().config);
        let usage = Usage {
            input_tokens: Some(1_000),
            output_tokens: Some(100),
            ..Usage::default()
        };
        let day = Day::new(2026, 11, 20).unwrap();
        let cost = |of: &HashMap<_, Prices>, provider, model| {
            of[provider].cost(Some(model), &usage, day).micro_usd
        };
        assert_eq!(cost(&with, "openai", "gpt-6-luna"), Some(7_000 + 7_000));
        assert_eq!(cost(&without, "openai", "gpt-6-luna"), Some(100 + 50));
        for (provider, model) in [
            ("openai", "gpt-6-astra"),
            ("anthropic", "claude-opus-5-5"),
            ("azure-openai", "gpt-6-luna"),
        ] {
            let (with, without) = (
                cost(&with, provider, model),
                cost(&without, provider, model),
            );
            assert_eq!(with, without, "{model}");
        }
        assert_eq!(with.len(), ALL.len());
    }
}
