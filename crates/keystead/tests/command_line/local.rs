//! Commands that need no server, on the machine where it runs: `config`, `init`, `db` and `doctor`.

use std::fs;

use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Keystead, Store, planted};

/// A misspelt setting is an error that names it; all mistakes are told at once.
#[tokio::test]
async fn a_wrong_configuration_ends_with_78_and_names_every_mistake() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let good = fs::read_to_string(ks.config()).unwrap();
    let bad = format!("{good}server.lisen = \"x\"\nlimits.default.token = \"often\"\n");
    fs::write(ks.config(), bad).unwrap();
    for command in [
        &["config", "check"][..],
        &["config", "show"],
        &["serve"],
        &["db", "status"],
    ] {
        let said = ks.local_command(command).run().await.expect(78);
        for name in ["server.lisen", "limits.default.token"] {
            assert!(said.stderr.contains(name), "{command:?}: {}", said.stderr);
        }
    }
    let json = ks
        .local_command(&["config", "check", "--json"])
        .run()
        .await
        .expect(78);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["ok"], json["problems"].as_array().map(Vec::len)),
        (&json!(false), Some(2))
    );
    fs::write(ks.config(), good).unwrap();

    let checked = ks
        .local_command(&["config", "check", "--json"])
        .run()
        .await
        .json();
    assert_eq!(checked["ok"], true);
    let warned = checked["warnings"].to_string();
    assert!(warned.contains("allow_private_upstreams"), "{warned}");
    // Settings of the environment need a double underscore; other names are nobody's.
    let status = ks
        .local_command(&["config", "check"])
        .env("KEYSTEAD_SERVER__LISEN", "x");
    assert!(status.run().await.expect(78).stderr.contains("LISEN"));
    let status = ks
        .local_command(&["config", "check"])
        .env("KEYSTEAD_SOMETHING", "x");
    status.run().await.expect(0);
}

/// Secrets in the settings are masked wherever settings are shown.
#[tokio::test]
async fn settings_are_shown_without_their_secrets() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let password = ks.place.plant("store_secret", planted::alphanumeric(24));
    let url = format!("postgres://me:{password}@127.0.0.1/x");
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "show", "--origin"],
    ] {
        let said = ks
            .local_command(arguments)
            .env("KEYSTEAD_STORE__URL", &url)
            .run()
            .await
            .expect(0);
        assert!(!said.stdout.contains(&password), "{arguments:?}");
    }
    // The store can't be reached: the error must not repeat the address whole.
    let said = ks
        .local_command(&["db", "status"])
        .env("KEYSTEAD_STORE__URL", &url)
        .run()
        .await;
    assert_ne!(said.code, 0);
    assert!(!said.stderr.contains(&password), "{}", said.stderr);
}

#[tokio::test]
async fn init_makes_one_account_and_gives_it_another_token_later() {
    let prepared = Keystead::prepare(Store::Sqlite);
    let place = prepared.place().clone();
    let ks = prepared.init().await;
    let email = place.plant("email", format!("second-{}@mail.example", planted::hex(16)));
    let init = || {
        ks.local_command(&["init", "--admin-email", &email, "--json"])
            .secret()
            .run()
    };
    let (first, again) = (init().await.json(), init().await.json());
    for (made, id, prefix) in [
        (&first, "account_id", "acc_"),
        (&first, "organization_id", "org_"),
    ] {
        assert!(text(made, id).starts_with(prefix), "{made}");
        assert_eq!(first[id], again[id]);
    }
    let tokens = [text(&first, "api_token"), text(&again, "api_token")];
    assert_ne!(tokens[0], tokens[1]);
    ks.start_again().await;
    for token in tokens {
        place.plant("api_token", &token);
        let list = ks
            .command(&["app", "list", "--json"])
            .env("KEYSTEAD_API_TOKEN", &token);
        list.run().await.json();
    }
    let said = ks
        .local_command(&["init", "--admin-email", "no address"])
        .run()
        .await;
    assert_eq!(said.code, 2);
}

#[tokio::test]
async fn init_says_where_the_root_key_is_and_to_keep_a_copy() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let folder = ks.place.path().join("elsewhere").display().to_string();
    let email = ks
        .place
        .plant("email", format!("third-{}@mail.example", planted::hex(16)));
    let init = async || {
        let arguments = ["init", "--admin-email", &email, "--data-dir", &folder];
        ks.command(&arguments).secret().run().await.expect(0).stdout
    };

    let first = init().await;
    let said = format!("made at {folder}/root.key. Keep a copy elsewhere");
    assert!(first.contains(&said), "it does not say `{said}`");
    assert!(!init().await.contains("made at"), "it made none");
}

#[tokio::test]
async fn doctor_and_db_say_how_things_are() {
    let ks = Keystead::start(Store::Sqlite).await;
    let status = ks
        .local_command(&["db", "status", "--json"])
        .run()
        .await
        .json();
    assert_eq!(status["state"], "current");
    let doctor = ks.local_command(&["doctor", "--json"]).run().await.json();
    assert_eq!(doctor["ok"], true, "{doctor}");
}
