//! The command line, told as transcripts: what each command prints with `--json`, and how it ends.

mod local;

use std::time::Duration;

use serde_json::json;

use crate::harness::setup::text;
use crate::harness::{Keystead, Scene, Store, eventually, on_each_store, planted};

on_each_store!(the_main_job_by_hand);

/// Every step of the README, typed by a person: from `init` to a call and back.
async fn the_main_job_by_hand(store: Store) {
    let ks = Keystead::start(store).await;

    let app = ks.command(&[
        "app",
        "create",
        "--name",
        "Shop",
        "--origin",
        "https://shop.example",
        "--json",
    ]);
    let app = app.secret().run().await.json();
    let (app_id, client_id) = (text(&app, "application_id"), text(&app, "client_id"));
    let client_secret = ks.place.plant("client_secret", text(&app, "client_secret"));
    assert!(
        app_id.starts_with("app_") && client_id.starts_with("cl_"),
        "{app_id} {client_id}"
    );
    assert!(client_secret.starts_with("ksc1_"));

    let secret = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&secret);
    let add = [
        "key",
        "add",
        "--app",
        &app_id,
        "--provider",
        "openai",
        "--name",
        "main",
        "--json",
    ];
    let key = ks.command(&add).input(&secret).run().await.json();
    let key_id = text(&key, "key_id");
    assert_eq!(key["provider"], "openai");
    assert_eq!(key["last4"], secret[secret.len() - 4..]);
    assert_eq!(key["status"], "valid");

    let install = [
        "addon",
        "install",
        "--app",
        &app_id,
        "--handle",
        "chat",
        "--type",
        "text",
        "--key",
        &key_id,
        "--model",
        "gpt-6-luna",
        "--operations",
        "chat.completions,models",
        "--allow",
        "store",
        "--json",
    ];
    let addon = ks.command(&install).run().await.json();
    assert_eq!(addon["handle"], "chat");
    let base_url = text(&addon, "base_url");
    assert!(
        base_url.ends_with(&format!("/proxy/{client_id}/chat/v1")),
        "{base_url}"
    );

    let uid = ks.uid();
    let mint = [
        "token",
        "mint",
        "--client-id",
        &client_id,
        "--uid",
        &uid,
        "--addon",
        "chat",
        "--ttl",
        "60",
        "--json",
    ];
    let minted = ks
        .command(&mint)
        .input(&client_secret)
        .secret()
        .run()
        .await
        .json();
    let token = ks
        .place
        .plant("access_token", text(&minted, "access_token"));
    assert_eq!(minted["expires_in"], 60);
    assert!(
        token.starts_with("kst1_") && token.len() == 57,
        "{} characters",
        token.len()
    );

    let (_, path) = base_url.split_once("/proxy/").unwrap();
    let call = async || {
        let body = json!({"model": "gpt-6-luna", "messages": [
            {"role": "user", "content": ks.prompt()}]});
        let ask = crate::harness::Ask::post(format!("/proxy/{path}/chat/completions"));
        ks.client().send(ask.bearer(&token).json(&body)).await
    };
    call().await.expect(200);

    let new = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&new);
    let rotated = ks
        .command(&["key", "rotate", &key_id, "--json"])
        .input(&new)
        .run()
        .await
        .json();
    assert_eq!(
        (&rotated["key_id"], &rotated["last4"]),
        (&key["key_id"], &json!(new[new.len() - 4..]))
    );
    call().await.expect(200);
    let last = ks.provider.openai().last("POST /v1/chat/completions");
    assert_eq!(last.key(), Some(new));

    let listed = ks
        .command(&["key", "list", "--app", &app_id, "--json"])
        .run()
        .await
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let listed = ks.command(&["addon", "list", "--json"]).run().await.json();
    assert_eq!(listed[0]["addon_id"], addon["addon_id"]);

    let revoke = ["token", "revoke", "--client-id", &client_id, "--json"];
    ks.command(&revoke)
        .input(&format!("{client_secret}\n{token}\n"))
        .run()
        .await
        .json();
    call().await.refused(401, "unauthenticated");

    let log = ks.command(&["audit", "list", "--json"]).run().await.json();
    let actions: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["action"].as_str())
        .collect();
    for part in ["application", "key", "addon"] {
        assert!(
            actions.iter().any(|action| action.contains(part)),
            "{part} in {actions:?}"
        );
    }
    // The ledger is written behind the calls.
    eventually("the calls are told", Duration::from_secs(5), async || {
        let usage = ks.command(&["usage", "--json"]).run().await.json();
        usage.as_array().is_some_and(|rows| !rows.is_empty())
    })
    .await;
    let verified = ks
        .local_command(&["audit", "verify", "--json"])
        .run()
        .await
        .json();
    assert_eq!(verified["ok"], true, "{verified}");
}

#[tokio::test]
async fn keys_are_checked_disabled_enabled_and_deleted() {
    let scene = Scene::with("openai").await;
    let run = |verb: &'static str| {
        scene
            .ks
            .command(&["key", verb, &scene.key.id, "--json"])
            .run()
    };

    assert_eq!(run("check").await.json()["status"], "valid");
    assert_eq!(run("disable").await.json()["disabled"], true);
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(403, "key_disabled");
    assert_eq!(run("enable").await.json()["disabled"], false);
    scene.client().send(scene.chat()).await.expect(200);

    scene.ks.provider.openai().withdraw(&scene.key.secret);
    assert_eq!(run("check").await.json()["status"], "wrong");

    run("delete").await.json();
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(403, "key_disabled");
    let gone = run("check").await.failure(1);
    assert_eq!(gone["code"], "not_found");
}

