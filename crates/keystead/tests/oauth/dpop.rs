//! Tokens that are bound to a key: of no use to whoever stole them.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;
use crate::harness::on_each_store;
use crate::harness::page::Visitor;

on_each_store!(
    a_bound_token_is_of_use_with_its_key_alone,
    a_code_and_a_refresh_token_are_bound_as_well,
    a_proof_is_taken_once,
    an_application_can_ask_for_bound_tokens,
);

/// A browser's key.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            jwk["x"], jwk["y"]
        );
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }

    /// A proof with these claims otherwise.
    fn proof(&self, bed: &Bed, method: &str, path: &str, otherwise: &Value) -> String {
        let now = keystead::clock::Clock::system().now().as_secs();
        let mut claims = json!({"jti": planted::hex(16), "htm": method, "iat": now,
            "htu": format!("http://{}{path}", bed.scene.ks.public())});
        for (name, value) in otherwise.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn at_the_token_endpoint(&self, bed: &Bed) -> String {
        self.proof(bed, "POST", TOKEN, &json!({}))
    }

    /// A proof for the list of models with this token.
    fn for_models(&self, bed: &Bed, token: &str) -> String {
        let path = format!("{}/v1/models", bed.chat);
        self.proof(bed, "GET", &path, &json!({"ath": hash_of(token)}))
    }
}

fn hash_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

impl Bed {
    async fn send_proved(&self, fields: &[(&str, &str)], proof: &str) -> Reply {
        let ask = Ask::post(TOKEN).form(fields).header("dpop", proof);
        self.scene.client().send(ask.secret()).await
    }

    async fn bound_tokens(&self, person: &mut Visitor, key: &Key) -> Tokens {
        let code = self.code(person).await;
        let proof = key.at_the_token_endpoint(self);
        let reply = self.send_proved(&self.exchange(&code), &proof).await;
        let minted = reply.expect(200).json();
        assert_eq!(minted["token_type"], "DPoP");
        self.plant(&minted)
    }

    async fn models_proved(&self, token: &str, proof: &str) -> Reply {
        let ask = Ask::get(format!("{}/v1/models", self.chat));
        let ask = ask.header("authorization", format!("DPoP {token}"));
        self.scene.client().send(ask.header("dpop", proof)).await
    }
}

fn not_proven(reply: &Reply) {
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert_eq!(reply.header("x-keystead-error"), Some("dpop_proof_invalid"));
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP "), "{challenge}");
}

