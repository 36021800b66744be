//! Token exchange: what an application's own identity provider says of its users.

use keystead::store::Lookup;
use serde_json::{Value, json};

use super::{Bed, PAGE, TOKEN, no, with};
use crate::harness::issuer::{Issuer, Signed};
use crate::harness::page::Visitor;
use crate::harness::setup::text;
use crate::harness::{Ask, Reply, Store, on_each_store, planted};

on_each_store!(
    a_users_own_token_is_exchanged,
    a_token_that_is_not_the_issuers_for_this_application_is_refused,
    a_subject_is_another_than_a_uid_that_reads_the_same,
    a_setting_that_changed_holds_at_once,
    whoever_an_issuer_vouches_for_brings_a_key_as_well,
);

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const AUDIENCE: &str = "keystead-letterbox";

/// What an issuer says of a user of the application, with some claims otherwise.
fn token(bed: &Bed, issuer: &Issuer, otherwise: &Value) -> String {
    let mut claims = json!({"aud": AUDIENCE, "sub": "user-1", "nonce": null});
    for (name, value) in otherwise.as_object().unwrap() {
        claims[name] = value.clone();
    }
    bed.scene
        .ks
        .place
        .plant("subject_token", issuer.sign(&claims))
}

impl Bed {
    async fn trusts(&self, issuer: &Issuer, otherwise: Value) {
        let mut wanted = json!({"issuer": issuer.name, "audience": AUDIENCE});
        for (name, value) in otherwise.as_object().unwrap() {
            wanted[name] = value.clone();
        }
        let path = self.application();
        self.scene
            .ks
            .manage("PATCH", &path, &json!({"issuer": wanted}))
            .await;
    }

    fn fields<'a>(&'a self, token: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", EXCHANGE),
            ("client_id", &self.client_id),
            ("subject_token", token),
            ("subject_token_type", ID_TOKEN),
        ]
    }

    async fn exchanged(&self, token: &str) -> Reply {
        self.send(TOKEN, &self.fields(token)).await
    }

    async fn minted(&self, reply: Reply) -> (String, Value) {
        let minted = reply.expect(200).json();
        let access = text(&minted, "access_token");
        (self.scene.ks.place.plant("access_token", access), minted)
    }
}

