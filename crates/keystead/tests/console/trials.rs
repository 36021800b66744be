//! Trying an AddOn: the token that a page asks for, and what it opens.

use serde_json::{Value, json};

use super::keys::begin;
use crate::harness::page::{Page, Visitor};
use crate::harness::{Ask, Keystead, Store, on_each_store};

on_each_store!(a_person_calls_an_addon_from_its_page);

async fn a_person_calls_an_addon_from_its_page(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let text = json!({"type": "text"});
    let addon = ks.addon_with(&app, &key, "letters", text).await;
    ks.addon(&app, &key, "other").await;
    let path = format!("/console/addons/{}/try", addon.id);
    let page = owner.visit(&path).await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("img-src 'self' data: blob:"), "{policy}");
    let elsewhere = owner.visit("/console/addons").await.expect(200);
    let policy = elsewhere.header("content-security-policy").unwrap();
    assert!(!policy.contains("blob:"), "{policy}");
    assert!(page.element("curl").contains("$KEYSTEAD_TOKEN"));
    assert!(!page.text.contains("kst1_") && !page.text.contains(&key.secret));

    let trial: Value = serde_json::from_str(&attribute(&page, "data-trial")).unwrap();
    assert_eq!(trial["shows"], "events");
    let address = trial["address"].as_str().unwrap();
    assert!(
        address.ends_with("/letters/v1/chat/completions"),
        "{address}"
    );
    let origin = attribute(&page, "data-origin");
    let called = address
        .strip_prefix(&origin)
        .expect("one host has both here")
        .to_owned();

    let token = minted(&ks, &mut owner, &page).await;
    let body = json!({"model": "gpt-6-luna", "stream": true,
        "messages": [{"role": "user", "content": ks.prompt()}]});
    let ask = |path: &str, from: &str| {
        let ask = Ask::post(path).bearer(&token).header("origin", from);
        ask.json(&body)
    };
    let answer = ks.client().send(ask(&called, &origin)).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(&*origin));
    assert!(answer.text().contains("Sealed"), "{}", answer.text());

    let refused = ks
        .client()
        .send(ask(&called, "https://evil.example"))
        .await
        .expect(403);
    assert_eq!(
        refused.header("x-keystead-error"),
        Some("origin_not_allowed")
    );
    let other = called.replace("/letters/", "/other/");
    let refused = ks.client().send(ask(&other, &origin)).await;
    assert!(
        refused.status >= 400,
        "it opens one AddOn: {}",
        refused.status
    );
    // A host's own token does not work from the console's page.
    let hosts = ks.token(&app).await;
    let ask = Ask::post(called.as_str())
        .bearer(&hosts)
        .header("origin", &*origin);
    let refused = ks.client().send(ask.json(&body)).await.expect(403);
    assert_eq!(
        refused.header("x-keystead-error"),
        Some("origin_not_allowed")
    );

    let log = ks.manage("GET", "/audit?limit=200", &Value::Null).await;
    let mut events = log["data"].as_array().unwrap().iter();
    let found = events
        .find(|event| event["action"] == "token.minted")
        .expect("it is on record");
    assert!(
        found["actor"].as_str().unwrap().starts_with("acc"),
        "{found}"
    );
    let forged = page.form("/try/token").forged("csrf", "x");
    owner.submit(&forged).await.expect(403);
}

/// The token that the page's script would get.
async fn minted(ks: &Keystead, owner: &mut Visitor, page: &Page) -> String {
    let answer = owner.submit(&page.form("/try/token")).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let minted: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(minted["expires_in"], 300);
    ks.place
        .plant("access_token", minted["access_token"].as_str().unwrap())
}

fn attribute(page: &Page, name: &str) -> String {
    let mark = format!("{name}=\"");
    let (_, rest) = page.text.split_once(&mark).expect(name);
    let value = rest.split_once('"').unwrap().0;
    value
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#38;", "&")
        .replace("&#39;", "'")
}