async fn a_bound_token_is_of_use_with_its_key_alone(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let (key, thief) = (Key::new(), Key::new());
    let token = bed.bound_tokens(&mut person, &key).await.access;
    let proof = key.for_models(&bed, &token);
    bed.models_proved(&token, &proof).await.expect(200);
    // With a query, which the proof does not name, and by the name that clients know.
    let port = bed.scene.ks.public().port();
    let named = format!("http://localhost:{port}{}/v1/models", bed.chat);
    let claims = json!({"ath": hash_of(&token), "htu": named});
    let by_name = key.proof(&bed, "GET", "", &claims);
    let ask = Ask::get(format!("{}/v1/models?limit=1", bed.chat)).header("dpop", by_name);
    let ask = ask.header("authorization", format!("DPoP {token}"));
    bed.scene.client().send(ask).await.expect(200);

    // Stolen: in every header that a token may come in, and with every proof that a thief can have.
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("DPoP {token}")),
        ("x-api-key", token.clone()),
        ("api-key", token.clone()),
    ] {
        let ask = Ask::get(format!("{}/v1/models", bed.chat)).header(name, &value);
        not_proven(&bed.scene.client().send(ask).await);
        let proof = key.for_models(&bed, &token);
        let ask = Ask::get(format!("{}/v1/models", bed.chat)).header(name, &value);
        let reply = bed.scene.client().send(ask.header("dpop", proof)).await;
        assert_eq!(reply.status == 200, value.starts_with("DPoP"), "{value}");
    }
    let path = format!("{}/v1/models", bed.chat);
    let other = bed.tokens(&mut person).await.access;
    let now = keystead::clock::Clock::system().now().as_secs();
    let ath = hash_of(&token);
    let elsewhere = format!("http://{}{}/v1/files", bed.scene.ks.public(), bed.chat);
    let theirs = format!("http://evil.example{path}");
    for (what, proof) in [
        ("nonsense", "nonsense".to_owned()),
        ("another key", thief.for_models(&bed, &token)),
        ("for the token endpoint", key.at_the_token_endpoint(&bed)),
        (
            "another method",
            key.proof(&bed, "POST", &path, &json!({"ath": ath})),
        ),
        (
            "another path",
            key.proof(&bed, "GET", &path, &json!({"ath": ath, "htu": elsewhere})),
        ),
        (
            "another host",
            key.proof(&bed, "GET", &path, &json!({"ath": ath, "htu": theirs})),
        ),
        (
            "another token",
            key.proof(&bed, "GET", &path, &json!({"ath": hash_of(&other)})),
        ),
        ("no token", key.proof(&bed, "GET", &path, &json!({}))),
        (
            "too old",
            key.proof(&bed, "GET", &path, &json!({"ath": ath, "iat": now - 90})),
        ),
        (
            "of the future",
            key.proof(&bed, "GET", &path, &json!({"ath": ath, "iat": now + 90})),
        ),
    ] {
        let reply = bed.models_proved(&token, &proof).await;
        assert_eq!(reply.status, 401, "{what}");
        not_proven(&reply);
    }
    // Made for a server that has no name, and sent on by it.
    let theirs = json!({"ath": ath, "htu": format!("http://198.51.100.7{path}")});
    let ask = Ask::get(path.as_str())
        .header("host", "198.51.100.7")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", key.proof(&bed, "GET", &path, &theirs));
    not_proven(&bed.scene.client().send(ask).await);
    let twice = Ask::get(path.as_str())
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", key.for_models(&bed, &token))
        .header("dpop", key.for_models(&bed, &token));
    not_proven(&bed.scene.client().send(twice).await);
    // A token that is bound to nothing is no DPoP token.
    not_proven(
        &bed.models_proved(&other, &key.for_models(&bed, &other))
            .await,
    );
    bed.works(&other).await;
    // Neutral tasks are held against the key as well.
    let run = bed.chat.replace("/proxy/", "/run/");
    let task = json!({"task": "text", "input": bed.scene.ks.prompt()});
    let ask = || Ask::post(run.as_str()).json(&task);
    let reply = bed.scene.client().send(ask().bearer(&token)).await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    let proof = key.proof(&bed, "POST", &run, &json!({"ath": ath}));
    let proved = ask().header("dpop", proof);
    let proved = proved.header("authorization", format!("DPoP {token}"));
    bed.scene.client().send(proved).await.expect(200);
    // None of it reached the provider, nor did a proof.
    for exchange in bed.scene.ks.provider.exchanges() {
        assert_eq!(exchange.header("dpop"), None);
    }
}

async fn a_code_and_a_refresh_token_are_bound_as_well(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let (key, thief) = (Key::new(), Key::new());
    let ask = bed.ask(&[("dpop_jkt", &key.thumbprint())]);
    let code = bed.code_of(&mut person, &ask).await;
    let fields = bed.exchange(&code);
    no(&bed.send(TOKEN, &fields).await, 400, "invalid_dpop_proof");
    let proof = thief.at_the_token_endpoint(&bed);
    no(
        &bed.send_proved(&fields, &proof).await,
        400,
        "invalid_dpop_proof",
    );
    let proof = key.at_the_token_endpoint(&bed);
    let minted = bed.send_proved(&fields, &proof).await.expect(200).json();
    let tokens = bed.plant(&minted);

    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", &*bed.client_id),
        ("refresh_token", &*tokens.refresh),
    ];
    no(&bed.send(TOKEN, &refresh).await, 400, "invalid_dpop_proof");
    let proof = thief.at_the_token_endpoint(&bed);
    no(
        &bed.send_proved(&refresh, &proof).await,
        400,
        "invalid_dpop_proof",
    );
    for proof in ["", "x", &key.for_models(&bed, &tokens.access)] {
        no(
            &bed.send_proved(&refresh, proof).await,
            400,
            "invalid_dpop_proof",
        );
    }
    // None of them used it up.
    let proof = key.at_the_token_endpoint(&bed);
    let next = bed.send_proved(&refresh, &proof).await.expect(200).json();
    assert_eq!(next["token_type"], "DPoP");
    let next = bed.plant(&next);
    let proof = key.for_models(&bed, &next.access);
    bed.models_proved(&next.access, &proof).await.expect(200);
}

