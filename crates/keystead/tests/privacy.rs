//! What is known about somebody is theirs to take away and to have erased: on pages, through the API, by
//! command. Those who may not, can't.

use std::fs;

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Scene, Store, on_each_store};

on_each_store!(
    a_person_takes_their_data_away_and_erases_themselves,
    an_end_user_is_found_and_erased_on_a_page,
    an_organization_goes_on_its_page_with_counts_first,
    accounts_and_organizations_go_by_command,
    an_account_goes_by_command,
);

async fn a_person_takes_their_data_away_and_erases_themselves(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let (mut person, email) = ks.sign_in_known(Role::Developer).await;
    ks.start_again().await;
    let account = person.visit_private("/console/account").await.expect(200);
    assert!(account.offers("Download my data"));
    let data = person.visit_private("/console/account/export").await;
    let data = data.expect(200);
    let disposition = data.header("content-disposition").unwrap();
    assert!(
        disposition.contains("keystead-my-data.json"),
        "{disposition}"
    );
    let known: Value = serde_json::from_str(&data.text).unwrap();
    assert_eq!(known["email"], email);
    for table in ["accounts", "members", "sessions"] {
        let rows = known["data"][table].as_array().map(Vec::len);
        assert_eq!(rows, Some(1), "{table}");
    }

    let ask = person.visit_private("/console/account/erase").await;
    let ask = ask.expect(200).form("/console/account/erase");
    let wrong = person.submit(&ask.clone().set("confirm", "nobody")).await;
    assert!(wrong.expect(422).says("This is not the address"));
    let gone = person.submit(&ask.set("confirm", &email)).await.expect(200);
    assert!(
        gone.says("keystead/receipt/v1") && gone.says("Sessions at the console: 1"),
        "{}",
        gone.words()
    );
    assert!(!gone.text.contains(&email));
    let out = person.visit("/console/account").await;
    assert_eq!(out.path, "/console/sign-in?next=%2Fconsole%2Faccount");
}

async fn an_end_user_is_found_and_erased_on_a_page(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner, mut auditor] = ks.sign_in([Role::Owner, Role::Auditor]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let ks = &scene.ks;
    let uid = ks.uid();
    let token = ks.token_for(&scene.app, &uid).await;
    let ask = || scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(ask()).await.expect(200);

    let page = owner.visit("/console/privacy").await.expect(200);
    let filled = page
        .form("/console/privacy/export")
        .set("application_id", &scene.app.id)
        .set("uid", &uid);
    let known = owner.submit(&filled).await.expect(200);
    let known: Value = serde_json::from_str(&known.text).unwrap();
    assert_eq!(known["data"]["tokens"].as_array().map(Vec::len), Some(1));
    // Erased is who was meant, once it was said that it is.
    let mut erase = filled;
    erase.send_to("/console/privacy/erase");
    let asked = owner.submit(&erase).await.expect(422);
    assert!(asked.says("Say that it is meant"));
    scene.client().send(ask()).await.expect(200);
    let gone = owner.submit(&erase.tick("sure", "yes")).await.expect(200);
    assert!(gone.says("Access tokens: 1"), "{}", gone.words());
    scene.client().send(ask()).await.expect(401);
    auditor.visit("/console/privacy").await.expect(403);
}

async fn an_organization_goes_on_its_page_with_counts_first(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner, mut admin] = ks.sign_in([Role::Owner, Role::Admin]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let ask = owner.visit("/console/organization/delete").await;
    let ask = ask.expect(200);
    for effect in [
        "1 application goes",
        "1 provider key is destroyed",
        "1 AddOn is removed",
        "3 members lose their places",
    ] {
        assert!(ask.says(effect), "{effect}: {}", ask.words());
    }
    admin
        .visit("/console/organization/delete")
        .await
        .expect(403);
    let form = ask.form("/console/organization/delete");
    let wrong = owner.submit(&form.clone().set("confirm", "Other")).await;
    assert!(wrong.expect(422).says("This is not the name"));
    let gone = owner.submit(&form.set("confirm", "Main")).await.expect(200);
    assert!(gone.says("Places in organizations: 3"), "{}", gone.words());
    scene.client().send(scene.chat()).await.expect(401);
    let path = "/organization";
    let stranger = scene.ks.api("GET", path, &Value::Null).await;
    assert_eq!(stranger.status, 401);
}

