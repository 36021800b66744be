//! What people do on the pages, from the first link to the last sign-out.

use std::time::Duration;

use serde_json::{Value, json};

use super::script;
use crate::harness::setup::text;
use crate::harness::{Keystead, Store, eventually, on_each_store, planted};

on_each_store!(the_first_account_is_made_by_a_link);

async fn the_first_account_is_made_by_a_link(store: Store) {
    play(store, "first_account.mjs").await;
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
}

#[tokio::test]
async fn a_passkey_signs_in() {
    play(Store::Sqlite, "passkey.mjs").await;
}

async fn play(store: Store, script: &str) {
    play_with(store, script, true).await;
}

async fn play_without_scripts(script: &str) {
    play_with(Store::Sqlite, script, false).await;
}

/// Plays a script on a server that nobody has an account on.
async fn play_with(store: Store, script: &str, scripts: bool) {
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
    let mut facts = json!({"link": link, "scripts": scripts});
    for person in ["owner", "other", "third"] {
        let email = format!("canary-{person}-{}@mail.example", planted::hex(16));
        let email = ks.place.plant("email", email);
        let password = ks.place.plant("password", planted::alphanumeric(24));
        facts[person] = json!({"email": email, "password": password});
    }
    script::run(&ks, script, facts).await;
}