async fn a_proof_is_taken_once(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    bed.scene.ks.expects_errors("alert: proof_replayed");
    let key = Key::new();
    let token = bed.bound_tokens(&mut person, &key).await.access;
    let proof = key.for_models(&bed, &token);
    bed.models_proved(&token, &proof).await.expect(200);
    let alerts = "keystead_alerts_total{kind=\"proof_replayed\"}";
    assert_eq!(
        bed.scene.ks.metric(alerts),
        0.0,
        "it came for the first time"
    );
    // On a connection of its own, and so perhaps on another core.
    for _ in 0..8 {
        not_proven(&bed.models_proved(&token, &proof).await);
    }
    let proofs: Vec<_> = (0..8).map(|_| key.for_models(&bed, &token)).collect();
    for proof in &proofs {
        let (one, other) = tokio::join!(
            bed.models_proved(&token, proof),
            bed.models_proved(&token, proof)
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
    assert_eq!(bed.scene.ks.metric(alerts), 16.0);
    // At the token endpoint, and in the life of another process as well.
    let app = &bed.scene.app;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("uid", "u-1"),
    ];
    let proof = key.at_the_token_endpoint(&bed);
    bed.send_proved(&fields, &proof).await.expect(200);
    no(
        &bed.send_proved(&fields, &proof).await,
        400,
        "invalid_dpop_proof",
    );
    bed.scene.ks.kill();
    bed.scene.ks.start_again().await;
    no(
        &bed.send_proved(&fields, &proof).await,
        400,
        "invalid_dpop_proof",
    );
}

async fn an_application_can_ask_for_bound_tokens(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let before = bed.tokens(&mut person).await;
    bed.works(&before.access).await;
    let path = bed.application();
    bed.scene
        .ks
        .manage("PATCH", &path, &json!({"require_dpop": true}))
        .await;
    // What was minted before is of no use any more.
    not_proven(&bed.models(&before.access).await);
    no(
        &bed.refresh(&before.refresh, &[]).await,
        400,
        "invalid_dpop_proof",
    );
    let code = bed.code(&mut person).await;
    no(
        &bed.send(TOKEN, &bed.exchange(&code)).await,
        400,
        "invalid_dpop_proof",
    );
    let key = Key::new();
    let proof = key.at_the_token_endpoint(&bed);
    let minted = bed
        .send_proved(&bed.exchange(&code), &proof)
        .await
        .expect(200)
        .json();
    let token = bed.plant(&minted).access;
    let proof = key.for_models(&bed, &token);
    bed.models_proved(&token, &proof).await.expect(200);
    bed.scene
        .ks
        .manage("PATCH", &path, &json!({"require_dpop": false}))
        .await;
    bed.works(&before.access).await;
}

/// A page can send a proof to the proxy, and read why it was refused.
#[tokio::test]
async fn pages_may_send_proofs() {
    let (bed, _) = Bed::on(Store::Sqlite).await;
    let ask = Ask::new("OPTIONS", format!("{}/v1/models", bed.chat))
        .header("origin", PAGE)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,dpop");
    let reply = bed.scene.client().send(ask).await.expect(204);
    let allowed = reply.header("access-control-allow-headers").unwrap();
    assert!(allowed.split(", ").any(|name| name == "dpop"), "{allowed}");
    let ask = Ask::get(format!("{}/v1/models", bed.chat)).header("origin", PAGE);
    let reply = bed.scene.client().send(ask).await;
    let exposed = reply.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("www-authenticate"), "{exposed}");
}
