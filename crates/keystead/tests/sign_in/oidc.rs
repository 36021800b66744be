//! Signing in by one's own OpenID provider, which is believed in what it says properly and nothing else.

use std::time::Duration;

use serde_json::json;
use sqlx::Executor as _;
use url::Url;

use super::{Known, person, planted_password, sign_in};
use crate::harness::database::connect;
use crate::harness::issuer::{CLIENT_ID, Issuer, Signed};
use crate::harness::tab::Tab;
use crate::harness::{Keystead, Reply, Store, eventually, on_each_store, planted};

on_each_store!(
    a_newcomer_with_a_checked_address_is_let_in,
    nobody_unknown_is_let_in_without_a_role,
    what_the_provider_did_not_sign_is_refused,
    someone_with_an_account_connects_it,
    an_identity_is_given_up_but_never_the_last_way_in,
    an_identity_given_to_another_account_lets_nobody_in,
);

async fn a_newcomer_with_a_checked_address_is_let_in(store: Store) {
    let (keystead, issuer, _) = server(store, "developer").await;
    let email = email(&keystead);
    issuer.lies(json!({ "email": email, "email_verified": true }));
    let mut tab = Tab::new(&keystead);
    let query = begin(&mut tab, &issuer, "?next=%2Fconsole%2Faccount").await;
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], CLIENT_ID);
    assert_eq!(query["code_challenge_method"], "S256");
    let page = back(&mut tab, &query["state"], "code-1")
        .await
        .expect(200)
        .text();
    assert!(page.contains("url=/console/account"), "{page}");
    let page = tab.get("/console/account").await.expect(200).text();
    assert!(page.contains("Developer, Main"), "the role of newcomers");
    let asked = issuer.asked().pop().unwrap();
    let field = |name: &str| &asked.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(field("code"), "code-1");
    assert_eq!(field("grant_type"), "authorization_code");
    let hash = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        field("code_verifier").as_bytes(),
    );
    let challenge = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, hash);
    assert_eq!(query["code_challenge"], challenge);

    // The same person again, whatever their address is by now.
    issuer.lies(json!({}));
    let mut again = Tab::new(&keystead);
    let query = begin(&mut again, &issuer, "").await;
    back(&mut again, &query["state"], "code-2")
        .await
        .expect(200);
    again.get("/console/account").await.expect(200);
}

async fn nobody_unknown_is_let_in_without_a_role(store: Store) {
    let (keystead, issuer, known) = server(store, "none").await;
    let mut tab = Tab::new(&keystead);
    for told in [
        json!({ "email": email(&keystead), "email_verified": true }),
        // An address links nobody: it is the provider's word, and may be anybody's.
        json!({ "email": known.email, "email_verified": true }),
        json!({}),
    ] {
        issuer.lies(told);
        let query = begin(&mut tab, &issuer, "").await;
        back(&mut tab, &query["state"], "code").await.expect(403);
        assert_eq!(tab.session(), None);
    }
}

async fn what_the_provider_did_not_sign_is_refused(store: Store) {
    let (keystead, issuer, _) = server(store, "developer").await;
    keystead.expects_errors("A sign-in by the OpenID provider failed");
    let person = json!({ "email": email(&keystead), "email_verified": true });
    let mut tab = Tab::new(&keystead);
    for how in [Signed::ByAnother, Signed::BySecret, Signed::Not] {
        issuer.lies(person.clone());
        issuer.signs(how);
        let query = begin(&mut tab, &issuer, "").await;
        back(&mut tab, &query["state"], "code").await.expect(403);
        assert_eq!(tab.session(), None);
    }
    issuer.signs(Signed::Properly);
    for (what, lie) in [
        ("another issuer", json!({ "iss": "https://evil.example" })),
        ("another client", json!({ "aud": "someone-else" })),
        ("two clients", json!({ "aud": [CLIENT_ID, "someone-else"] })),
        ("issued to another", json!({ "azp": "someone-else" })),
        ("expired", json!({ "exp": 1_700_000_000 })),
        ("of the future", json!({ "iat": 4_000_000_000_u64 })),
        ("another sign-in", json!({ "nonce": "other" })),
        ("nobody", json!({ "sub": "" })),
    ] {
        let mut told = person.clone();
        for (name, value) in lie.as_object().unwrap() {
            told[name] = value.clone();
        }
        issuer.lies(told);
        let query = begin(&mut tab, &issuer, "").await;
        let refused = back(&mut tab, &query["state"], "code").await;
        assert_eq!(refused.status, 403, "{what}");
        assert_eq!(tab.session(), None, "{what}");
    }
    issuer.lies(person);
    let query = begin(&mut tab, &issuer, "").await;
    for state in ["", "other", &query["state"][1..]] {
        let refused = back(&mut tab.clone(), state, "code").await;
        assert!(refused.status >= 400, "{state}");
    }
    // An answer in another browser than the one that began.
    back(&mut Tab::new(&keystead), &query["state"], "code")
        .await
        .expect(403);
    let asked = issuer.asked().len();
    back(&mut tab, &query["state"], "code").await.expect(200);
    assert_eq!(issuer.asked().len(), asked + 1);
}

async fn someone_with_an_account_connects_it(store: Store) {
    let (keystead, issuer, known) = server(store, "none").await;
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
    tab.get("/console/account").await.expect(200);
    let led = tab
        .post("/console/sign-in/oidc/connect", &[])
        .await
        .expect(303);
    let query = led_to(&issuer, &led);
    back(&mut tab, &query["state"], "code").await.expect(200);
    let mut fresh = Tab::new(&keystead);
    let query = begin(&mut fresh, &issuer, "").await;
    back(&mut fresh, &query["state"], "code").await.expect(200);
    let page = fresh.get("/console/account").await.expect(200).text();
    assert!(page.contains(&known.email));

    // Let in by an operator, alone: whoever else had a way in has none.
    keystead.kill();
    let password = planted_password(&keystead);
    let command = ["account", "set-password", &known.email, "--alone"];
    let set = keystead.local_command(&command).input(&password);
    set.run().await.expect(0);
    keystead.start_again().await;
    let query = begin(&mut fresh, &issuer, "").await;
    back(&mut fresh, &query["state"], "code").await.expect(403);
}

