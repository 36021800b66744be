//! What people do on the pages, from the first link to the last sign-out.

use std::time::Duration;

use serde_json::{Value, json};

use super::script;
use crate::harness::setup::text;
use crate::harness::{Keystead, Store, eventually, on_each_store, planted};

on_each_store!(
    the_first_account_is_made_by_a_link,
    a_key_is_entered_used_rotated_and_deleted,
);

async fn the_first_account_is_made_by_a_link(store: Store) {
    play(store, "first_account.mjs").await;
}

async fn a_key_is_entered_used_rotated_and_deleted(store: Store) {
    let (ks, facts) = play(store, "work.mjs").await;
    let asked = ks.provider.openai().asked("POST /v1/chat/completions");
    let keys: Vec<_> = asked.iter().map(|exchange| exchange.key()).collect();
    // What was refused, because the AddOn or the key was off, never came here.
    let entered = |name: &str| facts[name].as_str().map(ToOwned::to_owned);
    let expected = ["key", "next_key", "next_key"].map(entered);
    assert_eq!(keys, expected);
    for exchange in asked {
        let prompt = facts["prompt"].as_str().unwrap();
        assert!(exchange.text().contains(prompt));
    }
}

#[tokio::test]
async fn keys_and_addons_are_managed_without_scripts() {
    play_without_scripts("work.mjs").await;
}

#[tokio::test]
async fn the_first_account_is_made_without_scripts() {
    play_without_scripts("first_account.mjs").await;
}

#[tokio::test]
async fn a_password_signs_in_and_a_wrong_one_tells_nothing() {
    play(Store::Sqlite, "password.mjs").await;
    play_without_scripts("password.mjs").await;
}

#[tokio::test]
async fn a_password_is_followed_by_a_code() {
    play(Store::Sqlite, "one_time_codes.mjs").await;
    play_without_scripts("one_time_codes.mjs").await;
}

#[tokio::test]
async fn one_browser_signs_the_others_out() {
    play(Store::Sqlite, "sessions.mjs").await;
    play_without_scripts("sessions.mjs").await;
}

#[tokio::test]
async fn a_passkey_signs_in() {
    play(Store::Sqlite, "passkey.mjs").await;
}

#[tokio::test]
async fn someone_is_invited_and_comes_in() {
    play(Store::Sqlite, "invitation.mjs").await;
    play_without_scripts("invitation.mjs").await;
}

async fn play(store: Store, script: &str) -> (Keystead, Value) {
    play_with(store, script, true).await
}

async fn play_without_scripts(script: &str) {
    play_with(Store::Sqlite, script, false).await;
}

/// Plays a script on a server that nobody has an account on; the server, and what the script knew.
async fn play_with(store: Store, script: &str, scripts: bool) -> (Keystead, Value) {
    let (ks, link) = new_server(store).await;
    let mut facts = json!({"link": link, "prompt": ks.prompt(), "scripts": scripts});
    for person in ["owner", "other", "third"] {
        let email = format!("canary-{person}-{}@mail.example", planted::hex(16));
        let email = ks.place.plant("email", email);
        let password = ks.place.plant("password", planted::alphanumeric(24));
        facts[person] = json!({"email": email, "password": password});
    }
    for key in ["key", "next_key", "unknown_key"] {
        let secret = ks.place.plant("provider_key", planted::key("openai"));
        if key != "unknown_key" {
            ks.provider.openai().accept(&secret);
        }
        facts[key] = json!(secret);
    }
    script::run(&ks, script, facts.clone()).await;
    (ks, facts)
}

/// A server that nobody has an account on, and the link that its start printed.
pub(super) async fn new_server(store: Store) -> (Keystead, String) {
    let prepared = Keystead::prepare(store).without_account();
    // Where the link is printed, for whoever started it and nobody else.
    prepared.place().allow("stdout");
    let ks = prepared.start().await;
    let printed = || ks.place.read("stdout");
    let patience = Duration::from_secs(10);
    eventually("the link is printed", patience, async || {
        printed().ends_with('\n')
    })
    .await;
    let said: Value = serde_json::from_str(&printed()).expect("one line of JSON");
    let link = text(&said, "set_up");
    let (_, token) = link.split_once('#').expect("the token is in the fragment");
    ks.place.plant("set_up_link", token);
    (ks, link)
}
