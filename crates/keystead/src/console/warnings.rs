//! What is set up so that someone should think again.

use crate::{config::Config, manage::is_loopback};

/// One of them, in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Warning {
    /// What is so.
    pub(super) title: String,
    /// What follows, and what to do.
    pub(super) text: String,
}

impl Warning {
    pub(super) fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
        }
    }
}

/// What the settings of this server have of it.
pub(super) fn of_settings(config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if config.danger.allow_private_upstreams {
        warnings.push(Warning::new(
            "Providers may have private addresses",
            "danger.allow_private_upstreams is on: whoever may enter a key can make this server \
             call machines of its own network. Turn it off where nobody needs it.",
        ));
    }
    for (name, url) in [
        ("server.public_url", &config.server.public_url),
        ("server.console_url", &config.server.console_url),
    ] {
        if !url.is_https() && !is_loopback(&url.host()) {
            warnings.push(Warning::new(
                "Plain HTTP from other machines",
                format!(
                    "{name} is {url}: tokens, and what people type here, cross the network for \
                     all to read. Put TLS before it, and set the address with https://."
                ),
            ));
        }
    }
    warnings.dedup_by(|second, first| second.title == first.title);
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_any_of_its_names() {
        for host in [
            "localhost",
            "keys.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "10.0.0.1",
            "[2001:db8::1]",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
