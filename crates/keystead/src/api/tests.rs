use std::{
    path::PathBuf,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::body::{Body, to_bytes};
use http::{Method, StatusCode};
use keystead_providers::{CheckOutcome, Provider};
use keystead_vault::ProviderKey;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    audit::Actor,
    clock::Clock,
    config::{self, Sources},
    custody::NewAccount,
    ids::OrganizationId,
    root::RootKeySource,
    store::{Access, ApiScope, Email, NewApiToken, Role, StoreUrl},
};

/// A store of its own on disk, an API over it, and a provider that says what the test wants.
struct Bed {
    api: Api,
    says: Arc<Says>,
    folder: PathBuf,
}

#[derive(Debug)]
struct Says {
    answer: Mutex<Asked>,
    admits: Mutex<Result<(), &'static str>>,
    asked: AtomicU32,
}

impl KeyChecker for Says {
    fn admit<'a>(
        &'a self,
        _: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send + 'a>> {
        Box::pin(async { *self.admits.lock() })
    }

    fn ask<'a>(
        &'a self,
        _: &'static dyn Provider,
        _: &'a ProviderKey,
        _: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.answer.lock().clone() })
    }
}

impl Bed {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("keystead-api-{}-{number}", std::process::id()));
        let mut flags: std::collections::BTreeMap<String, String> = settings
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        flags.insert("server.data_dir".into(), folder.display().to_string());
        let config = config::resolve(&Sources {
            flags,
            ..Sources::default()
        })
        .unwrap()
        .config;
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system())
            .await
            .unwrap();
        let source = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store, &source).await.unwrap();
        let says = Arc::new(Says {
            answer: Mutex::new(Asked::Said(CheckOutcome::Valid)),
            admits: Mutex::new(Ok(())),
            asked: AtomicU32::new(0),
        });
        let checker: Arc<dyn KeyChecker> = says.clone();
        let api = Api::new(&config, custody, checker, Metrics::new());
        Self { api, says, folder }
    }

    /// A fresh organization and its owner's API token.
    async fn organization(&self) -> (OrganizationId, String) {
        let custody = self.api.custody();
        let made = custody
            .create_organization(Actor::Operator, "Org")
            .await
            .unwrap();
        (
            made.id,
            self.member(made.id, Role::Owner, ApiScope::All).await,
        )
    }

    async fn member(&self, organization: OrganizationId, role: Role, scope: ApiScope) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let email = Email::parse(&format!("m{number}@example.org")).unwrap();
        let new = NewAccount {
            email,
            organization,
            role,
        };
        let account = self
            .api
            .custody()
            .create_account(Actor::Operator, new)
            .await
            .unwrap()
            .id;
        let new = NewApiToken {
            organization,
            account,
            name: "test".into(),
            scopes: vec![scope],
            expires_at: None,
        };
        let made = self
            .api
            .store()
            .create_api_token(Actor::Operator, new)
            .await;
        made.unwrap().1.expose().to_owned()
    }

    async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let response = router(self.api.clone())
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        (status, value)
    }

    async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.call(token, Method::GET, path, Value::Null).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(token, Method::POST, path, body).await
    }

    /// An application with a key and an AddOn; their ids.
    async fn furnish(&self, token: &str) -> (String, String, String) {
        let (_, app) = self
            .post(token, "/applications", json!({"name": "Shop"}))
            .await;
        let app = text(&app, "application_id");
        let key = json!({"application_id": app, "provider": "openai", "name": "k", "key": KEY});
        let (_, key) = self.post(token, "/keys", key).await;
        let key = text(&key, "key_id");
        let addon = json!({"application_id": app, "handle": "chat", "type": "text", "key_id": key});
        let (_, addon) = self.post(token, "/addons", addon).await;
        (app, key, text(&addon, "addon_id"))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

const KEY: &str = "sk-proj-Canary0123456789abcdefWXYZ";

#[tokio::test]
async fn the_main_job_is_set_up_in_three_calls() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (status, app) = bed
        .post(
            &token,
            "/applications",
            json!({"name": "Shop", "origins": ["https://a.example"]}),
        )
        .await;
    assert_eq!(status, 201, "{app}");
    assert!(text(&app, "client_secret").starts_with("ksc1_"));
    let (application, client) = (text(&app, "application_id"), text(&app, "client_id"));

    let new =
        json!({"application_id": application, "provider": "openai", "name": "main", "key": KEY});
    let (status, key) = bed.post(&token, "/keys", new).await;
    assert_eq!(status, 201, "{key}");
    assert_eq!(
        (&key["provider"], &key["last4"], &key["status"]),
        (&json!("openai"), &json!("WXYZ"), &json!("valid"))
    );
    assert_eq!(key["destination"], "https://api.openai.com");

    let new = json!({"application_id": application, "handle": "chat", "type": "text", "key_id": key["key_id"]});
    let (status, addon) = bed.post(&token, "/addons", new.clone()).await;
    assert_eq!(status, 201, "{addon}");
    assert_eq!(
        addon["base_url"],
        format!("http://localhost:8420/proxy/{client}/chat/v1")
    );
    let (status, problem) = bed.post(&token, "/addons", new).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("handle_taken"))
    );
    assert_eq!(problem["type"], "urn:keystead:error:handle_taken");
}

