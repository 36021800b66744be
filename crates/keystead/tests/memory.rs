//! What the memory of a running server holds: the root key as bytes alone, no passphrase, and a
//! provider's key opened for as long as it may be used and no longer.
//!
//! A few copies outlive that, in buffers of the HTTP library (ARCHITECTURE.md says which), so the
//! key's other spellings are looked for: they are made when it is opened, and lie nowhere else.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

use crate::harness::memory::Memory;
use crate::harness::{Keystead, Scene, Store, eventually, is_long, planted};

/// How long an opened key is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Wiping follows a change with the next call, or within a second.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn an_opened_key_is_wiped_when_it_may_be_used_no_more() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let memory = ks.start_in_sight().await;
    for what in ["disable", "rotate", "delete"] {
        let app = ks.app().await;
        let key = ks.key(&app, "openai").await;
        let addon = ks.addon(&app, &key, "chat").await;
        let token = ks.token(&app).await;
        let ask = || addon.ask("GET", "/v1/models", "openai", &token);
        assert_eq!(
            spelled(&memory, &key.secret),
            0,
            "{what}: sealed until it is used"
        );
        for _ in 0..5 {
            ks.client().send(ask()).await.expect(200);
        }
        assert!(spelled(&memory, &key.secret) > 0, "{what}: it is open");
        let while_open = memory.count(key.secret.as_bytes());
        assert!(
            while_open >= 2,
            "{what}: the key and its search: {while_open}"
        );

        let path = format!("/keys/{}", key.id);
        match what {
            "delete" => ks.manage("DELETE", &path, &Value::Null).await,
            "rotate" => {
                let new = ks.place.plant("provider_key", planted::key("openai"));
                ks.provider.openai().accept(&new);
                ks.manage("POST", &format!("{path}/rotate"), &json!({"key": new}))
                    .await
            }
            verb => {
                ks.manage("POST", &format!("{path}/{verb}"), &json!({}))
                    .await
            }
        };

        is_wiped(&memory, &key.secret, what).await;
        let left = memory.count(key.secret.as_bytes());
        assert!(
            left < while_open,
            "{what}: {left} copies of {while_open} are left"
        );
    }
}

#[tokio::test]
async fn an_opened_key_is_wiped_after_its_time() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let memory = ks.start_in_sight().await;
    let scene = Scene::within(ks, "openai").await;
    let key = &scene.key.secret;
    scene.client().send(scene.chat()).await.expect(200);
    assert!(spelled(&memory, key) > 0, "it is open");
    if is_long() {
        // Nobody calls, so nothing but the clock says that it is over.
        tokio::time::sleep(KEPT - SOON).await;
        assert!(spelled(&memory, key) > 0, "it was wiped too early");
        tokio::time::sleep(SOON).await;
        is_wiped(&memory, key, "a minute").await;
    }

    // A call opens it again, and so it is wiped again.
    scene.client().send(scene.chat()).await.expect(200);
    assert!(spelled(&memory, key) > 0, "it is open again");
    let path = format!("/keys/{}/disable", scene.key.id);
    scene.ks.manage("POST", &path, &json!({})).await;
    is_wiped(&memory, key, "disabled").await;
}

#[tokio::test]
async fn the_root_key_is_not_kept_as_it_stood_in_its_file() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let text = fs::read_to_string(ks.data_dir().join("root.key")).unwrap();
    let digits = text.trim();
    let pair = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..32).map(pair).collect();

    let memory = ks.start_in_sight().await;

    assert_eq!(memory.count(digits.as_bytes()), 0);
    // It is needed for as long as the process lives: in one place.
    assert_eq!(memory.count(&bytes), 1);
    // Nor does a crash write any of it down.
    let limits = fs::read_to_string(format!("/proc/{}/limits", ks.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{limits}");
}

#[tokio::test]
async fn a_passphrase_is_forgotten_once_the_root_key_is_made_of_it() {
    let (prepared, passphrase, file) = Keystead::prepare(Store::Sqlite).with_passphrase();
    let ks = prepared.init().await;

    let memory = ks.start_in_sight().await;

    assert_eq!(memory.count(passphrase.as_bytes()), 0);
    // The search finds what is there: the path of the file is in the settings.
    assert!(memory.count(file.display().to_string().as_bytes()) > 0);
    let scene = Scene::within(ks, "openai").await;
    scene.client().send(scene.chat()).await.expect(200);
    assert_eq!(memory.count(passphrase.as_bytes()), 0);
}

/// How often the key lies there as only an opened one does.
fn spelled(memory: &Memory, key: &str) -> usize {
    let encoded = STANDARD_NO_PAD.encode(key);
    // Its last character depends on what would follow.
    memory.count(&encoded.as_bytes()[..encoded.len() - 1])
}

async fn is_wiped(memory: &Memory, key: &str, what: &str) {
    let text = format!("the key is wiped: {what}");
    eventually(&text, SOON, async || spelled(memory, key) == 0).await;
}
