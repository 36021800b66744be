//! The management API over a store on disk and a provider that says what a test wants.

mod access;
mod document;
mod idempotency;
mod keys;
mod matrix;
mod objects;
mod people;

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, to_bytes};
use http::{Method, StatusCode};
use keystead_providers::{CheckOutcome, Destination, Provider};
use keystead_vault::ProviderKey;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    alerts::{AlertKind, Finding},
    audit::Actor,
    clock::Clock,
    config::{self, Sources},
    custody::{Custody, NewAccount},
    ids::OrganizationId,
    limits::Limits,
    manage::{Asked, KeyChecker},
    root::RootKeySource,
    store::{
        Access, ApiScope, Email, NewApiToken, NewSession, Role, SignInMethod, Store, StoreUrl,
    },
};

/// A store of its own on disk, an API over it, and a provider that says what the test wants.
struct Bed {
    manage: Manage,
    gate: Gate,
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
        let limits = Limits::new(custody.store().clock().now(), None);
        let manage = Manage::new(
            &config,
            custody,
            checker,
            limits,
            Arc::default(),
            Default::default(),
        );
        let gate = Gate {
            console: config.console,
            metrics: Metrics::new(),
        };
        Self {
            manage,
            gate,
            says,
            folder,
        }
    }

    /// A fresh organization and its owner's API token.
    async fn organization(&self) -> (OrganizationId, String) {
        let custody = self.manage.custody();
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
            .manage
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
            .manage
            .store()
            .create_api_token(Actor::Operator, new)
            .await;
        made.unwrap().1.expose().to_owned()
    }

    /// A session of that account at the console; its id.
    async fn session(&self, organization: OrganizationId, account: &str) -> String {
        let new = NewSession {
            organization,
            account: account.parse().unwrap(),
            method: SignInMethod::Password,
            browser: "Firefox, Linux".to_owned(),
            lasts: Duration::from_secs(3_600),
            replaces: None,
        };
        let (session, _) = self.manage.store().create_session(new).await.unwrap();
        session.id.to_string()
    }

    /// Something that was found in an organization.
    async fn alert(&self, organization: OrganizationId) -> String {
        let store = self.manage.store();
        let finding = Finding::new(AlertKind::KeyEchoed, "proxy", &organization);
        store.raise(finding.within(organization));
        let mut all = store.alerts().await.unwrap();
        all.retain(|alert| alert.organization == Some(organization));
        all.remove(0).id.to_string()
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
        let response = router(self.manage.clone(), self.gate.clone())
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_lines = kind.is_some_and(|kind| kind == "application/jsonl");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let read = |text: &[u8]| serde_json::from_slice(text).unwrap();
        let value = match (bytes.is_empty(), is_lines) {
            (true, _) => Value::Null,
            (false, false) => read(&bytes),
            (false, true) => bytes
                .trim_ascii()
                .split(|byte| *byte == b'\n')
                .map(read)
                .collect(),
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
