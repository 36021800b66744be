//! An OpenID provider of the tests' own: it knows one person, and lies where a test wants it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// A running provider.
#[derive(Clone)]
pub(crate) struct Issuer {
    inner: Arc<Inner>,
    pub(crate) name: String,
}

struct Inner {
    key: EcdsaKeyPair,
    /// What is to be signed instead, member by member.
    lies: Mutex<Value>,
    /// The header's algorithm and key, where a test wants others.
    signed_by: Mutex<Signed>,
    asked: Mutex<Vec<Vec<(String, String)>>>,
    name: Mutex<String>,
    /// Of the sign-in that is under way.
    nonce: Mutex<String>,
    asked_for_keys: AtomicUsize,
}

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    Properly,
    /// With the public key as a shared secret.
    BySecret,
    /// `alg: none`.
    Not,
    /// By a key that the provider does not name.
    ByAnother,
}

pub(crate) const CLIENT_ID: &str = "keystead-tests";

impl Issuer {
    pub(crate) async fn start() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let inner = Arc::new(Inner {
            key,
            lies: Mutex::new(json!({})),
            signed_by: Mutex::new(Signed::Properly),
            asked: Mutex::default(),
            name: Mutex::default(),
            nonce: Mutex::default(),
            asked_for_keys: AtomicUsize::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        inner.name.lock().clone_from(&name);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, name }
    }

    /// What the next tokens say instead of the truth.
    pub(crate) fn lies(&self, members: Value) {
        *self.inner.lies.lock() = members;
    }

    pub(crate) fn signs(&self, how: Signed) {
        *self.inner.signed_by.lock() = how;
    }

    /// The nonce that the browser brought along.
    pub(crate) fn began_with(&self, nonce: &str) {
        nonce.clone_into(&mut self.inner.nonce.lock());
    }

    /// A token of its own, for whoever asks; a claim that is null is left out.
    pub(crate) fn sign(&self, otherwise: &Value) -> String {
        sign(&self.inner, &claims(&self.inner, otherwise))
    }

    pub(crate) fn times_asked_for_keys(&self) -> usize {
        self.inner.asked_for_keys.load(Ordering::SeqCst)
    }

    /// The forms that came to the token endpoint.
    pub(crate) fn asked(&self) -> Vec<Vec<(String, String)>> {
        self.inner.asked.lock().clone()
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.name)
    }
}

async fn discover(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let name = inner.name.lock().clone();
    Json(json!({
        "issuer": name,
        "authorization_endpoint": format!("{name}/authorize"),
        "token_endpoint": format!("{name}/token"),
        "jwks_uri": format!("{name}/keys"),
    }))
}

async fn keys(State(inner): State<Arc<Inner>>) -> Json<Value> {
    inner.asked_for_keys.fetch_add(1, Ordering::SeqCst);
    let point = inner.key.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    Json(json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }]}))
}

async fn token(
    State(inner): State<Arc<Inner>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Json<Value> {
    inner.asked.lock().push(form);
    let mut claims = claims(&inner, &json!({ "nonce": *inner.nonce.lock() }));
    for (name, value) in inner.lies.lock().as_object().unwrap() {
        claims[name] = value.clone();
    }
    Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": sign(&inner, &claims) }))
}

fn claims(inner: &Inner, otherwise: &Value) -> Value {
    let now = keystead::clock::Clock::system().now().as_secs();
    let mut claims = json!({
        "iss": *inner.name.lock(),
        "sub": "person-1",
        "aud": CLIENT_ID,
        "exp": now + 300,
        "iat": now,
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in otherwise.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

fn sign(inner: &Inner, claims: &Value) -> String {
    let header = |algorithm| Header {
        kid: Some("one".to_owned()),
        ..Header::new(algorithm)
    };
    let der = |key: &EcdsaKeyPair| key.to_pkcs8v1().unwrap().as_ref().to_vec();
    match *inner.signed_by.lock() {
        Signed::Properly => {
            let key = EncodingKey::from_ec_der(&der(&inner.key));
            encode(&header(Algorithm::ES256), claims, &key).unwrap()
        }
        Signed::ByAnother => {
            let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let key = EncodingKey::from_ec_der(&der(&other));
            encode(&header(Algorithm::ES256), claims, &key).unwrap()
        }
        Signed::BySecret => {
            let key = EncodingKey::from_secret(inner.key.public_key().as_ref());
            encode(&header(Algorithm::HS256), claims, &key).unwrap()
        }
        Signed::Not => {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"one"}"#);
            format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
        }
    }
}
