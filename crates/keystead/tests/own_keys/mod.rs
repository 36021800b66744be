//! The user's own key at work: it serves its user's calls where they said so, no other key takes its place,
//! and what they take back ends at once. And what hosts may ask of their users' keys.

use std::time::Duration;

use keystead::audit::Actor;
use keystead::custody::{Custody, NewOwnKey};
use keystead::ids::KeyGrantId;
use keystead::store::{
    Application, GrantTerms, KeyGrant, KeyGrantChange, KeyStatus, NewKeyGrant, Vault, VaultHolder,
};
use keystead_providers::{Destination, HostRules};
use keystead_vault::ProviderKey;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::harness::provider::services::chat_stream;
use crate::harness::setup::text;
use crate::harness::{
    AddOn, App, Ask, Keystead, Live, Reply, Scene, Step, Store, on_each_store, planted, within,
};

on_each_store!(
    an_own_key_serves_its_user_and_nobody_else,
    nobody_of_the_organization_reaches_an_own_key,
    a_free_tier_ends_and_an_own_key_has_none,
    a_pause_and_an_end_refuse_and_nothing_takes_the_keys_place,
    what_is_taken_back_ends_at_once_and_in_one_application_alone,
    an_erased_user_takes_their_key_along,
    own_keys_serve_while_the_keys_over_them_change,
    a_grant_has_its_own_budget_and_books,
    the_store_is_asked_once,
    hosts_ask_for_links_and_confirm_them,
    a_page_asks_what_its_user_has_connected,
);

const CHAT: &str = "POST /v1/chat/completions";
const BACK: &str = "https://app.example/connected";
const PAGE: &str = "https://app.example";
const SOON: Duration = Duration::from_secs(1);

/// An application with an AddOn that works with its users' own keys, and one that takes the application's
/// where a user has none.
struct Bed {
    scene: Scene,
    own: AddOn,
    mixed: AddOn,
    /// Of the user who brings a key.
    uid: String,
}

/// A key that its user brought.
struct Brought {
    secret: String,
    key: String,
    vault: Vault,
    grant: KeyGrantId,
}

impl Bed {
    async fn on(store: Store) -> Self {
        let ks = Keystead::start(store).await;
        let app = json!({"redirect_uris": [BACK], "origins": [PAGE]});
        let scene = Scene::furnished(ks, "openai", app, json!({})).await;
        let own = wanting(&scene.ks, &scene.app, "own").await;
        let mixed = json!({"key_source": "user-then-application",
            "limits": {"each_subject": {"budgets": ["2 requests/day"]}}});
        let mixed = scene
            .ks
            .addon_with(&scene.app, &scene.key, "mixed", mixed)
            .await;
        let uid = scene.ks.uid();
        Self {
            scene,
            own,
            mixed,
            uid,
        }
    }

    fn ks(&self) -> &Keystead {
        &self.scene.ks
    }

    /// Stops the server, does something to its store, and starts it again.
    async fn meanwhile<T>(&self, work: impl AsyncFnOnce(&Custody) -> T) -> T {
        self.ks().terminate();
        self.ks().ended(Duration::from_secs(20)).await;
        let custody = self.ks().custody().await;
        let done = work(&custody).await;
        custody.store().close().await;
        drop(custody);
        self.ks().start_again().await;
        done
    }

    /// The user brings a key of their own, on these terms.
    async fn bring(&self, terms: GrantTerms) -> Brought {
        let secret = self.plant_key();
        let (app, uid) = (self.scene.app.clone(), self.uid.clone());
        let new = self.new_key(&secret);
        let (vault, grant) = self
            .meanwhile(async |custody| {
                let (application, holder) = user(custody, &app, &uid).await;
                let vault = custody.vault_for(Actor::Operator, holder).await.unwrap();
                let key = custody.add_own_key(Actor::Operator, &vault, new).await;
                let grant = give(
                    custody,
                    &application,
                    holder,
                    &vault,
                    key.unwrap().id,
                    terms,
                );
                (vault.clone(), grant.await)
            })
            .await;
        Brought {
            secret,
            key: grant.key.to_string(),
            vault,
            grant: grant.id,
        }
    }

