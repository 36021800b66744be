//! The endpoints, asked as a client asks, on a store of their own.

mod lives;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::body::{Body, to_bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, StatusCode, header};
use keystead_providers::AddOnType;
use keystead_vault::{TokenKind, token_hash};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::{
    audit::Actor,
    clock::Clock,
    config::{self, Sources},
    limits::RowLimits,
    net::address::AddressRules,
    root::RootKeySource,
    store::{Access, Application, KeySource, NewAddOn, NewApplication, Operations, StoreUrl},
};

struct Bed {
    oauth: OAuth,
    application: Application,
    secret: String,
    folder: PathBuf,
}

impl Bed {
    /// A store with one application that has the AddOn `chat`.
    async fn new() -> Self {
        Self::at(Clock::system()).await
    }

    async fn at(clock: Clock) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("keystead-oauth-{}-{number}", std::process::id()));
        let flags = [("server.data_dir".to_owned(), folder.display().to_string())].into();
        let config = config::resolve(&Sources {
            flags,
            ..Sources::default()
        })
        .unwrap()
        .config;
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        let store = Store::open(&url, Access::Write, clock).await.unwrap();
        let source = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store, &source).await.unwrap();
        let organization = custody
            .create_organization(Actor::Operator, "Org")
            .await
            .unwrap()
            .id;
        let new = NewApplication {
            name: "Shop".into(),
            redirect_uris: vec!["https://app.example/".to_owned()],
            ..NewApplication::default()
        };
        let made = custody
            .create_application(Actor::Operator, organization, new)
            .await
            .unwrap();
        let (application, secret) = (made.0, made.1.unwrap().1.expose().to_owned());
        let addon = NewAddOn {
            application: application.id,
            handle: "chat".parse().unwrap(),
            kind: AddOnType::Text,
            key: None,
            key_source: KeySource::Application,
            provider: None,
            models: Vec::new(),
            operations: Operations::Default,
            allow: Vec::new(),
            strict: false,
            limits: RowLimits::default(),
        };
        custody
            .store()
            .install_addon(Actor::Operator, organization, addon)
            .await
            .unwrap();
        let connector = Connector::new(AddressRules::default(), Duration::from_secs(1));
        let oauth = OAuth::new(&config, custody, Metrics::new(), connector);
        Self {
            oauth,
            application,
            secret,
            folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, header::HeaderMap, Value) {
        let response = router(self.oauth.clone()).oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (status, headers, value)
    }

    async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, header::HeaderMap, Value) {
        self.send(post("/oauth/token", fields)).await
    }

    /// The fields of a good request, with others in place of or after them.
    fn fields<'a>(
        &'a self,
        client: &'a str,
        more: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, &'a str)> {
        let mut all = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", &self.secret),
            ("uid", "u-1"),
        ];
        for (name, value) in more {
            all.retain(|(known, _)| known != name);
            all.push((name, value));
        }
        all
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn post(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap()
}

#[tokio::test]
async fn a_host_gets_a_short_lived_token_for_its_user() {
    let bed = Bed::new().await;
    let client = bed.application.client_id.to_string();
    let (status, headers, body) = bed.token(&bed.fields(&client, &[])).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&"Bearer".into(), &600.into())
    );
    assert_eq!(body["scope"], "addon:*");
    let (kind, hash) = token_hash(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(kind, TokenKind::Access);

    let handle = "chat".parse().unwrap();
    let found = bed
        .oauth
        .store()
        .authority(&hash, &bed.application.client_id, &handle)
        .await;
    assert!(matches!(found.unwrap(), crate::store::Lookup::Found(_)));

    let narrow = bed.fields(&client, &[("scope", "addon:chat"), ("expires_in", "1")]);
    let (_, _, body) = bed.token(&narrow).await;
    assert_eq!(
        (&body["scope"], &body["expires_in"]),
        (&"addon:chat".into(), &1.into())
    );
}

#[tokio::test]
async fn basic_authentication_works_and_two_kinds_at_once_do_not() {
    let bed = Bed::new().await;
    let client = bed.application.client_id.to_string();
    let fields = [("grant_type", "client_credentials"), ("uid", "u-1")];
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{client}:{}", bed.secret))
    );
    let with = |fields: &[(&str, &str)]| {
        let mut request = post("/oauth/token", fields);
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, basic.parse().unwrap());
        request
    };
    assert_eq!(bed.send(with(&fields)).await.0, 200);
    let (status, _, body) = bed.send(with(&bed.fields(&client, &[]))).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &"invalid_request".into())
    );
}