async fn a_users_own_token_is_exchanged(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let issuer = Issuer::start().await;
    let one = token(&bed, &issuer, &json!({}));
    no(&bed.exchanged(&one).await, 400, "unauthorized_client");
    bed.trusts(&issuer, json!({})).await;

    let (access, minted) = bed.minted(bed.exchanged(&one).await).await;
    assert_eq!(minted["token_type"], "Bearer");
    assert_eq!(minted["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(minted["scope"], "addon:*");
    assert!(minted["refresh_token"].is_null());
    // It lives no longer than what it was exchanged for: five minutes.
    let life = minted["expires_in"].as_u64().unwrap();
    assert!((280..=300).contains(&life), "{life}");
    bed.works(&access).await;
    let asked = issuer.times_asked_for_keys();
    for kind in [
        ACCESS_TOKEN,
        ID_TOKEN,
        "urn:ietf:params:oauth:token-type:jwt",
    ] {
        let fields = with(&bed.fields(&one), "subject_token_type", kind);
        let reply = bed
            .send(TOKEN, &[&fields[..], &[("scope", "addon:chat")]].concat())
            .await;
        assert_eq!(bed.minted(reply).await.1["scope"], "addon:chat");
    }
    assert_eq!(issuer.times_asked_for_keys(), asked, "keys are remembered");
    let page = Ask::post(TOKEN)
        .form(&bed.fields(&one))
        .header("origin", PAGE);
    let reply = bed.scene.client().send(page.secret()).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    bed.minted(reply).await;

    for (name, value, error) in [
        ("subject_token", "", "invalid_request"),
        ("subject_token_type", "", "invalid_request"),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:saml2",
            "invalid_request",
        ),
        ("actor_token", "x", "invalid_request"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:refresh_token",
            "invalid_request",
        ),
        ("audience", "https://other.example", "invalid_target"),
        ("resource", "https://other.example/", "invalid_target"),
        ("scope", "addon:nothing", "invalid_scope"),
        ("expires_in", "0", "invalid_request"),
    ] {
        no(
            &bed.send(TOKEN, &with(&bed.fields(&one), name, value)).await,
            400,
            error,
        );
    }
    let ours = with(&bed.fields(&one), "audience", &bed.client_id);
    bed.minted(bed.send(TOKEN, &ours).await).await;
}

async fn a_token_that_is_not_the_issuers_for_this_application_is_refused(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    bed.trusts(&issuer, json!({})).await;
    bed.minted(bed.exchanged(&token(&bed, &issuer, &json!({}))).await)
        .await;
    let now = keystead::clock::Clock::system().now().as_secs();
    for (what, claims) in [
        ("another application's", json!({"aud": "keystead-other"})),
        ("nobody's", json!({"aud": null})),
        ("an empty list", json!({"aud": []})),
        ("this server's", json!({"aud": "http://localhost:8420"})),
        ("another issuer's", json!({"iss": "https://login.example"})),
        (
            "the issuer's, but for a slash",
            json!({"iss": format!("{}/", issuer.name)}),
        ),
        ("over", json!({"exp": now - 61})),
        ("without an end", json!({"exp": null})),
        ("of the future", json!({"nbf": now + 120})),
        ("issued in the future", json!({"iat": now + 120})),
        ("without a user", json!({"sub": null})),
        ("of an empty user", json!({"sub": ""})),
    ] {
        let reply = bed.exchanged(&token(&bed, &issuer, &claims)).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        no(&reply, 400, "invalid_request");
    }
    for how in [Signed::BySecret, Signed::Not, Signed::ByAnother] {
        issuer.signs(how);
        no(
            &bed.exchanged(&token(&bed, &issuer, &json!({}))).await,
            400,
            "invalid_request",
        );
    }
    issuer.signs(Signed::Properly);
    // Another issuer that says it is this one.
    let forged = token(&bed, &other, &json!({"iss": issuer.name}));
    no(&bed.exchanged(&forged).await, 400, "invalid_request");
    no(&bed.exchanged("nonsense").await, 400, "invalid_request");
    no(
        &bed.exchanged(&bed.scene.token).await,
        400,
        "invalid_request",
    );
    // Several audiences are fine, as long as this one is among them; and it may be shown by another.
    let shared = json!({"aud": ["spa", AUDIENCE], "azp": "spa"});
    bed.minted(bed.exchanged(&token(&bed, &issuer, &shared)).await)
        .await;
    // Of the application with a backend: its own setting, its own secret.
    let app = &bed.scene.app;
    let good = token(&bed, &issuer, &json!({}));
    let theirs = with(&bed.fields(&good), "client_id", &app.client_id);
    no(&bed.send(TOKEN, &theirs).await, 401, "invalid_client");
    let secret = [&theirs[..], &[("client_secret", &app.client_secret)]].concat();
    no(&bed.send(TOKEN, &secret).await, 400, "unauthorized_client");
    let path = format!("/applications/{}", app.id);
    let wanted = json!({"issuer": {"issuer": issuer.name, "audience": "keystead-shop"}});
    bed.scene.ks.manage("PATCH", &path, &wanted).await;
    no(&bed.send(TOKEN, &secret).await, 400, "invalid_request");
    let own = token(&bed, &issuer, &json!({"aud": "keystead-shop"}));
    let fields = with(&secret, "subject_token", &own);
    let (access, _) = bed.minted(bed.send(TOKEN, &fields).await).await;
    // And that one is of no use at the other application's address.
    bed.is_over(&access).await;
}

async fn a_subject_is_another_than_a_uid_that_reads_the_same(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let (one, two) = (Issuer::start().await, Issuer::start().await);
    let app = &bed.scene.app;
    let path = format!("/applications/{}", app.id);
    let uid = bed.scene.ks.uid();
    let by_uid = bed.scene.ks.token_for(app, &uid).await;
    let chat = |token: &str| bed.scene.addon.ask("GET", "/v1/models", "openai", token);
    bed.scene.client().send(chat(&by_uid)).await.expect(200);
    let mut tokens = vec![by_uid];
    for issuer in [&one, &two] {
        let wanted = json!({"issuer": {"issuer": issuer.name, "audience": AUDIENCE}});
        bed.scene.ks.manage("PATCH", &path, &wanted).await;
        let said = token(&bed, issuer, &json!({"sub": uid}));
        let fields = with(&bed.fields(&said), "client_id", &app.client_id);
        let fields = [&fields[..], &[("client_secret", &app.client_secret)]].concat();
        let (access, _) = bed.minted(bed.send(TOKEN, &fields).await).await;
        bed.scene.client().send(chat(&access)).await.expect(200);
        tokens.push(access);
    }
    bed.scene.ks.kill();
    let custody = bed.scene.ks.custody().await;
    let store = custody.store();
    let id: keystead::ids::ClientId = app.client_id.parse().unwrap();
    let handle = "chat".parse().unwrap();
    let mut subjects = Vec::new();
    for token in tokens {
        let (_, hash) = keystead_vault::token_hash(&token).unwrap();
        let Lookup::Found(found) = store.authority(&hash, &id, &handle).await.unwrap() else {
            panic!("it lives")
        };
        subjects.push(*found.token.subject.as_bytes());
    }
    store.close().await;
    drop(custody);
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 3);
    bed.scene.ks.start_again().await;
}

