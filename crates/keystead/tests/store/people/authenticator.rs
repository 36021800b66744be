//! An authenticator in a few lines: it makes one passkey, and signs with it (WebAuthn level 3, parts 6
//! and 7; CTAP's canonical CBOR).

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keystead_vault::random;
use serde_json::{Value, json};

/// What lies about the passkey, where a test wants a lie.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) origin: &'static str,
    /// Whether its owner was asked for a finger or a number.
    pub(super) verified: bool,
    pub(super) counter: u32,
}

pub(super) const HONEST: Manner = Manner {
    origin: "http://localhost:8420",
    verified: true,
    counter: 0,
};

pub(super) struct Authenticator {
    pair: EcdsaKeyPair,
    credential: [u8; 32],
}

impl Authenticator {
    pub(super) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self {
            pair: key,
            credential: random(),
        }
    }

    /// Answers what a server asks a new passkey with.
    pub(super) fn make(&self, asked: &Value, manner: Manner) -> String {
        let options = &asked["publicKey"];
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(
            options["authenticatorSelection"]["userVerification"],
            "required"
        );
        assert_eq!(options["extensions"]["prf"], json!({}));
        let client_data = client_data("webauthn.create", options, manner);
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), manner, 0x40);
        data.extend([0; 16]);
        data.extend(32_u16.to_be_bytes());
        data.extend(self.credential);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData");
        object.push(0x58);
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.credential),
            "rawId": URL_SAFE_NO_PAD.encode(self.credential),
            "type": "public-key",
            "response": {
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            },
            "extensions": {},
        })
        .to_string()
    }

    /// Answers what a server asks a passkey for; `user` is the id it was made with.
    pub(super) fn use_it(&self, asked: &Value, user: [u8; 16], manner: Manner) -> String {
        let options = &asked["publicKey"];
        assert_eq!(options["userVerification"], "required");
        assert_eq!(asked.get("mediation"), None);
        let client_data = client_data("webauthn.get", options, manner);
        let data = self.data(options["rpId"].as_str().unwrap(), manner, 0);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, client_data.as_bytes()).as_ref());
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.credential),
            "rawId": URL_SAFE_NO_PAD.encode(self.credential),
            "type": "public-key",
            "response": {
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
                "userHandle": URL_SAFE_NO_PAD.encode(user),
            },
            "extensions": {},
        })
        .to_string()
    }

    fn data(&self, rp_id: &str, manner: Manner, more: u8) -> Vec<u8> {
        let present = 0x01;
        let verified = if manner.verified { 0x04 } else { 0 };
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(present | verified | more);
        data.extend(manner.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y}
    fn cose_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        key.extend(x);
        key.extend([0x22, 0x58, 0x20]);
        key.extend(y);
        key
    }
}

fn client_data(kind: &str, options: &Value, manner: Manner) -> String {
    json!({
        "type": kind,
        "challenge": options["challenge"],
        "origin": manner.origin,
        "crossOrigin": false,
    })
    .to_string()
}