#[tokio::test]
async fn addons_are_updated_disabled_enabled_and_removed() {
    let scene = Scene::with("openai").await;
    let id = &scene.addon.id;
    let update = [
        "addon",
        "update",
        id,
        "--model",
        "gpt-6-sol",
        "--strict",
        "true",
        "--json",
    ];
    let updated = scene.ks.command(&update).run().await.json();
    assert_eq!(
        (&updated["models"], &updated["strict"]),
        (&json!(["gpt-6-sol"]), &json!(true))
    );
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(403, "model_not_allowed");
    let update = [
        "addon", "update", id, "--model", "any", "--strict", "false", "--json",
    ];
    assert_eq!(
        scene.ks.command(&update).run().await.json()["models"],
        json!([])
    );
    scene.client().send(scene.chat()).await.expect(200);

    let disabled = scene
        .ks
        .command(&["addon", "disable", id, "--json"])
        .run()
        .await
        .json();
    assert_eq!(disabled["disabled"], true);
    let enabled = scene
        .ks
        .command(&["addon", "enable", id, "--json"])
        .run()
        .await
        .json();
    assert_eq!(enabled["disabled"], false);
    scene
        .ks
        .command(&["addon", "remove", id, "--json"])
        .run()
        .await
        .json();
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(401, "unauthenticated");
}

/// A key that the provider refuses is not stored; one that can't be checked is, and that is said.
#[tokio::test]
async fn a_key_is_checked_when_it_is_entered() {
    let ks = Keystead::start(Store::Sqlite).await;
    let app = ks.app().await;
    let add = |more: &[&str]| {
        let base = [
            "key",
            "add",
            "--app",
            &app.id,
            "--provider",
            "openai",
            "--name",
            "n",
            "--json",
        ];
        ks.command(&[&base, more].concat())
    };
    let unknown = ks.place.plant("provider_key", planted::key("openai"));
    let refused = add(&[]).input(&unknown).run().await.failure(1);
    assert_eq!(refused["code"], "key_refused");
    assert_eq!(
        ks.command(&["key", "list", "--json"]).run().await.json(),
        json!([])
    );

    let skipped = add(&["--skip-check"]).input(&unknown).run().await.json();
    assert_eq!(skipped["status"], "unchecked");

    for wrong in [
        "sk-admin-0123456789abcdef",
        "sk-ant-api03-0123456789abcdef",
        "ek_0123456789abcdef",
        "short",
    ] {
        let refused = add(&["--skip-check"]).input(wrong).run().await;
        assert!(matches!(refused.code, 1 | 2), "{wrong}");
        assert!(!refused.stderr.contains(wrong), "{}", refused.stderr);
    }
}

/// What is typed wrongly ends with 2 and touches nothing; what is refused ends with 1.
#[tokio::test]
async fn exit_codes_tell_misuse_from_failure() {
    let ks = Keystead::start(Store::Sqlite).await;
    for (arguments, code) in [
        (&["--version"][..], 0),
        (&["--help"], 0),
        (&[], 2),
        (&["nonsense"], 2),
        (&["key"], 2),
        (&["key", "add"], 2),
        (&["app", "create"], 2),
        (&["app", "create", "--name", "x", "--public"], 2),
        (&["token", "mint", "--client-id", "x"], 2),
        (
            &[
                "key",
                "add",
                "--app",
                "a",
                "--provider",
                "openai",
                "--name",
                "n",
                "--key",
                "sk-1",
            ],
            2,
        ),
        (
            &[
                "key",
                "list",
                "--json",
                "--app",
                "app_00000000000000000000000000000000",
            ],
            0,
        ),
        (&["key", "check", "key_00000000000000000000000000000000"], 1),
        (&["key", "check", "nonsense"], 1),
        (&["addon", "disable", "../keys"], 1),
    ] {
        let said = ks.command(arguments).run().await;
        assert_eq!(
            said.code, code,
            "{arguments:?}: {}{}",
            said.stdout, said.stderr
        );
        if code != 0 {
            assert!(
                said.stdout.is_empty(),
                "{arguments:?} prints {}",
                said.stdout
            );
            assert!(!said.stderr.is_empty(), "{arguments:?} says nothing");
        }
    }
    let nobody = ks
        .command(&["key", "list", "--json"])
        .env("KEYSTEAD_URL", "http://127.0.0.1:9");
    assert_eq!(nobody.run().await.failure(1)["code"], "unreachable");
    let stranger = ks
        .command(&["key", "list", "--json"])
        .env("KEYSTEAD_API_TOKEN", "ksa1_x");
    assert_eq!(stranger.run().await.failure(1)["code"], "unauthenticated");
    let without = ks
        .command(&["key", "list", "--json"])
        .env("KEYSTEAD_API_TOKEN", "");
    assert_eq!(without.run().await.code, 2);
}