async fn a_setting_that_changed_holds_at_once(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    bed.trusts(&issuer, json!({})).await;
    let one = token(&bed, &issuer, &json!({}));
    let (access, _) = bed.minted(bed.exchanged(&one).await).await;
    // Whatever was remembered of that very token.
    bed.trusts(&issuer, json!({"audience": "another"})).await;
    no(&bed.exchanged(&one).await, 400, "invalid_request");
    bed.trusts(&other, json!({})).await;
    no(&bed.exchanged(&one).await, 400, "invalid_request");
    // Keys at an address of their own, of an issuer without a discovery document.
    let name = "https://login.example";
    let keys = json!({"issuer": name, "jwks_uri": format!("{}/keys", issuer.name)});
    bed.trusts(&issuer, keys).await;
    let by_name = token(&bed, &issuer, &json!({"iss": name}));
    bed.minted(bed.exchanged(&by_name).await).await;
    bed.trusts(&issuer, json!({"issuer": ""})).await;
    no(&bed.exchanged(&by_name).await, 400, "unauthorized_client");
    // What was minted lives on until its end.
    bed.works(&access).await;
}

/// An issuer that is away, or inside, is nobody's word.
#[tokio::test]
async fn an_issuer_that_cannot_be_asked_says_so() {
    let (bed, _) = Bed::on(Store::Sqlite).await;
    let issuer = Issuer::start().await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    for jwks in [
        &*address,
        "http://169.254.169.254/latest",
        &format!("{}/nothing", issuer.name),
    ] {
        bed.trusts(&issuer, json!({"jwks_uri": jwks})).await;
        let reply = bed.exchanged(&token(&bed, &issuer, &json!({}))).await;
        no(&reply, 503, "temporarily_unavailable");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    let path = bed.application();
    for (wanted, pointer) in [
        (
            json!({"issuer": "http://login.example?x", "audience": "a"}),
            "#/issuer/issuer",
        ),
        (
            json!({"issuer": "ftp://login.example", "audience": "a"}),
            "#/issuer/issuer",
        ),
        (
            json!({"issuer": "https://login.example", "audience": ""}),
            "#/issuer/audience",
        ),
        (
            json!({"issuer": "https://login.example", "audience": "a", "jwks_uri": "x"}),
            "#/issuer/jwks_uri",
        ),
    ] {
        let reply = bed
            .scene
            .ks
            .api("PATCH", &path, &json!({"issuer": wanted}))
            .await;
        assert_eq!(reply.status, 422, "{wanted}: {}", reply.text());
        assert!(reply.text().contains(pointer), "{}", reply.text());
    }
}

async fn whoever_an_issuer_vouches_for_brings_a_key_as_well(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let (scene, issuer) = (&bed.scene, Issuer::start().await);
    let ks = &scene.ks;
    let back = "https://app.example/back";
    let app = ks.app_with(json!({"redirect_uris": [back]})).await;
    let path = format!("/applications/{}", app.id);
    let own = json!({"application_id": app.id, "handle": "own", "type": "any",
        "key_source": "user", "provider": "openai"});
    ks.manage("POST", "/addons", &own).await;
    let key = ks.place.plant("own_key", planted::key("openai"));
    ks.provider.openai().accept(&key);
    let said = token(&bed, &issuer, &json!({}));
    let ask = async |path: &str, fields: &[(&str, &str)]| {
        let own = [
            ("client_id", &*app.client_id),
            ("client_secret", &app.client_secret),
        ];
        let ask = Ask::post(path).form(&[&own, fields].concat()).secret();
        scene.client().send(ask).await
    };
    let wanted = [("handle", "own"), ("return_to", back)];
    let shown = [("subject_token", &*said), ("subject_token_type", ID_TOKEN)];
    let asked = [&wanted[..], &shown].concat();
    let untrusted = ask("/connect/links", &asked).await;
    no(&untrusted, 400, "unauthorized_client");
    let trusted = json!({"issuer": {"issuer": issuer.name, "audience": AUDIENCE}});
    ks.manage("PATCH", &path, &trusted).await;
    let both = [&asked[..], &[("uid", "user-1")]].concat();
    no(&ask("/connect/links", &both).await, 400, "invalid_request");
    let elsewhere = token(&bed, &issuer, &json!({"aud": "another"}));
    let foreign = with(&asked, "subject_token", &elsewhere);
    no(
        &ask("/connect/links", &foreign).await,
        400,
        "invalid_request",
    );

    let entered = async || {
        let made = ask("/connect/links", &asked).await.expect(200).json();
        let url = ks.place.plant("link", text(&made, "connect_url"));
        let path = url.split_once("/connect/").unwrap().1;
        let mut browser = Visitor::new(scene.client());
        let page = browser.visit(&format!("/connect/{path}")).await.expect(200);
        let form = page.form("/connect/key").set("key", &key);
        let form = match page.says("I have read this") {
            true => form.tick("consent", "yes"),
            false => form,
        };
        let done = browser.submit(&form).await.expect(200);
        let led = browser.submit(&done.form("/connect/key/finish")).await;
        let code = led.path.split_once("code=").unwrap().1;
        ks.place.plant("code", code)
    };
    // Somebody whom the host calls what the issuer calls them is somebody else.
    let code = entered().await;
    let other = [("code", &*code), ("uid", "user-1")];
    no(&ask("/connect/confirm", &other).await, 400, "invalid_grant");
    let code = entered().await;
    let same = [&shown[..], &[("code", &code)]].concat();
    let told = ask("/connect/confirm", &same).await.expect(200).json();
    assert_eq!(told["status"], "connected", "{told}");

    let fields = [&shown[..], &[("grant_type", EXCHANGE)]].concat();
    let (access, _) = bed.minted(ask(TOKEN, &fields).await).await;
    let path = format!("/proxy/{}/own/v1/models", app.client_id);
    let called = scene.client().send(Ask::get(&path).bearer(&access)).await;
    let called = called.expect(200);
    assert_eq!(called.header("x-keystead-key-source"), Some("user"));
    let models = ks.provider.openai().last("GET /v1/models");
    assert_eq!(models.key().as_deref(), Some(key.as_str()));
}