#[tokio::test]
async fn no_answer_ever_holds_the_key_or_an_old_secret() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    let (_, made) = bed
        .post(
            &token,
            &format!("/applications/{app}/client-secrets"),
            json!({}),
        )
        .await;
    let secret = text(&made, "client_secret");
    for path in [
        "/applications".to_owned(),
        format!("/applications/{app}"),
        format!("/applications/{app}/client-secrets"),
        "/keys".to_owned(),
        format!("/keys/{key}"),
        "/addons".to_owned(),
        format!("/addons/{addon}"),
        "/usage".to_owned(),
        "/audit".to_owned(),
    ] {
        let (status, value) = bed.get(&token, &path).await;
        assert_eq!(status, 200, "{path}: {value}");
        let said = value.to_string();
        assert!(
            !said.contains("Canary") && !said.contains(&secret) && !said.contains("ksc1_"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_refused_key_is_not_stored_and_an_unreachable_provider_is_told() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, app) = bed
        .post(&token, "/applications", json!({"name": "Shop"}))
        .await;
    let new = |extra: Value| {
        let mut body = json!({"application_id": app["application_id"], "provider": "openai", "name": "k", "key": KEY});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, problem) = bed.post(&token, "/keys", new(json!({}))).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("key_refused"))
    );
    let (_, listed) = bed.get(&token, "/keys").await;
    assert_eq!(
        listed,
        json!({"data": [], "next_cursor": null, "has_more": false})
    );

    *bed.says.answer.lock() = Asked::Unreachable;
    let (status, key) = bed.post(&token, "/keys", new(json!({}))).await;
    assert_eq!(
        (status.as_u16(), &key["status"]),
        (201, &json!("unchecked"))
    );
    assert!(text(&key, "note").contains("could not be reached"));

    let asked = bed.says.asked.load(Ordering::Relaxed);
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, key) = bed
        .post(&token, "/keys", new(json!({"skip_check": true})))
        .await;
    assert_eq!(
        (status.as_u16(), &key["status"]),
        (201, &json!("unchecked"))
    );
    assert_eq!(
        bed.says.asked.load(Ordering::Relaxed),
        asked,
        "nobody was asked"
    );

    let refused = [
        json!({"key": "sk-admin-0123456789abcdef"}),
        json!({"key": "short"}),
        json!({"endpoint": "https://evil.example"}),
        json!({"endpoint": "http://api.openai.com"}),
        json!({"endpoint": "https://169.254.169.254", "skip_check": true}),
        json!({"provider": "nobody"}),
    ];
    for extra in refused {
        let (status, problem) = bed.post(&token, "/keys", new(extra.clone())).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (422, &json!("invalid")),
            "{extra}"
        );
        assert!(!problem.to_string().contains("0123456789"), "{problem}");
    }
    *bed.says.admits.lock() = Err("the address is private");
    let (status, _) = bed
        .post(&token, "/keys", new(json!({"skip_check": true})))
        .await;
    assert_eq!(status, 422, "an inner address is refused even unchecked");
}

