//! Tombstones at an address: kept before anything is erased, asked for when a backup is restored, believed
//! as they were signed alone.

use std::fs;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{lose, private};
use crate::harness::{Keystead, Scene, Store, on_each_store, planted};

on_each_store!(
    tombstones_at_an_address_come_first_and_are_replayed,
    tombstones_that_can_not_be_believed_or_had_stop_a_restore,
);

/// Somebody else's service, which keeps lines.
#[derive(Clone, Default)]
struct Keeper {
    lines: Arc<Mutex<String>>,
    /// What it asks of whoever comes.
    secret: String,
    is_away: Arc<Mutex<bool>>,
}

impl Keeper {
    /// Starts it; its address.
    async fn start(&self) -> String {
        let knows = |keeper: &Self, headers: &HeaderMap| {
            let shown = headers.get("authorization").and_then(|it| it.to_str().ok());
            shown == Some(keeper.secret.as_str()) && !*keeper.is_away.lock()
        };
        let take = async move |State(keeper): State<Self>, headers: HeaderMap, body: String| {
            if !knows(&keeper, &headers) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            keeper.lines.lock().push_str(&format!("{body}\n"));
            StatusCode::NO_CONTENT
        };
        let give = async move |State(keeper): State<Self>, headers: HeaderMap| match knows(
            &keeper, &headers,
        ) {
            true => (StatusCode::OK, keeper.lines.lock().clone()),
            false => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        };
        let router = Router::new()
            .route("/tombstones", get(give).post(take))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/tombstones", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }
}

/// A scene whose tombstones go to an address.
async fn begin(store: Store) -> (Scene, Keeper) {
    let keeper = Keeper {
        secret: format!("Bearer {}", planted::hex(32)),
        ..Keeper::default()
    };
    let address = keeper.start().await;
    let ks = Keystead::prepare(store)
        .set("erasure.tombstones", &format!("\"{address}\""))
        .set(
            "erasure.tombstones_authorization",
            &format!("\"{}\"", keeper.secret),
        )
        .start()
        .await;
    (Scene::within(ks, "openai").await, keeper)
}

async fn backed_up(ks: &Keystead) -> String {
    let file = ks.place.path().join("a.backup").display().to_string();
    let made = ks.local_command(&["backup", "--out", &file, "--json"]);
    made.run().await.json();
    file
}

/// The machine is lost, but for the root key.
pub(super) async fn lost(ks: &Keystead) {
    ks.kill();
    let key = ks.data_dir().join("root.key");
    let right = fs::read(&key).unwrap();
    lose(ks).await;
    fs::create_dir(ks.data_dir()).unwrap();
    private(&key, &right);
}

async fn tombstones_at_an_address_come_first_and_are_replayed(store: Store) {
    let (scene, keeper) = begin(store).await;
    let ks = &scene.ks;
    let uid = ks.uid();
    let token = ks.token_for(&scene.app, &uid).await;
    let ask = || scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(ask()).await.expect(200);
    let who = json!({"application_id": scene.app.id, "uid": uid});
    let file = backed_up(ks).await;

    // Nobody to keep it: nothing is erased, and it says so.
    *keeper.is_away.lock() = true;
    let refused = ks.api("POST", "/subjects/erase", &who).await;
    let problem = refused.json();
    assert_eq!(
        (refused.status, &problem["code"]),
        (503, &json!("tombstone_not_kept")),
        "{problem}"
    );
    scene.client().send(ask()).await.expect(200);
    *keeper.is_away.lock() = false;
    let receipt = ks.manage("POST", "/subjects/erase", &who).await;
    scene.client().send(ask()).await.expect(401);
    let lines = keeper.lines.lock().clone();
    let id = receipt["erasure_id"].as_str().unwrap();
    assert_eq!(lines.lines().count(), 1);
    assert!(lines.contains(id) && !lines.contains(&uid), "{lines}");

    lost(ks).await;
    let restored = ks
        .local_command(&["restore", &file, "--json"])
        .run()
        .await
        .json();
    assert_eq!(restored["tombstones"], 1, "{restored}");
    ks.local_command(&["restored", "enable"])
        .run()
        .await
        .expect(0);
    ks.start_again().await;
    let export = ks.manage("POST", "/subjects/export", &who).await;
    assert_eq!(export["data"]["usage_subjects"], json!([]), "{export}");
}

async fn tombstones_that_can_not_be_believed_or_had_stop_a_restore(store: Store) {
    let (scene, keeper) = begin(store).await;
    let ks = &scene.ks;
    let file = backed_up(ks).await;
    let who = json!({"application_id": scene.app.id, "uid": ks.uid()});
    ks.manage("POST", "/subjects/erase", &who).await;
    lost(ks).await;
    let whole = keeper.lines.lock().clone();
    let restore = async || {
        let said = ks.local_command(&["restore", &file, "--json"]).run().await;
        match said.code {
            0 => Value::Null,
            _ => said.failure(1)["code"].clone(),
        }
    };
    *keeper.is_away.lock() = true;
    assert_eq!(restore().await, "tombstones_unreadable");
    *keeper.is_away.lock() = false;
    for edited in [
        whole.replace(
            "\\\"kind\\\":\\\"subject\\\"",
            "\\\"kind\\\":\\\"account\\\"",
        ),
        whole.replacen("keystead/tombstone", "keystead/receipt", 1),
        format!("{{}}\n{whole}"),
    ] {
        assert_ne!(edited, whole);
        *keeper.lines.lock() = edited;
        assert_eq!(restore().await, "tombstones_damaged");
    }
    *keeper.lines.lock() = whole;
    assert_eq!(restore().await, Value::Null);
}

/// TLS that nobody vouches for is no place: what would be kept there is not erased.
#[tokio::test]
async fn an_address_whose_certificate_nobody_vouches_for_keeps_nothing() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that trusts nobody here ends it.
            drop(acceptor.accept(stream).await);
        }
    });
    let address = format!("\"https://localhost:{port}/tombstones\"");
    let ks = Keystead::prepare(Store::Sqlite)
        .set("erasure.tombstones", &address)
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let who = json!({"application_id": scene.app.id, "uid": scene.ks.uid()});
    let refused = scene.ks.api("POST", "/subjects/erase", &who).await;
    assert_eq!(refused.json()["code"], "tombstone_not_kept");
}
