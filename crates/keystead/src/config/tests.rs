use std::{collections::BTreeMap, num::NonZeroU16, path::PathBuf, time::Duration};

use super::{sources::ConfigFile, *};
use crate::store::StoreUrl;

fn sources(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let mut environment = map(environment);
    environment.insert("HOME".into(), "/home/ada".into());
    let file = ConfigFile {
        path: "keystead.toml".into(),
        text: file.to_owned(),
    };
    Sources {
        file: Some(file),
        environment,
        flags: map(flags),
        ..Sources::default()
    }
}

fn config(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Config {
    resolve(&sources(file, environment, flags))
        .expect("the test's configuration is valid")
        .config
}

fn problems(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Vec<String> {
    let error = resolve(&sources(file, environment, flags)).expect_err("it must be refused");
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_the_contract() {
    let config = config("", &[], &[]);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(
        config.server.public_url.to_string(),
        "http://localhost:8420"
    );
    assert_eq!(config.management.listen.to_string(), "127.0.0.1:8421");
    assert_eq!(
        config.data_dir,
        PathBuf::from("/home/ada/.local/share/keystead")
    );
    assert_eq!(
        config.root_key,
        RootKeySource::File(config.data_dir.join("root.key"))
    );
    assert_eq!(
        config.store.url,
        StoreUrl::Sqlite(config.data_dir.join("db/keystead.db"))
    );
    assert_eq!(config.store.max_staleness, Duration::from_secs(5));
    assert_eq!(config.limits.held_bytes, 256 << 20);
    assert_eq!(config.retention.usage.map(NonZeroU16::get), Some(400));
    let default = &config.limits.default;
    assert_eq!(default.key_concurrency.rule, Some(200));
    for (preset, rate) in [
        (&default.token, "50/s burst 100"),
        (&default.subject, "50/s burst 100"),
        (&default.addon, "500/s burst 1000"),
        (&default.application, "500/s burst 1000"),
        (&default.key, "500/s burst 1000"),
        (&default.address, "500/s burst 1000"),
    ] {
        assert_eq!(preset.rule, rate.parse().ok(), "{rate}");
        assert!(!preset.is_configured);
    }
    assert!(!config.danger.allow_private_upstreams && config.warnings.is_empty());
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    const FILE: &str = "[management]\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"error\"";
    let file = [
        ("KEYSTEAD_MANAGEMENT__LISTEN", "127.0.0.1:2"),
        ("KEYSTEAD_LOG__LEVEL", "debug"),
    ];
    let flags = [("management.listen", "127.0.0.1:3")];
    let resolved = resolve(&sources(FILE, &file, &flags)).unwrap();
    assert_eq!(resolved.config.management.listen.port(), 3);
    assert_eq!(resolved.config.log.level, LogLevel::Debug);
    let of = |name| {
        resolved
            .settings
            .iter()
            .find(|setting| setting.name == name)
            .unwrap()
    };
    assert_eq!(of("management.listen").origin, Origin::Flag);
    assert_eq!(
        of("log.level").origin.to_string(),
        "environment KEYSTEAD_LOG__LEVEL"
    );
    assert_eq!(of("log.format").origin, Origin::Default);
    assert_eq!(config(FILE, &[], &[]).management.listen.port(), 1);
}

#[test]
fn unknown_names_are_errors_wherever_they_stand() {
    let found = problems(
        "[server]\nlistne = \"127.0.0.1:1\"\n[colour]\nred = 1",
        &[
            ("KEYSTEAD_SERVER__HOTS", "a.example"),
            ("KEYSTEAD_URL", "http://localhost:1"),
        ],
        &[("log.levl", "info")],
    );
    assert_eq!(
        found,
        [
            "`log.levl`: no such setting; did you mean `log.level`? (command line)",
            "`server.hots`: no such setting; did you mean `server.hosts`? \
             (environment KEYSTEAD_SERVER__HOTS)",
            "`colour.red`: no such setting; `keystead config example` lists all (keystead.toml:4)",
            "`server.listne`: no such setting; did you mean `server.listen`? (keystead.toml:2)",
        ]
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let found = problems(
        "[server]\nlisten = 8420\ntls_key_file = \"k.pem\"\n[limits.default]\ntoken = \"fast\"",
        &[
            ("KEYSTEAD_STORE__URL", "mysql://root:hunter2@db"),
            ("KEYSTEAD_LOG__FORMAT", "xml"),
        ],
        &[],
    );
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[0].starts_with("`server.listen`: `8420` does not fit: expected an address"));
    assert!(
        found
            .iter()
            .any(|text| text.contains("needs `server.tls_cert_file` as well"))
    );
    assert!(
        !found.concat().contains("hunter2"),
        "a secret is never repeated"
    );
}

#[test]
fn a_file_that_is_no_toml_is_named_with_its_line() {
    let found = problems("[server]\nlisten = \n", &[], &[]);
    assert!(found[0].ends_with("(keystead.toml:2)"), "{found:?}");
    let found = problems("[server]\nlisten = 1.5", &[], &[]);
    assert_eq!(
        found[0],
        "`server.listen`: no setting takes a float (keystead.toml:2)"
    );
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_shown() {
    let mut sources = sources("", &[("KEYSTEAD_STORE__URL_FILE", "/run/url")], &[]);
    let url = "postgres://keystead:hunter2@db/keystead";
    let files = [(PathBuf::from("/run/url"), format!("{url}\n"))].into();
    sources.files = sources::Files::Fixed(files);
    let resolved = resolve(&sources).unwrap();
    assert_eq!(resolved.config.store.url, StoreUrl::Postgres(url.into()));
    let shown = render(&resolved.settings, true);
    assert!(shown.contains("store.url = \"********\"  # environment KEYSTEAD_STORE__URL_FILE"));
    assert!(!format!("{resolved:?}{shown}").contains("hunter2"));

    sources
        .environment
        .insert("KEYSTEAD_STORE__URL".into(), url.into());
    let refused = resolve(&sources).unwrap_err().to_string();
    assert!(refused.contains("is given here and by a file"), "{refused}");

    sources.environment.remove("KEYSTEAD_STORE__URL");
    sources.files = sources::Files::Fixed(BTreeMap::new());
    let refused = resolve(&sources).unwrap_err().to_string();
    assert!(refused.contains("could not read `/run/url`"), "{refused}");
}

#[test]
fn the_root_key_comes_from_one_place() {
    let passphrase = config("[root_key]\npassphrase_file = \"/run/pass\"", &[], &[]);
    assert_eq!(
        passphrase.root_key,
        RootKeySource::PassphraseFile("/run/pass".into())
    );
    let both = "[root_key]\nfile = \"/a\"\npassphrase_file = \"/b\"";
    assert!(problems(both, &[], &[])[0].contains("excludes `root_key.file`"));
}

#[test]
fn the_public_address_follows_the_port_and_tls() {
    let config = config(
        "[server]\nlisten = \"127.0.0.1:9000\"\nhosts = [\"AI.example.org\"]\n\
         tls_cert_file = \"c.pem\"\ntls_key_file = \"k.pem\"\n",
        &[(
            "KEYSTEAD_SERVER__CONSOLE_URL",
            "https://console.example.org",
        )],
        &[],
    );
    assert_eq!(
        config.server.public_url.join("/x"),
        "https://localhost:9000/x"
    );
    assert_eq!(config.server.connect_url, config.server.public_url);
    let hosts = config.server.known_hosts();
    assert_eq!(
        hosts,
        ["ai.example.org", "console.example.org", "localhost"]
    );
}

#[test]
fn providers_are_set_by_name_in_file_and_environment() {
    for provider in keystead_providers::ALL {
        let name = provider.about().name;
        let in_file = config(
            &format!("[providers.{name}]\nbase_url = \"http://127.0.0.1:4000/up\""),
            &[],
            &[("danger.allow_private_upstreams", "true")],
        );
        let base_url = |config: &Config| config.provider(name).unwrap().base_url.clone().unwrap();
        assert_eq!(base_url(&in_file).prefix, "/up");
        assert_eq!(
            (in_file.providers.len(), in_file.warnings.len()),
            (1, 1),
            "danger warns"
        );
        let variable = name.to_uppercase().replace('-', "_");
        let variable = format!("KEYSTEAD_PROVIDERS__{variable}__BASE_URL");
        let in_environment = config("", &[(&variable, "http://127.0.0.1:4001")], &[]);
        assert_eq!(base_url(&in_environment).port, 4_001);
    }
    let unknown = problems(
        "[providers.opnai]\nbase_url = \"https://a.example\"",
        &[],
        &[],
    );
    assert!(
        unknown[0].contains("did you mean `providers.openai.base_url`?"),
        "{unknown:?}"
    );
}

#[test]
fn prices_of_ones_own_come_from_a_file() {
    let path = "/etc/keystead/openai.toml";
    let file = format!("[providers.openai]\nprices = \"{path}\"");
    let with = |table: Option<&str>| {
        let mut sources = sources(&file, &[], &[]);
        let table = table.map(|text| (PathBuf::from(path), text.to_owned()));
        sources.files = sources::Files::Fixed(table.into_iter().collect());
        sources
    };
    let table = "[[prices]]\nmodel = \"gpt-6-luna\"\ninput = \"0.09\"\noutput = \"0.45\"\n";
    let resolved = resolve(&with(Some(table))).unwrap();
    let openai = resolved.config.provider("openai").unwrap();
    assert_eq!(openai.prices.as_ref().unwrap().rows().len(), 1);
    assert!(openai.base_url.is_none());
    let shown = render(&resolved.settings, true);
    let line = format!("providers.openai.prices = \"{path}\"  # keystead.toml:2");
    assert!(shown.contains(&line), "{shown}");

    let wrong = table.replace("output", "ouput");
    let refused = |table| resolve(&with(table)).unwrap_err().problems[0].to_string();
    let said = refused(Some(wrong.as_str()));
    assert!(
        said.starts_with(
            "`providers.openai.prices`: `/etc/keystead/openai.toml`, line 4: unknown field `ouput`"
        ),
        "{said}"
    );
    assert!(said.ends_with("(keystead.toml:2)"), "{said}");
    let said = refused(None);
    assert!(
        said.contains("could not read `/etc/keystead/openai.toml`"),
        "{said}"
    );
}

#[test]
fn without_a_home_the_data_folder_must_be_named() {
    let refused = resolve(&Sources::default()).unwrap_err().to_string();
    assert!(refused.contains("give `--data-dir`"), "{refused}");
    let flags = [("server.data_dir".to_owned(), "/data".to_owned())].into();
    let config = resolve(&Sources {
        flags,
        ..Sources::default()
    })
    .unwrap()
    .config;
    assert_eq!(config.data_dir, PathBuf::from("/data"));
}

#[test]
fn the_example_names_every_setting_and_its_values_are_valid() {
    let resolved = resolve(&sources("", &[], &[])).unwrap();
    let example = example();
    let filled: String = example
        .lines()
        .filter(|line| !line.ends_with(" ="))
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or(line)
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let again = resolve(&sources(&filled, &[], &[])).expect("the example is valid TOML");
    for (before, after) in resolved.settings.iter().zip(&again.settings) {
        assert_eq!(before.value, after.value, "{}", before.name);
        let key = before.name.rsplit('.').next().unwrap();
        assert!(
            example
                .lines()
                .any(|line| line.starts_with(&format!("#{key} ="))),
            "{key}"
        );
    }
}

#[test]
fn the_redis_of_shared_limits_is_a_secret_that_may_come_from_a_file() {
    let url = "rediss://keystead:hunter2@cache.example/2";
    let file = format!("[limits]\nshared_url = \"{url}\"");
    let mut of_file = sources("", &[("KEYSTEAD_LIMITS__SHARED_URL_FILE", "/run/url")], &[]);
    let files = [(PathBuf::from("/run/url"), format!("{url}\n"))].into();
    of_file.files = sources::Files::Fixed(files);
    for sources in [sources(&file, &[], &[]), of_file] {
        let resolved = resolve(&sources).unwrap();
        let shared = resolved.config.limits.shared_url.as_ref().unwrap();
        assert_eq!(shared.to_string(), "rediss://cache.example:6379/2");
        let shown = render(&resolved.settings, true);
        assert!(shown.contains("shared_url = \"********\""), "{shown}");
        assert!(!format!("{resolved:?}{shown}").contains("hunter2"));
    }

    let wrong = "[limits]\nshared_url = \"http://:hunter2@cache\"";
    assert_eq!(
        problems(wrong, &[], &[]),
        [
            "`limits.shared_url`: expected a Redis's address such as `redis://HOST:6379`, or \
             `rediss://HOST:6379` for TLS (keystead.toml:2)"
        ]
    );
}
