//! Proofs that are changed in one thing each, and whether they still hold.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_790_000_000;
const TOKEN: &str = "kst1_example";

fn request() -> Request<'static> {
    Request {
        method: "POST",
        path: "/proxy/cl_1/chat/v1/chat/completions",
        host: "127.0.0.1:8420",
        is_local: true,
        public_url: "https://keys.example",
        names: &[],
        token: Some(TOKEN),
    }
}

fn pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn good(pair: &EcdsaKeyPair) -> (Value, Value) {
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}});
    let claims = json!({"jti": "one", "htm": "POST", "iat": NOW, "ath": hash_of(TOKEN),
        "htu": "https://keys.example/proxy/cl_1/chat/v1/chat/completions"});
    (header, claims)
}

fn signed(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

fn checked(proof: &str) -> Result<Proven, BadProof> {
    check(proof, &request(), Timestamp::from_micros(NOW * 1_000_000))
}

#[test]
fn a_proof_holds_for_its_own_request_alone() {
    let pair = pair();
    let (header, claims) = good(&pair);
    let proven = checked(&signed(&pair, &header, &claims)).unwrap();
    let again = checked(&signed(&pair, &header, &claims)).unwrap();
    assert_eq!((proven.key, proven.name), (again.key, again.name));

    for (what, field, value, holds) in [
        ("another method", "htm", json!("GET"), false),
        ("method in lower case", "htm", json!("post"), false),
        (
            "another path",
            "htu",
            json!("https://keys.example/proxy/cl_1/chat/v1/models"),
            false,
        ),
        (
            "a longer path",
            "htu",
            json!("https://keys.example/proxy/cl_1/chat/v1/chat/completions/"),
            false,
        ),
        (
            "another host",
            "htu",
            json!("https://evil.example/proxy/cl_1/chat/v1/chat/completions"),
            false,
        ),
        (
            "user information",
            "htu",
            json!("https://u@keys.example/proxy/cl_1/chat/v1/chat/completions"),
            false,
        ),
        (
            "without TLS",
            "htu",
            json!("http://keys.example/proxy/cl_1/chat/v1/chat/completions"),
            false,
        ),
        ("no address", "htu", json!("keys.example"), false),
        (
            "the address it used",
            "htu",
            json!("http://127.0.0.1:8420/proxy/cl_1/chat/v1/chat/completions"),
            true,
        ),
        (
            "with the port",
            "htu",
            json!("https://KEYS.example:443/proxy/cl_1/chat/v1/chat/completions"),
            true,
        ),
        (
            "with a query",
            "htu",
            json!("https://keys.example/proxy/cl_1/chat/v1/chat/completions?x=1#y"),
            true,
        ),
        ("a minute ago", "iat", json!(NOW - 60), true),
        ("in a minute", "iat", json!(NOW + 60), true),
        ("a fraction", "iat", json!(NOW as f64 + 0.5), true),
        ("longer ago", "iat", json!(NOW - 61), false),
        ("of the future", "iat", json!(NOW + 61), false),
        ("before time", "iat", json!(-1.0e300), false),
        ("after time", "iat", json!(1.0e300), false),
        ("no time", "iat", json!("now"), false),
        ("another token", "ath", json!(hash_of("kst1_other")), false),
        ("no token", "ath", Value::Null, false),
        ("no name", "jti", json!(""), false),
        ("a long name", "jti", json!("x".repeat(257)), false),
    ] {
        let mut claims = claims.clone();
        claims[field] = value;
        let outcome = checked(&signed(&pair, &header, &claims));
        assert_eq!(outcome.is_ok(), holds, "{what}: {outcome:?}");
    }
}

/// A client was led to a server that is somebody else's, and that sends on what it got.
#[test]
fn a_proof_for_another_server_is_of_no_use_here() {
    let names = ["10.0.0.7".to_owned(), "other.example".to_owned()];
    let pair = pair();
    let (header, mut claims) = good(&pair);
    for (host, is_local, holds) in [
        ("198.51.100.7", false, false),
        ("198.51.100.7", true, false),
        ("[2001:db8::1]", false, false),
        ("127.0.0.1:8420", false, false),
        ("localhost:8420", false, false),
        ("127.0.0.1:8420", true, true),
        ("[::1]:8420", true, true),
        ("localhost:8420", true, true),
        ("OTHER.example", false, true),
        ("10.0.0.7:8420", false, true),
    ] {
        claims["htu"] = json!(format!("http://{host}{}", request().path));
        let request = Request {
            host,
            is_local,
            names: &names,
            ..request()
        };
        let now = Timestamp::from_micros(NOW * 1_000_000);
        let outcome = check(&signed(&pair, &header, &claims), &request, now);
        assert_eq!(outcome.is_ok(), holds, "{host} {is_local}: {outcome:?}");
    }
}

#[test]
fn a_key_and_its_algorithm_are_of_the_list() {
    let pair = pair();
    let (header, claims) = good(&pair);
    let secret = URL_SAFE_NO_PAD.encode([1; 32]);
    for (what, change) in [
        ("no algorithm", json!({"alg": "none"})),
        ("a shared secret", json!({"alg": "HS256"})),
        ("another type", json!({"typ": "JWT"})),
        ("a critical extension", json!({"crit": ["exp"]})),
        (
            "a private key",
            json!({"jwk": {"kty": "EC", "crv": "P-256", "d": secret,
            "x": header["jwk"]["x"], "y": header["jwk"]["y"]}}),
        ),
        (
            "a symmetric key",
            json!({"jwk": {"kty": "oct", "k": secret}}),
        ),
        (
            "another curve",
            json!({"jwk": {"kty": "EC", "crv": "P-384",
            "x": header["jwk"]["x"], "y": header["jwk"]["y"]}}),
        ),
        (
            "no point of the curve",
            json!({"jwk": {"kty": "EC", "crv": "P-256", "x": secret, "y": secret}}),
        ),
        (
            "an Edwards key",
            json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": header["jwk"]["x"]}}),
        ),
    ] {
        let mut header = header.clone();
        for (name, value) in change.as_object().unwrap() {
            header[name] = value.clone();
        }
        assert!(checked(&signed(&pair, &header, &claims)).is_err(), "{what}");
    }
    let other = self::pair();
    assert!(
        checked(&signed(&other, &header, &claims)).is_err(),
        "another's signature"
    );
    let whole = signed(&pair, &header, &claims);
    let (start, _) = whole.rsplit_once('.').unwrap();
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        &format!("{start}."),
        start,
        &"x".repeat(5_000),
    ] {
        assert!(checked(text).is_err(), "{text}");
    }
}

/// RFC 8037, appendix A: an Ed25519 key and its thumbprint.
#[test]
fn edwards_keys_prove_as_well() {
    let seed = URL_SAFE_NO_PAD
        .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
        .unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let (_, claims) = good(&self::pair());
    let header = json!({"typ": "dpop+jwt", "alg": "EdDSA",
        "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes()).as_ref());
    let proven = checked(&format!("{text}.{signature}")).unwrap();
    assert_eq!(
        proven.key.to_string(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    assert_eq!(proven.key.to_string().parse(), Ok(proven.key));
}