async fn an_identity_is_given_up_but_never_the_last_way_in(store: Store) {
    let (keystead, issuer, _) = server(store, "auditor").await;
    let told = json!({ "email": email(&keystead), "email_verified": true });
    issuer.lies(told);
    let mut tab = Tab::new(&keystead);
    let query = begin(&mut tab, &issuer, "").await;
    back(&mut tab, &query["state"], "code").await.expect(200);
    let page = tab.get("/console/account").await.expect(200).text();
    assert!(page.contains("Auditor, Main") && page.contains(&issuer.name));
    let path = identity_of(&page);
    let last = tab.post(&path, &[]).await.expect(422).text();
    assert!(last.contains("the only way left to sign in"), "{last}");

    let password = planted_password(&keystead);
    tab.post("/console/account/password", &[("password", &password)])
        .await
        .expect(303);
    tab.get("/console/account").await.expect(200);
    tab.post(&path, &[("csrf", "AAAA")]).await.expect(403);
    // A session that the provider let in elsewhere ends with it.
    let mut elsewhere = Tab::new(&keystead);
    let query = begin(&mut elsewhere, &issuer, "").await;
    back(&mut elsewhere, &query["state"], "code")
        .await
        .expect(200);
    elsewhere.get("/console/account").await.expect(200);
    tab.post(&path, &[]).await.expect(303);
    elsewhere.get("/console/account").await.expect(303);
    let page = tab.get("/console/account").await.expect(200).text();
    assert!(!page.contains(&issuer.name), "{page}");
    tab.post(&path, &[]).await.expect(404);

    // The provider's word is worth nothing now: the address has an account.
    let mut stranger = Tab::new(&keystead);
    let query = begin(&mut stranger, &issuer, "").await;
    back(&mut stranger, &query["state"], "code")
        .await
        .expect(403);
    assert_eq!(stranger.session(), None);
}

/// Whoever can write to the database gives their own sign-in to the owner's account.
async fn an_identity_given_to_another_account_lets_nobody_in(store: Store) {
    let (keystead, issuer, known) = server(store, "auditor").await;
    keystead.expects_errors("integrity check");
    keystead.expects_errors("tampered");
    let told = json!({ "email": email(&keystead), "email_verified": true });
    issuer.lies(told);
    let mut tab = Tab::new(&keystead);
    let query = begin(&mut tab, &issuer, "").await;
    back(&mut tab, &query["state"], "code").await.expect(200);
    let mut owner = Tab::new(&keystead);
    owner.get("/console/sign-in").await.expect(200);
    sign_in(&mut owner, &known).await.expect(303);

    let mut database = connect(&keystead.store_url).await;
    let given = "UPDATE identities SET account_id = (SELECT account_id FROM passwords)";
    let given = database.execute(given).await.unwrap();
    assert_eq!(given.rows_affected(), 1);
    let mut thief = Tab::new(&keystead);
    let query = begin(&mut thief, &issuer, "").await;
    back(&mut thief, &query["state"], "code").await.expect(503);
    assert_eq!(thief.session(), None);
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM alerts
                 WHERE kind = 'tampered' AND place = 'identities'";
    let patience = Duration::from_secs(10);
    eventually("an alert for the identity", patience, async || {
        let found: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut database)
            .await
            .unwrap();
        found > 0
    })
    .await;
}

/// Where the one identity of this account page is given up.
fn identity_of(page: &str) -> String {
    let path = page
        .split('"')
        .find(|part| part.starts_with("/console/account/identities/"));
    path.expect("it can be given up").to_owned()
}

async fn server(store: Store, role: &str) -> (Keystead, Issuer, Known) {
    let issuer = Issuer::start().await;
    let keystead = Keystead::prepare(store)
        .set("oidc.issuer", &format!("\"{}\"", issuer.name))
        .set("oidc.client_id", &format!("\"{CLIENT_ID}\""))
        .set("oidc.client_secret", "\"a secret & a half\"")
        .set("oidc.role", &format!("\"{role}\""))
        .init()
        .await;
    let known = person(&keystead).await;
    keystead.start_again().await;
    (keystead, issuer, known)
}

fn email(keystead: &Keystead) -> String {
    let email = format!("canary-{}@mail.example", planted::hex(16));
    keystead.place.plant("email", email)
}

#[derive(Debug)]
struct Query(std::collections::BTreeMap<String, String>);

impl std::ops::Index<&str> for Query {
    type Output = String;

    fn index(&self, name: &str) -> &String {
        &self.0[name]
    }
}

async fn begin(tab: &mut Tab, issuer: &Issuer, query: &str) -> Query {
    let led = tab.get(&format!("/console/sign-in/oidc{query}")).await;
    led_to(issuer, &led.expect(303))
}

/// What the browser brings to the provider.
fn led_to(issuer: &Issuer, led: &Reply) -> Query {
    let address = Url::parse(led.header("location").unwrap()).unwrap();
    assert_eq!(address.origin().ascii_serialization(), issuer.name);
    let query = Query(address.query_pairs().into_owned().collect());
    issuer.began_with(&query["nonce"]);
    query
}

async fn back(tab: &mut Tab, state: &str, code: &str) -> Reply {
    tab.get(&format!(
        "/console/sign-in/oidc/callback?code={code}&state={state}"
    ))
    .await
}