#[tokio::test]
async fn a_rotation_checks_first_and_keeps_the_place() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, key, _) = bed.furnish(&token).await;
    let rotate = format!("/keys/{key}/rotate");
    let new = json!({"key": "sk-proj-Second0123456789abcdefABCD"});

    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, problem) = bed.post(&token, &rotate, new.clone()).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("key_refused"))
    );
    let (_, same) = bed.get(&token, &format!("/keys/{key}")).await;
    assert_eq!(
        (&same["version"], &same["last4"]),
        (&json!(1), &json!("WXYZ"))
    );

    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Valid);
    let (status, rotated) = bed.post(&token, &rotate, new).await;
    assert_eq!(status, 200, "{rotated}");
    assert_eq!(
        (&rotated["version"], &rotated["last4"]),
        (&json!(2), &json!("ABCD"))
    );
    let (_, shown) = bed.get(&token, &format!("/keys/{key}")).await;
    assert_eq!(
        shown["versions"].as_array().unwrap().len(),
        2,
        "the old one stays for an overlap"
    );
    let (status, _) = bed
        .post(&token, &rotate, json!({"key": KEY, "overlap_s": 9_999_999}))
        .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_check_is_told_and_kept() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, key, _) = bed.furnish(&token).await;
    for (answer, status) in [
        (Asked::Said(CheckOutcome::NoCredit), "no_credit"),
        (
            Asked::Said(CheckOutcome::NoPermission {
                missing: vec!["a.b".into()],
            }),
            "no_permission",
        ),
        (Asked::Said(CheckOutcome::Wrong), "wrong"),
        (Asked::Unreachable, "wrong"),
        (Asked::Said(CheckOutcome::Valid), "valid"),
    ] {
        *bed.says.answer.lock() = answer.clone();
        let (code, shown) = bed
            .post(&token, &format!("/keys/{key}/check"), json!({}))
            .await;
        assert_eq!(
            (code.as_u16(), &shown["status"]),
            (200, &json!(status)),
            "{answer:?}"
        );
    }
    let (_, events) = bed.get(&token, "/audit?limit=200").await;
    let opened = |event: &&Value| event["action"] == "key.opened";
    let events = events["data"].as_array().unwrap().clone();
    assert_eq!(
        events.iter().filter(opened).count(),
        5,
        "each opening is on record"
    );
}

#[tokio::test]
async fn switches_work_both_ways_and_deletion_is_for_good() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    for path in [
        format!("/applications/{app}"),
        format!("/keys/{key}"),
        format!("/addons/{addon}"),
    ] {
        for (verb, disabled) in [("disable", true), ("enable", false)] {
            let (status, shown) = bed.post(&token, &format!("{path}/{verb}"), json!({})).await;
            assert_eq!(
                (status.as_u16(), &shown["disabled"]),
                (200, &json!(disabled)),
                "{path}"
            );
        }
    }
    let change = json!({"models": ["gpt-5"], "allow": ["background", "store"], "strict": true});
    let (status, shown) = bed
        .call(&token, Method::PATCH, &format!("/addons/{addon}"), change)
        .await;
    assert_eq!(
        (status.as_u16(), &shown["strict"], &shown["models"]),
        (200, &json!(true), &json!(["gpt-5"]))
    );
    let wrong = json!({"operations": ["files.delete-everything"], "allow": ["flying"]});
    let (status, problem) = bed
        .call(&token, Method::PATCH, &format!("/addons/{addon}"), wrong)
        .await;
    assert_eq!(
        (status.as_u16(), problem["errors"].as_array().unwrap().len()),
        (422, 2)
    );

    for path in [format!("/addons/{addon}"), format!("/keys/{key}")] {
        let (status, _) = bed.call(&token, Method::DELETE, &path, Value::Null).await;
        assert_eq!(status, 204);
        assert_eq!(bed.get(&token, &path).await.0, 404);
    }
}