    fn plant_key(&self) -> String {
        let secret = self.ks().place.plant("own_key", planted::key("openai"));
        self.ks().provider.openai().accept(&secret);
        secret
    }

    fn new_key(&self, secret: &str) -> NewOwnKey {
        let base_url = self.ks().provider.openai().base_url();
        let about = keystead_providers::by_name("openai").unwrap().about();
        let base_url: Destination = base_url.parse().unwrap();
        let rules = HostRules {
            base_url: Some(&base_url),
            any_host: true,
        };
        NewOwnKey {
            provider: "openai".to_owned(),
            name: "mine".to_owned(),
            destination: about.destination(secret, None, rules).unwrap(),
            explicit_endpoint: false,
            key: ProviderKey::new(Zeroizing::new(secret.to_owned())),
            status: KeyStatus::Valid,
        }
    }

    async fn token(&self) -> String {
        self.ks().token_for(&self.scene.app, &self.uid).await
    }

    async fn chat(&self, addon: &AddOn, token: &str) -> Reply {
        let ask = addon.ask("POST", "/v1/chat/completions", "openai", token);
        let ask = ask.json(&self.scene.chat_body());
        self.scene.client().send(ask).await
    }

    /// The key that the provider was last asked with.
    fn last_key(&self) -> Option<String> {
        self.ks().provider.openai().last(CHAT).key()
    }

    async fn host(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let own = [
            ("client_id", &*self.scene.app.client_id),
            ("client_secret", &self.scene.app.client_secret),
        ];
        let ask = Ask::post(path).form(&[&own, fields].concat()).secret();
        self.scene.client().send(ask).await
    }
}

async fn wanting(ks: &Keystead, app: &App, handle: &str) -> AddOn {
    let body = json!({"application_id": app.id, "handle": handle, "type": "any",
        "key_source": "user", "provider": "openai"});
    let made = ks.manage("POST", "/addons", &body).await;
    assert_eq!(made["provider"], "openai", "{made}");
    AddOn {
        id: text(&made, "addon_id"),
        base_url: text(&made, "base_url"),
        path: format!("/proxy/{}/{handle}", app.client_id),
    }
}

/// Who a host's user is.
async fn user(custody: &Custody, app: &App, uid: &str) -> (Application, VaultHolder) {
    let client_id = app.client_id.parse().unwrap();
    let found = custody.store().application_by_client_id(&client_id).await;
    let application = found.unwrap().unwrap();
    let subject = custody.subject(&application, "host", "", uid).await;
    let holder = VaultHolder::Subject {
        organization: application.organization,
        application: application.id,
        subject: subject.unwrap(),
    };
    (application, holder)
}

async fn give(
    custody: &Custody,
    application: &Application,
    holder: VaultHolder,
    vault: &Vault,
    key: keystead::ids::KeyId,
    terms: GrantTerms,
) -> KeyGrant {
    let VaultHolder::Subject { subject, .. } = holder else {
        panic!("a host's user")
    };
    let new = NewKeyGrant {
        organization: application.organization,
        application: application.id,
        subject,
        vault: vault.id,
        key,
        terms,
    };
    let given = custody.store().give_key_grant(Actor::Operator, new).await;
    given.unwrap()
}