async fn accounts_and_organizations_go_by_command(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let known = ks.command(&["my-account", "export", "--json"]).secret();
    let known = known.run().await.json();
    let email = text(&known, "email");
    assert_eq!(
        known["data"]["api_tokens"].as_array().map(Vec::len),
        Some(1)
    );
    let erase = ["my-account", "erase", "--json", "--confirm"];
    let wrong = ks.command(&[&erase[..], &["nobody@mail.example"]].concat());
    assert_eq!(wrong.run().await.failure(1)["code"], "invalid");
    let only = ks.command(&[&erase[..], &[&email]].concat()).run().await;
    assert_eq!(only.failure(1)["code"], "last_owner");

    let counts = ks.command(&["organization", "delete", "--json"]);
    let counts = counts.run().await.json();
    assert_eq!(
        (&counts["applications"], &counts["keys"]),
        (&json!(1), &json!(1))
    );
    let file = ks.place.path().join("receipt");
    let name = file.display().to_string();
    let delete = [
        "organization",
        "delete",
        "--json",
        "--confirm",
        "Main",
        "--out",
    ];
    let receipt = ks.command(&[&delete[..], &[&name]].concat()).run().await;
    let receipt = receipt.json();
    assert_eq!(receipt["erased"]["applications"], 1, "{receipt}");
    scene.client().send(scene.chat()).await.expect(401);
    let verifier = text(&receipt, "verifier");
    // As it may come from a page: without its last end of line, or with one more.
    let whole = fs::read_to_string(&file).unwrap();
    for (text, code) in [
        (whole.clone(), 0),
        (whole.trim_end().to_owned(), 0),
        (format!("{whole}\n"), 0),
        (whole.replace("\"keys\":1", "\"keys\":2"), 1),
    ] {
        fs::write(&file, text).unwrap();
        let check = ["receipt", &name, "--verifier", &verifier];
        ks.local_command(&check).run().await.expect(code);
    }
    let verified = ks.local_command(&["audit", "verify", "--json"]);
    assert_eq!(verified.run().await.json()["faults"], json!([]));
}

/// Where another owner stays: the account goes with its API token, and everything else is as it was.
async fn an_account_goes_by_command(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut other] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let ks = &scene.ks;
    let erase = ["my-account", "erase", "--json", "--confirm", &ks.email];
    let receipt = ks.command(&erase).run().await.json();
    let erased = &receipt["erased"];
    assert_eq!(
        (&erased["memberships"], &erased["api_tokens"]),
        (&json!(1), &json!(1)),
        "{receipt}"
    );
    assert!(!receipt.to_string().contains(&ks.email));
    let after = ks.api("GET", "/organization", &Value::Null).await;
    assert_eq!(after.status, 401, "its token went with it");
    scene.client().send(scene.chat()).await.expect(200);
    other.visit_private("/console/members").await.expect(200);
    let verified = ks.local_command(&["audit", "verify", "--json"]);
    assert_eq!(verified.run().await.json()["faults"], json!([]));
}

/// Everybody may read it, and it says what the operator wrote.
#[tokio::test]
async fn the_data_protection_page_is_the_operators() {
    let ks = Keystead::start(Store::Sqlite).await;
    let page = ks.client().send(Ask::get("/privacy")).await.expect(200);
    assert!(
        page.text().contains("[the operator: name"),
        "what is to be filled in"
    );

    let prepared = Keystead::prepare(Store::Sqlite);
    let file = prepared.place().path().join("privacy.md");
    fs::write(&file, "# Who we are\n\nNorthwind <script>alert(1)</script>").unwrap();
    let path = format!("\"{}\"", file.display());
    let ks = prepared.set("console.privacy_file", &path).start().await;
    let page = ks.client().send(Ask::get("/privacy")).await.expect(200);
    let text = page.text();
    assert!(text.contains("<h3>Who we are</h3>") && text.contains("Northwind"));
    assert!(!text.contains("<script>alert") && !text.contains("[the operator"));
}
