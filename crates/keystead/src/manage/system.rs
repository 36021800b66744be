//! How the installation is: what runs, where keys are kept, what is wrong.

use serde::Serialize;
use utoipa::ToSchema;

use std::collections::BTreeMap;

use super::{
    Manage, May, Problem,
    permission::right::SeeSystem,
    posture::{CheckView, Verdict, check},
};
use crate::{
    config::{Config, RootKeySource},
    store::StoreUrl,
};

/// What the configuration says of the installation; the same for as long as the process runs.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    root_key: &'static str,
    store: &'static str,
    public_url: String,
    console_url: String,
    ends_tls: bool,
    allows_private: bool,
    /// Whether what people and clients are told to use is over TLS, or this machine.
    is_private: bool,
    warnings: Vec<String>,
    /// The measures of hardening, and whether each holds in this process.
    hardening: BTreeMap<&'static str, bool>,
}

/// The installation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SystemView {
    /// The program's version.
    pub version: &'static str,
    /// `sqlite` or `postgresql`.
    pub store: &'static str,
    /// The schema that the store is at.
    pub schema: i64,
    /// Where the root key comes from: `file` or `passphrase`.
    pub root_key: &'static str,
    /// The address that clients know.
    pub public_url: String,
    /// The address of the console.
    pub console_url: String,
    /// Whether the program itself ends TLS on the public listener.
    pub ends_tls: bool,
    /// Settings that are allowed and worth a thought.
    pub warnings: Vec<String>,
    /// How many alerts of the whole installation nobody has acknowledged; `GET /alerts` has them.
    pub alerts: usize,
}

impl Setting {
    pub(super) fn of(config: &Config, hardening: BTreeMap<&'static str, bool>) -> Self {
        Self {
            hardening,
            root_key: match config.root_key {
                RootKeySource::File(_) => "file",
                RootKeySource::PassphraseFile(_) => "passphrase",
            },
            store: match config.store.url {
                StoreUrl::Sqlite(_) => "sqlite",
                StoreUrl::Postgres(_) => "postgresql",
            },
            public_url: config.server.public_url.to_string(),
            console_url: config.server.console_url.to_string(),
            ends_tls: config.server.tls.is_some(),
            allows_private: config.danger.allow_private_upstreams,
            is_private: [&config.server.public_url, &config.server.console_url]
                .iter()
                .all(|url| url.is_https() || is_loopback(&url.host())),
            warnings: config.warnings.clone(),
        }
    }
}

/// What of an installation's settings is weaker than it could be.
pub fn of_settings(config: &Config) -> Vec<CheckView> {
    Setting::of(config, BTreeMap::default()).of_settings()
}

impl Setting {
    /// What of the installation's set-up is weaker than it could be.
    pub(super) fn checks(&self) -> Vec<CheckView> {
        let mut checks = self.of_settings();
        checks.extend([self.of_warnings(), self.of_process()]);
        checks
    }

    fn of_settings(&self) -> Vec<CheckView> {
        vec![
            check(
                "danger",
                of(!self.allows_private, Verdict::Warning),
                "No danger.* setting is on",
                "Turn danger.allow_private_upstreams off where nobody needs it.",
                Vec::new(),
            ),
            check(
                "plain_http",
                of(self.is_private, Verdict::Bad),
                "Nothing crosses a network without TLS",
                "Put TLS before the server, and set its addresses with https://.",
                Vec::new(),
            ),
            check(
                "root_key_apart",
                of(self.root_key == "passphrase", Verdict::Warning),
                "The root key does not lie on this machine as it is used",
                "Use a passphrase, or keep the file and its copies apart from the store's.",
                Vec::new(),
            ),
        ]
    }

    fn of_warnings(&self) -> CheckView {
        check(
            "settings",
            of(self.warnings.is_empty(), Verdict::Warning),
            "No setting is worth a warning",
            "The system page has them.",
            Vec::new(),
        )
    }

    fn of_process(&self) -> CheckView {
        let missing = self.hardening.iter().filter(|(_, holds)| !**holds);
        let missing: Vec<_> = missing.map(|(measure, _)| (*measure).to_owned()).collect();
        let holds = missing.is_empty() && !self.hardening.is_empty();
        check(
            "hardening",
            of(holds, Verdict::Warning),
            "The process gave up what serving does not need",
            "Run keystead doctor there: it says what the machine lacks.",
            missing,
        )
    }
}

fn of(is_well: bool, otherwise: Verdict) -> Verdict {
    match is_well {
        true => Verdict::Good,
        false => otherwise,
    }
}

/// The installation as it is now.
pub async fn show(manage: &Manage, _: &May<SeeSystem>) -> Result<SystemView, Problem> {
    let (setting, store) = (&manage.0.setting, manage.store());
    Ok(SystemView {
        version: env!("CARGO_PKG_VERSION"),
        store: setting.store,
        schema: store.schema_version(),
        root_key: setting.root_key,
        public_url: setting.public_url.clone(),
        console_url: setting.console_url.clone(),
        ends_tls: setting.ends_tls,
        warnings: setting.warnings.clone(),
        alerts: {
            let all = store.alerts().await?.into_iter();
            let open = all.filter(|one| one.acknowledged_at.is_none());
            open.filter(|one| one.organization.is_none()).count()
        },
    })
}

/// Whether a host is this machine, by any of its names.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address: Result<std::net::IpAddr, _> = bare.parse();
    address.is_ok_and(|address| address.is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, resolve, sources::ConfigFile};

    fn verdict(file: &str, hardening: &[(&'static str, bool)], name: &str) -> Verdict {
        let sources = Sources {
            file: Some(ConfigFile {
                path: "keystead.toml".into(),
                text: file.to_owned(),
            }),
            environment: [("HOME".to_owned(), "/nobody".to_owned())].into(),
            ..Sources::default()
        };
        let config = resolve(&sources).unwrap().config;
        let setting = Setting::of(&config, hardening.iter().copied().collect());
        let checks = setting.checks();
        checks
            .iter()
            .find(|check| check.name == name)
            .unwrap()
            .state
    }

    #[test]
    fn each_setting_that_gives_something_away_is_told() {
        use Verdict::{Bad, Good, Warning};
        for (name, file, expected) in [
            ("danger", "", Good),
            ("danger", "danger.allow_private_upstreams = true", Warning),
            ("plain_http", "", Good),
            (
                "plain_http",
                "server.public_url = \"http://keys.localhost:8420\"",
                Good,
            ),
            (
                "plain_http",
                "server.public_url = \"https://keys.example\"",
                Good,
            ),
            (
                "plain_http",
                "server.public_url = \"http://keys.example\"",
                Bad,
            ),
            (
                "plain_http",
                "server.public_url = \"https://keys.example\"\n\
                 server.console_url = \"http://console.example\"",
                Bad,
            ),
            ("root_key_apart", "", Warning),
            (
                "root_key_apart",
                "root_key.passphrase_file = \"/dev/tty\"",
                Good,
            ),
            ("settings", "", Good),
            ("settings", "server.listen = \"0.0.0.0:8420\"", Warning),
        ] {
            assert_eq!(verdict(file, &[], name), expected, "{name}: {file}");
        }
    }

    #[test]
    fn a_process_that_gave_up_less_is_told() {
        for (hardening, expected) in [
            (&[("calls", true), ("files", true)][..], Verdict::Good),
            (&[("calls", true), ("files", false)], Verdict::Warning),
            (&[], Verdict::Warning),
        ] {
            assert_eq!(verdict("", hardening, "hardening"), expected);
        }
    }
}