#[tokio::test]
async fn an_addon_outlives_its_key() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    let (key, addon) = (format!("/keys/{key}"), format!("/addons/{addon}"));
    bed.call(&token, Method::DELETE, &key, Value::Null).await;

    let (status, listed) = bed.get(&token, "/addons").await;
    assert_eq!(status, 200, "{listed}");
    let (status, shown) = bed.get(&token, &addon).await;
    assert_eq!(status, 200, "{shown}");
    for shown in [&listed["data"][0], &shown] {
        assert_eq!(shown["handle"], "chat");
        assert!(
            shown["key_id"].is_null() && shown["base_url"].is_null(),
            "{shown}"
        );
    }
    let (status, _) = bed
        .post(&token, &format!("{addon}/disable"), json!({}))
        .await;
    assert_eq!(status, 200);
    let change = json!({"strict": true});
    let (status, shown) = bed.call(&token, Method::PATCH, &addon, change).await;
    assert_eq!(status, 200, "{shown}");

    let other = json!({"application_id": app, "provider": "openai", "name": "k", "key": KEY});
    let (_, other) = bed.post(&token, "/keys", other).await;
    let change = json!({"key_id": other["key_id"]});
    let (status, shown) = bed.call(&token, Method::PATCH, &addon, change).await;
    assert_eq!((status.as_u16(), &shown["key_id"]), (200, &other["key_id"]));
    let (status, _) = bed.call(&token, Method::DELETE, &addon, Value::Null).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn a_list_goes_on_where_it_ended() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    for number in 0..5 {
        bed.post(
            &token,
            "/applications",
            json!({"name": format!("App {number}")}),
        )
        .await;
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = bed
            .get(&token, &format!("/applications?limit=2{cursor}"))
            .await;
        names.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| text(row, "name")),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["App 0", "App 1", "App 2", "App 3", "App 4"]);
    for bad in ["limit=0", "cursor=x", "page=2"] {
        let (status, _) = bed.get(&token, &format!("/applications?{bad}")).await;
        assert!(status.is_client_error(), "{bad}");
    }
}

