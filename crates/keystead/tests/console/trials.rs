//! Trying an AddOn: the token that a page asks for, and what it opens.

use keystead::store::Role;
use serde_json::{Value, json};

use super::keys::begin;
use crate::harness::page::{Page, Visitor};
use crate::harness::{Ask, Keystead, Store, on_each_store};

on_each_store!(
    a_person_calls_an_addon_from_its_page,
    who_is_removed_or_may_try_no_more_loses_the_trial_too,
);

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

async fn who_is_removed_or_may_try_no_more_loses_the_trial_too(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut leaves, mut looks, mut stays] = ks.sign_in([Role::Developer; 3]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let addon = ks.addon(&app, &key, "letters").await;
    let path = format!("/console/addons/{}/try", addon.id);
    let mut tokens = Vec::new();
    for person in [&mut leaves, &mut looks, &mut stays] {
        let page = person.visit(&path).await.expect(200);
        tokens.push(minted(&ks, person, &page).await);
    }
    let origin = format!("http://localhost:{}", ks.public().port());
    let call = async |token: &str| {
        let ask = Ask::post(format!("{}/v1/chat/completions", addon.path)).bearer(token);
        let body = json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": "x"}]});
        let ask = ask.header("origin", origin.as_str()).json(&body);
        ks.client().send(ask).await.status
    };
    for token in &tokens {
        assert_eq!(call(token).await, 200);
    }
    let ask = Ask::get("/api/v1/members").bearer(&ks.api_token).secret();
    let members = ks.client().send(ask).await.expect(200).json();
    let members = members["data"].as_array().unwrap().iter();
    let of = members.filter(|member| member["role"] == "developer");
    let paths: Vec<_> = of
        .map(|member| format!("/api/v1/members/{}", member["account_id"].as_str().unwrap()))
        .collect();
    let remove = Ask::new("DELETE", &paths[0]).bearer(&ks.api_token);
    ks.client().send(remove).await.expect(204);
    let narrow = Ask::new("PATCH", &paths[1]).bearer(&ks.api_token).secret();
    let narrow = narrow.json(&json!({"role": "auditor"}));
    ks.client().send(narrow).await.expect(200);
    let after = [
        call(&tokens[0]).await,
        call(&tokens[1]).await,
        call(&tokens[2]).await,
    ];
    assert_eq!(after, [401, 401, 200]);
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