async fn an_own_key_serves_its_user_and_nobody_else(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    let missing = bed.chat(&bed.own, &token).await;
    missing.refused(403, "user_key_missing");
    let served = bed.chat(&bed.mixed, &token).await.expect(200);
    assert_eq!(served.header("x-keystead-key-source"), Some("application"));
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    let brought = bed.bring(GrantTerms::default()).await;
    for addon in [&bed.own, &bed.mixed] {
        let served = bed.chat(addon, &token).await.expect(200);
        assert_eq!(served.header("x-keystead-key-source"), Some("user"));
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
    // The AddOn that does not ask for it does not get it.
    bed.chat(&bed.scene.addon, &token).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    let other = bed.ks().token(&bed.scene.app).await;
    let missing = bed.chat(&bed.own, &other).await;
    missing.refused(403, "user_key_missing");
    bed.chat(&bed.mixed, &other).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    // In a task as well; and a key that its provider does not take is the user's to replace.
    let task = || {
        let ask = Ask::post(bed.own.task_path()).bearer(&token);
        ask.json(&json!({"task": "text", "input": bed.ks().prompt(), "model": "gpt-6-luna"}))
    };
    let done = bed.scene.client().send(task()).await.expect(200);
    assert_eq!(done.header("x-keystead-key-source"), Some("user"));
    bed.ks().provider.openai().withdraw(&brought.secret);
    bed.ks().expects_errors("key_refused");
    let refused = bed.scene.client().send(task()).await;
    assert_eq!(refused.json()["error"]["code"], "user_key_refused");
    assert_eq!(refused.header("x-keystead-source"), Some("upstream"));
}

async fn nobody_of_the_organization_reaches_an_own_key(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let id = &brought.key;
    for (method, path, body) in [
        ("GET", format!("/keys/{id}"), Value::Null),
        ("PATCH", format!("/keys/{id}"), json!({"name": "ours now"})),
        ("POST", format!("/keys/{id}/check"), Value::Null),
        ("POST", format!("/keys/{id}/disable"), Value::Null),
        ("POST", format!("/keys/{id}/enable"), Value::Null),
        (
            "POST",
            format!("/keys/{id}/rotate"),
            json!({"key": bed.plant_key()}),
        ),
        ("DELETE", format!("/keys/{id}"), Value::Null),
    ] {
        let reply = bed.ks().api(method, &path, &body).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
    }
    let addon = json!({"application_id": bed.scene.app.id, "handle": "stolen", "type": "any",
        "key_id": id});
    let reply = bed.ks().api("POST", "/addons", &addon).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
    let token = bed.token().await;
    bed.chat(&bed.own, &token).await.expect(200);
    // Nowhere that management can look is the key named.
    for path in ["/keys", "/addons", "/audit/events", "/usage", "/requests"] {
        let reply = bed.ks().api("GET", path, &Value::Null).await;
        if reply.status == 200 {
            assert!(!reply.text().contains(id.as_str()), "{path}");
        }
    }
}

async fn a_free_tier_ends_and_an_own_key_has_none(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    for _ in 0..2 {
        bed.chat(&bed.mixed, &token).await.expect(200);
    }
    let used = bed.chat(&bed.mixed, &token).await;
    assert!(used.header("retry-after").is_some());
    used.refused(429, "free_tier_used");
    let brought = bed.bring(GrantTerms::default()).await;
    for _ in 0..4 {
        bed.chat(&bed.mixed, &token).await.expect(200);
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
}

async fn a_pause_and_an_end_refuse_and_nothing_takes_the_keys_place(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    let brought = bed.bring(GrantTerms::default()).await;
    let over = GrantTerms {
        ends_at: Some(keystead::clock::Clock::system().now() - SOON),
        ..GrantTerms::default()
    };
    let other_model = GrantTerms {
        models: vec!["gpt-6-nova".to_owned()],
        ..GrantTerms::default()
    };
    let paused = KeyGrantChange {
        paused: Some(true),
        ..KeyGrantChange::default()
    };
    let terms = |terms| KeyGrantChange {
        terms: Some(terms),
        paused: Some(false),
    };
    for (change, code) in [
        (paused, "user_key_paused"),
        (terms(over), "user_key_ended"),
        (terms(other_model), "user_key_model"),
    ] {
        let (vault, grant) = (brought.vault.id, brought.grant);
        bed.meanwhile(async |custody| {
            let changed = custody
                .store()
                .change_key_grant(Actor::Operator, vault, grant, change)
                .await;
            changed.unwrap();
        })
        .await;
        let before = bed.ks().provider.openai().asked(CHAT).len();
        for addon in [&bed.own, &bed.mixed] {
            bed.chat(addon, &token).await.refused(403, code);
        }
        assert_eq!(bed.ks().provider.openai().asked(CHAT).len(), before);
    }
}

async fn what_is_taken_back_ends_at_once_and_in_one_application_alone(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    // The same key serves another application, whose user it is as well.
    let another = bed.ks().app().await;
    let elsewhere = wanting(bed.ks(), &another, "own").await;
    let uid = bed.ks().uid();
    let (app, key) = (another.clone(), brought.key.clone());
    let vault = brought.vault.clone();
    bed.meanwhile(async |custody| {
        let (application, holder) = user(custody, &app, &uid).await;
        let key = key.parse().unwrap();
        give(
            custody,
            &application,
            holder,
            &vault,
            key,
            GrantTerms::default(),
        )
        .await;
    })
    .await;
    let (token, there) = (bed.token().await, bed.ks().token_for(&another, &uid).await);
    let live = running(&bed, &elsewhere, &there).await;
    let fields = [("uid", &*uid), ("provider", "openai")];
    let own = [
        ("client_id", &*another.client_id),
        ("client_secret", &another.client_secret),
    ];
    let ask = Ask::post("/connect/withdraw").form(&[&own[..], &fields].concat());
    bed.scene.client().send(ask).await.expect(200);
    is_cut(live).await;
    let missing = bed.chat(&elsewhere, &there).await;
    missing.refused(403, "user_key_missing");
    // It lies in the first one's vault, and goes on there.
    bed.chat(&bed.own, &token).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));

    let live = running(&bed, &bed.own, &token).await;
    let fields = [("uid", &*bed.uid), ("provider", "openai")];
    bed.host("/connect/withdraw", &fields).await.expect(200);
    is_cut(live).await;
    let missing = bed.chat(&bed.own, &token).await;
    missing.refused(403, "user_key_missing");
    // Again is as good as once.
    bed.host("/connect/withdraw", &fields).await.expect(200);
}