/// Every route with what it takes to reach it, and whether developers and auditors may.
fn routes(app: &str, key: &str, addon: &str) -> Vec<(Method, String, Value, &'static str)> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let new_key = json!({"application_id": app, "provider": "openai", "name": "n", "key": KEY});
    let new_addon = json!({"application_id": app, "handle": "other", "type": "any", "key_id": key});
    let secret = format!("/applications/{app}/client-secrets/sec_{}", "0".repeat(32));
    vec![
        (get.clone(), "/applications".into(), Value::Null, "oada"),
        (
            get.clone(),
            format!("/applications/{app}"),
            Value::Null,
            "oada",
        ),
        (
            get.clone(),
            format!("/applications/{app}/client-secrets"),
            Value::Null,
            "oada",
        ),
        (get.clone(), "/keys".into(), Value::Null, "oada"),
        (get.clone(), format!("/keys/{key}"), Value::Null, "oada"),
        (get.clone(), "/addons".into(), Value::Null, "oada"),
        (get.clone(), format!("/addons/{addon}"), Value::Null, "oada"),
        (get.clone(), "/usage".into(), Value::Null, "oada"),
        (get, "/audit".into(), Value::Null, "oa-a"),
        (
            post.clone(),
            "/applications".into(),
            json!({"name": "n"}),
            "oad-",
        ),
        (
            patch.clone(),
            format!("/applications/{app}"),
            json!({"name": "n"}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/applications/{app}/disable"),
            json!({}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/applications/{app}/enable"),
            json!({}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/applications/{app}/client-secrets"),
            json!({}),
            "oad-",
        ),
        (delete.clone(), secret, Value::Null, "oad-"),
        (post.clone(), "/keys".into(), new_key, "oad-"),
        (
            post.clone(),
            format!("/keys/{key}/check"),
            json!({}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/keys/{key}/rotate"),
            json!({"key": KEY}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/keys/{key}/disable"),
            json!({}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/keys/{key}/enable"),
            json!({}),
            "oad-",
        ),
        (post.clone(), "/addons".into(), new_addon, "oad-"),
        (
            patch,
            format!("/addons/{addon}"),
            json!({"strict": true}),
            "oad-",
        ),
        (
            post.clone(),
            format!("/addons/{addon}/disable"),
            json!({}),
            "oad-",
        ),
        (post, format!("/addons/{addon}/enable"), json!({}), "oad-"),
        (
            delete.clone(),
            format!("/addons/{addon}"),
            Value::Null,
            "oad-",
        ),
        (delete, format!("/keys/{key}"), Value::Null, "oad-"),
    ]
}

#[tokio::test]
async fn every_route_knows_every_role() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&owner).await;
    // From the least mighty, so that nothing is gone before the others come.
    for (position, role) in Role::ALL.into_iter().enumerate().rev() {
        let token = bed.member(organization, role, ApiScope::All).await;
        for (method, path, body, allowed) in routes(&app, &key, &addon) {
            let may = allowed.as_bytes()[position] != b'-';
            if may && (role != Role::Owner && method == Method::DELETE) {
                continue;
            }
            let (status, value) = bed.call(&token, method.clone(), &path, body).await;
            let name = format!("{} {method} {path}: {status} {value}", role.word());
            assert_eq!(status == StatusCode::FORBIDDEN, !may, "{name}");
            assert!(
                status != StatusCode::UNAUTHORIZED && !status.is_server_error(),
                "{name}"
            );
        }
    }
    let (_, events) = bed.get(&owner, "/audit?limit=200").await;
    let denied =
        |event: &&Value| event["outcome"] == "denied" && event["action"] == "access.denied";
    assert!(
        events["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(denied)
            .count()
            >= 17,
        "denials are on record"
    );
}

#[tokio::test]
async fn another_tenants_objects_do_not_exist() {
    let bed = Bed::new().await;
    let (_, ours) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&ours).await;
    let (_, theirs) = bed.organization().await;
    for (method, path, body, _) in routes(&app, &key, &addon) {
        let (status, value) = bed.call(&theirs, method.clone(), &path, body).await;
        let name = format!("{method} {path}: {status} {value}");
        match path.contains('_')
            || path == "/keys" && method == Method::POST
            || path == "/addons" && method == Method::POST
        {
            true => assert_eq!(status, 404, "{name}"),
            false => assert!(!value.to_string().contains(&app), "{name}"),
        }
    }
    assert_eq!(
        bed.get(&ours, &format!("/keys/{key}")).await.1["disabled"],
        false
    );
}

#[tokio::test]
async fn a_token_must_be_an_api_token_that_is_in_use() {
    let bed = Bed::new().await;
    let (organization, token) = bed.organization().await;
    let (_, made) = bed
        .post(&token, "/applications", json!({"name": "n"}))
        .await;
    let secret = text(&made, "client_secret");
    let stranger = keystead_vault::Token::generate(keystead_vault::TokenKind::Api);
    for wrong in [
        "",
        "ksa1_",
        &secret,
        stranger.expose(),
        &token[..token.len() - 1],
    ] {
        let (status, problem) = bed.get(wrong, "/keys").await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (401, &json!("unauthenticated"))
        );
    }
    let narrow = bed.member(organization, Role::Owner, ApiScope::Usage).await;
    assert_eq!(bed.get(&narrow, "/usage").await.0, 200);
    assert_eq!(bed.get(&narrow, "/keys").await.0, 403);
}

#[tokio::test]
async fn management_can_be_limited_to_addresses() {
    let bed = Bed::with(&[("console.allow", "10.0.0.0/8")]).await;
    let (_, token) = bed.organization().await;
    for (address, status) in [
        (None, 403),
        (Some("10.1.2.3"), 200),
        (Some("::ffff:10.1.2.3"), 200),
        (Some("11.1.2.3"), 403),
    ] {
        let mut request = Request::get("/api/v1/keys")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        if let Some(address) = address {
            request
                .extensions_mut()
                .insert(ClientAddress(address.parse().unwrap()));
        }
        let response = router(bed.api.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{address:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so_in_the_same_form() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "no_such_route"),
        (Method::PUT, "/keys", 405, "method_not_allowed"),
        (Method::TRACE, "/keys", 405, "method_not_allowed"),
        (Method::GET, "/keys/key_1", 404, "not_found"),
        (
            Method::GET,
            "/keys/app_00000000000000000000000000000000",
            404,
            "not_found",
        ),
    ] {
        let (found, problem) = bed.call(&token, method.clone(), path, Value::Null).await;
        assert_eq!(
            (found.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
}