#[tokio::test]
async fn unknown_clients_and_wrong_secrets_answer_alike() {
    let bed = Bed::new().await;
    let client = bed.application.client_id.to_string();
    let unknown = crate::ids::ClientId::generate().to_string();
    let other = keystead_vault::Token::generate(TokenKind::ClientSecret);
    let api = keystead_vault::Token::generate(TokenKind::Api);
    let mut answers = Vec::new();
    for (client, secret) in [
        (&*unknown, &*bed.secret),
        (&*client, other.expose()),
        (&*client, api.expose()),
        (&*client, "nonsense"),
        (&*client, ""),
        ("nonsense", &*bed.secret),
    ] {
        let (status, headers, body) = bed
            .token(&bed.fields(client, &[("client_secret", secret)]))
            .await;
        answers.push((status, headers, body));
    }
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0].2["error"], "invalid_client");
    assert!(answers[0].1.contains_key(header::WWW_AUTHENTICATE));
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
}

#[tokio::test]
async fn each_mistake_has_its_word() {
    let bed = Bed::new().await;
    let client = bed.application.client_id.to_string();
    let long = "a".repeat(129);
    for (field, value, code) in [
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
        ("uid", "", "invalid_request"),
        ("uid", &*long, "invalid_request"),
        ("uid", "a\u{0}b", "invalid_request"),
        ("expires_in", "0", "invalid_request"),
        ("expires_in", "3601", "invalid_request"),
        ("expires_in", "ten", "invalid_request"),
        ("scope", "addon:nothing", "invalid_scope"),
        ("scope", "chat", "invalid_scope"),
        ("scope", "addon:chat addon:*", "invalid_scope"),
        ("scope", "addon:CHAT", "invalid_scope"),
    ] {
        let (status, _, body) = bed.token(&bed.fields(&client, &[(field, value)])).await;
        assert_eq!(
            (status.as_u16(), &body["error"]),
            (400, &code.into()),
            "{field}={value}"
        );
    }

    let mut twice = bed.fields(&client, &[]);
    twice.push(("uid", "u-2"));
    assert_eq!(bed.token(&twice).await.0, 400, "a parameter sent twice");
    let query = post("/oauth/token?uid=u-1", &bed.fields(&client, &[]));
    assert_eq!(bed.send(query).await.0, 400, "parameters in the address");
    let json = Request::post("/oauth/token").header(header::CONTENT_TYPE, "application/json");
    assert_eq!(bed.send(json.body(Body::from("{}")).unwrap()).await.0, 400);
    let get = Request::get("/oauth/token").body(Body::empty()).unwrap();
    assert_eq!(bed.send(get).await.0, 405);
}

#[tokio::test]
async fn a_token_can_be_ended_and_nobody_learns_which_exist() {
    let bed = Bed::new().await;
    let client = bed.application.client_id.to_string();
    let (_, _, minted) = bed.token(&bed.fields(&client, &[])).await;
    let token = minted["access_token"].as_str().unwrap();
    let (_, hash) = token_hash(token).unwrap();
    let handle = "chat".parse().unwrap();
    let revoke = |token: &str| {
        let fields = [
            ("client_id", &*client),
            ("client_secret", &*bed.secret),
            ("token", token),
        ];
        bed.send(post("/oauth/revoke", &fields))
    };
    let unknown = keystead_vault::Token::generate(TokenKind::Access);
    for any in [token, token, unknown.expose(), "nonsense"] {
        assert_eq!(revoke(any).await.0, 200);
    }
    let found = bed
        .oauth
        .store()
        .authority(&hash, &bed.application.client_id, &handle)
        .await;
    assert!(matches!(found.unwrap(), crate::store::Lookup::Unknown));
    let fields = [("client_id", &*client), ("token", token)];
    assert_eq!(
        bed.send(post("/oauth/revoke", &fields)).await.0,
        401,
        "without its secret"
    );
}

#[tokio::test]
async fn the_metadata_says_what_there_is() {
    let bed = Bed::new().await;
    let request = Request::get("/.well-known/oauth-authorization-server");
    let (status, _, body) = bed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(body["issuer"], "http://localhost:8420");
    assert_eq!(body["token_endpoint"], "http://localhost:8420/oauth/token");
    assert_eq!(
        body["authorization_endpoint"],
        "http://localhost:8420/oauth/authorize"
    );
    assert_eq!(
        body["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        body["response_types_supported"],
        serde_json::json!(["code"])
    );
}