async fn running(bed: &Bed, addon: &AddOn, token: &str) -> Live {
    let openai = bed.ks().provider.openai();
    openai.once(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let mut body = bed.scene.chat_body();
    body["stream"] = json!(true);
    let ask = addon.ask("POST", "/v1/chat/completions", "openai", token);
    let mut live = bed.scene.client().open(ask.json(&body)).await;
    assert_eq!(live.status, 200);
    live.until("begun").await;
    live
}

async fn is_cut(mut live: Live) {
    let ended = within(SOON, "the stream is cut", live.ends_properly()).await;
    assert!(ended && live.has_heard("revoked"), "{}", live.heard());
}

/// Its holder's erasure takes the key, the grant and the vault, and cuts what runs with it.
async fn an_erased_user_takes_their_key_along(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    bed.chat(&bed.own, &token).await.expect(200);
    let who = json!({"application_id": bed.scene.app.id, "uid": bed.uid});
    let known = bed.ks().manage("POST", "/subjects/export", &who).await;
    for table in ["keys", "key_grants", "vaults"] {
        let rows = known["data"][table].as_array().map(Vec::len);
        assert_eq!(rows, Some(1), "{table}: {known}");
    }
    assert!(!known.to_string().contains(&brought.secret));

    let live = running(&bed, &bed.own, &token).await;
    let erase = bed.ks().manage("POST", "/subjects/erase", &who);
    let (receipt, ()) = tokio::join!(erase, is_cut(live));
    assert_eq!(
        (&receipt["erased"]["keys"], &receipt["erased"]["grants"]),
        (&json!(1), &json!(1)),
        "{receipt}"
    );
    bed.chat(&bed.own, &token).await.expect(401);
    let again = bed.token().await;
    let missing = bed.chat(&bed.own, &again).await;
    missing.refused(403, "user_key_missing");
    let known = bed.ks().manage("POST", "/subjects/export", &who).await;
    assert_eq!(known["data"]["vaults"], json!([]), "{known}");
    let status = bed.host("/connect/status", &[("uid", &bed.uid)]).await;
    assert_eq!(status.expect(200).json()["connected"], false);
}

/// The keys over people's own keys change while they serve.
async fn own_keys_serve_while_the_keys_over_them_change(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    for _ in 0..3 {
        let done = bed.ks().command(&["key-owner", "rotate", "--json"]);
        let done = done.run().await.json();
        assert_eq!(
            (&done["vaults"], &done["group_keys"]),
            (&json!(1), &json!(1))
        );
        // Forgets the opened key, so that the next call opens it anew.
        bed.meanwhile(async |_| ()).await;
        bed.chat(&bed.own, &token).await.expect(200);
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
}

async fn a_grant_has_its_own_budget_and_books(store: Store) {
    let bed = Bed::on(store).await;
    let terms = GrantTerms {
        budgets: vec!["2 requests/month".parse().unwrap()],
        ..GrantTerms::default()
    };
    let brought = bed.bring(terms).await;
    let token = bed.token().await;
    for _ in 0..2 {
        bed.chat(&bed.own, &token).await.expect(200);
    }
    let spent = bed.chat(&bed.own, &token).await;
    spent.refused(429, "budget_exhausted");
    // What one person lets their key be used for is no business of the organization's.
    let alerts = bed.ks().manage("GET", "/alerts", &Value::Null).await;
    assert_eq!(alerts["data"], json!([]), "{alerts}");
    let (vault, grant) = (brought.vault.id, brought.grant);
    let booked = bed
        .meanwhile(async |custody| {
            let grant = custody.store().key_grant(vault, grant).await.unwrap();
            let filter = keystead::store::AttemptFilter {
                key: Some(grant.booked_as()),
                ..keystead::store::AttemptFilter::default()
            };
            let found = custody
                .store()
                .recent_attempts(grant.organization, &filter, None, 10)
                .await;
            found.unwrap().attempts.len()
        })
        .await;
    assert_eq!(booked, 2);
}

async fn the_store_is_asked_once(store: Store) {
    let bed = Bed::on(store).await;
    bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    for _ in 0..5 {
        bed.chat(&bed.own, &token).await.expect(200);
    }
    let asked = "keystead_token_lookups_total{outcome=\"found\"}";
    assert_eq!(bed.ks().metric(asked), 1.0);
}

async fn hosts_ask_for_links_and_confirm_them(store: Store) {
    let bed = Bed::on(store).await;
    let wanted = [
        ("uid", &*bed.uid),
        ("handle", "own"),
        ("return_to", BACK),
        ("state", "s 1"),
    ];
    let made = bed.host("/connect/links", &wanted).await.expect(200);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!(made["expires_in"], 600);
    let url = bed.ks().place.plant("link", text(&made, "connect_url"));
    assert!(url.contains("/connect/l/ksl1_"));
    // As JSON, with the secret in the header.
    let basic = format!(
        "{}:{}",
        bed.scene.app.client_id, bed.scene.app.client_secret
    );
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, basic);
    let body = json!({"uid": bed.uid, "handle": "mixed", "return_to": BACK, "state": null});
    let ask = Ask::post("/connect/links")
        .header("authorization", format!("Basic {basic}"))
        .json(&body);
    bed.scene.client().send(ask.secret()).await.expect(200);

    let long = "s".repeat(513);
    for (name, value, status, error) in [
        (
            "return_to",
            "https://app.example/other",
            400,
            "invalid_request",
        ),
        ("return_to", "", 400, "invalid_request"),
        // It works with the application's key.
        ("handle", "chat", 400, "invalid_request"),
        ("handle", "nothing", 400, "invalid_request"),
        ("uid", "", 400, "invalid_request"),
        ("state", &long, 400, "invalid_request"),
        ("client_secret", "nonsense", 401, "invalid_client"),
    ] {
        let mut fields = wanted.to_vec();
        fields.retain(|(known, _)| *known != name);
        let mut own = vec![
            ("client_id", &*bed.scene.app.client_id),
            ("client_secret", &*bed.scene.app.client_secret),
        ];
        own.retain(|(known, _)| *known != name);
        own.extend(fields);
        own.push((name, value));
        let ask = Ask::post("/connect/links").form(&own).secret();
        let reply = bed.scene.client().send(ask).await;
        assert_eq!(reply.status, status, "{name}={value}: {}", reply.text());
        assert_eq!(reply.json()["error"], error, "{name}={value}");
    }
    let code = planted::alphanumeric(43);
    for code in [&*code, "ksl1_", &url] {
        let fields = [("uid", &*bed.uid), ("code", code)];
        let reply = bed.host("/connect/confirm", &fields).await;
        assert_eq!(reply.json()["error"], "invalid_grant", "{}", reply.text());
    }
    // A client that can't keep a secret vouches for nobody.
    let public = json!({"name": "Public", "public": true, "redirect_uris": [BACK]});
    let public = bed.ks().manage("POST", "/applications", &public).await;
    let client_id = text(&public, "client_id");
    let ask = Ask::post("/connect/status").form(&[("client_id", &client_id), ("uid", "u")]);
    let reply = bed.scene.client().send(ask).await;
    assert_eq!(reply.json()["error"], "unauthorized_client");

    let status = bed.host("/connect/status", &[("uid", &bed.uid)]).await;
    assert_eq!(status.expect(200).json()["connected"], false);
    let brought = bed.bring(GrantTerms::default()).await;
    let asked = [("uid", &*bed.uid), ("handle", "own")];
    let status = bed.host("/connect/status", &asked).await;
    let status = status.expect(200).json();
    let last4 = &brought.secret[brought.secret.len() - 4..];
    assert_eq!(status["connected"], true, "{status}");
    assert_eq!(status["last4"], last4, "{status}");
    assert_eq!(status["status"], "valid", "{status}");
    assert_eq!(status["addons"], json!(["mixed", "own"]), "{status}");
    // Ranges say where its users are; a host's backend is elsewhere.
    let path = format!("/applications/{}", bed.scene.app.id);
    let ranges = json!({"addresses": ["127.99.99.99/32"]});
    bed.ks().manage("PATCH", &path, &ranges).await;
    let status = bed.host("/connect/status", &wanted).await.expect(200);
    assert_eq!(status.json()["connected"], true);
}

async fn a_page_asks_what_its_user_has_connected(store: Store) {
    let bed = Bed::on(store).await;
    bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    let path = format!("/connect/status/{}", bed.scene.app.client_id);
    let ask = async |token: &str, origin: &str| {
        let ask = Ask::get(&path).bearer(token).header("origin", origin);
        bed.scene.client().send(ask).await
    };
    let allowed = "access-control-allow-origin";
    let reply = ask(&token, PAGE).await.expect(200);
    assert_eq!(reply.header(allowed), Some(PAGE));
    assert_eq!(reply.json()["connected"], true);
    let other = bed.ks().token(&bed.scene.app).await;
    assert_eq!(
        ask(&other, PAGE).await.expect(200).json()["connected"],
        false
    );
    for origin in ["https://evil.example", "null"] {
        let reply = ask(&token, origin).await.expect(403);
        assert_eq!(reply.header(allowed), None);
    }
    let reply = ask("kst1_nonsense", PAGE).await.expect(401);
    assert_eq!(reply.json()["error"], "invalid_token");
    assert_eq!(reply.header(allowed), Some(PAGE));
    // Nor does a token of another application's count here.
    let another = bed.ks().app().await;
    wanting(bed.ks(), &another, "own").await;
    let foreign = bed.ks().token_for(&another, &bed.uid).await;
    ask(&foreign, PAGE).await.expect(401);
    let preflight = Ask::new("OPTIONS", &path)
        .header("origin", PAGE)
        .header("access-control-request-method", "GET");
    let reply = bed.scene.client().send(preflight).await.expect(204);
    assert_eq!(reply.header(allowed), Some(PAGE));
    bed.ks().revoke_token(&bed.scene.app, &token).await;
    ask(&token, PAGE).await.expect(401);
}
