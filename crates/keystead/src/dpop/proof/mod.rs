//! Is this a proof for this request, and of which key (RFC 9449, part 4.3).

use aws_lc_rs::{
    digest,
    signature::{self, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use url::{Host, Url};

use super::Thumbprint;
use crate::clock::Timestamp;

/// What proofs may be signed with, as RFC 9449 names it in metadata.
pub const ALGORITHMS: [&str; 2] = ["ES256", "EdDSA"];

/// How far a proof's time may be from ours, in seconds.
const WINDOW_S: i64 = 60;

/// The longest proof that is read, and the longest name that one gives itself, in bytes.
const LONGEST: usize = 4_096;
const LONGEST_NAME: usize = 256;

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, as it was sent.
    pub path: &'a str,
    /// The host that it says it was sent to, with the port if it named one.
    pub host: &'a str,
    /// Whether it came from this machine itself.
    pub is_local: bool,
    /// Where clients find this server: a scheme and a host.
    pub public_url: &'a str,
    /// Further host names that are this server's and nobody else's.
    pub names: &'a [String],
    /// The token that came with it, if one did.
    pub token: Option<&'a str>,
}

/// A proof that holds.
#[derive(Clone, Copy, Debug)]
pub struct Proven {
    /// Of which key.
    pub key: Thumbprint,
    /// What this proof is called, among all of all keys.
    pub name: [u8; 32],
    /// From when on it would be refused for its age.
    pub ends_at: Timestamp,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct BadProof(pub &'static str);

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private half. Who sends it has given the key away.
    d: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: Option<String>,
}

/// Checks a proof. That it was not here before is for [`Replays`](super::Replays) to say.
///
/// # Errors
///
/// [`BadProof`], which never carries what was sent.
pub fn check(proof: &str, request: &Request<'_>, now: Timestamp) -> Result<Proven, BadProof> {
    if proof.len() > LONGEST {
        return Err(BadProof("the proof is too long"));
    }
    let (signed, signature) = proof.rsplit_once('.').ok_or(NO_PROOF)?;
    let (header, claims) = signed.split_once('.').ok_or(NO_PROOF)?;
    let header: Header = read(header)?;
    if header.typ != "dpop+jwt" || header.crit.is_some() {
        return Err(NO_PROOF);
    }
    let key = Key::read(&header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NO_PROOF)?;
    key.verify(signed.as_bytes(), &signature)?;

    let claims: Claims = read(claims)?;
    if claims.htm != request.method {
        return Err(BadProof("the proof is for another method"));
    }
    if !is_for(&claims.htu, request) {
        return Err(BadProof("the proof is for another address"));
    }
    let age = now.as_micros() - seconds(claims.iat);
    if age.abs() > WINDOW_S * 1_000_000 {
        return Err(BadProof("the proof is not of this minute"));
    }
    if claims.jti.is_empty() || claims.jti.len() > LONGEST_NAME {
        return Err(BadProof("the proof has no name, or too long a one"));
    }
    if let Some(token) = request.token
        && claims.ath.as_deref() != Some(&hash_of(token))
    {
        return Err(BadProof("the proof is for another token"));
    }
    let thumbprint = key.thumbprint();
    Ok(Proven {
        key: thumbprint,
        name: name_of(&thumbprint, &claims.jti),
        ends_at: Timestamp::from_micros(seconds(claims.iat) + (WINDOW_S + 1) * 1_000_000),
    })
}

/// A public key that proofs may be of.
enum Key {
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519 { x: [u8; 32] },
}

impl Key {
    fn read(header: &Header) -> Result<Self, BadProof> {
        let jwk = &header.jwk;
        if jwk.d.is_some() {
            return Err(BadProof("the proof shows its private key"));
        }
        let number = |text: &Option<String>| -> Result<[u8; 32], BadProof> {
            let bytes = text
                .as_ref()
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(BadProof("the proof's key can't be read"))
        };
        match (&*header.alg, &*jwk.kty, jwk.crv.as_deref()) {
            ("ES256", "EC", Some("P-256")) => Ok(Self::P256 {
                x: number(&jwk.x)?,
                y: number(&jwk.y)?,
            }),
            ("EdDSA" | "Ed25519", "OKP", Some("Ed25519")) => {
                Ok(Self::Ed25519 { x: number(&jwk.x)? })
            }
            _ => Err(BadProof("proofs are signed by ES256 or EdDSA")),
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), BadProof> {
        let verified = match self {
            Self::P256 { x, y } => {
                let mut point = [4; 65];
                point[1..33].copy_from_slice(x);
                point[33..].copy_from_slice(y);
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &point[..])
                    .verify(signed, signature)
            }
            Self::Ed25519 { x } => {
                UnparsedPublicKey::new(&signature::ED25519, &x[..]).verify(signed, signature)
            }
        };
        verified.map_err(|_| BadProof("the proof's signature does not fit"))
    }

    fn thumbprint(&self) -> Thumbprint {
        let text = |bytes: &[u8; 32]| URL_SAFE_NO_PAD.encode(bytes);
        Thumbprint::of(&match self {
            Self::P256 { x, y } => format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                text(x),
                text(y)
            ),
            Self::Ed25519 { x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x))
            }
        })
    }
}

/// Whether an address is the request's, its query and fragment aside, under the name that clients know
/// this server by or the one that they used. Whoever sends a request chooses what it says it was sent
/// to, so that must be a name that is this server's alone: a proof made for another server, at an
/// address without a name, would be worth something here.
fn is_for(htu: &str, request: &Request<'_>) -> bool {
    let Ok(said) = Url::parse(htu) else {
        return false;
    };
    let is_plain = said.username().is_empty() && said.password().is_none();
    let used = format!("{}://{}", said.scheme(), request.host);
    let is = |origin: &str| {
        let own = Url::parse(&format!("{origin}{}", request.path));
        own.is_ok_and(|own| {
            own.scheme() == said.scheme()
                && own.host() == said.host()
                && own.port_or_known_default() == said.port_or_known_default()
                && own.path() == said.path()
        })
    };
    let is_ours = |host: Host<&str>| match host {
        Host::Domain("localhost") => request.is_local,
        Host::Ipv4(address) if address.is_loopback() => request.is_local,
        Host::Ipv6(address) if address.is_loopback() => request.is_local,
        _ => false,
    };
    let name = said.host_str().unwrap_or_default();
    let is_named = request
        .names
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name));
    let may_be_used = is_named || said.host().is_some_and(is_ours);
    is_plain
        && matches!(said.scheme(), "http" | "https")
        && (is(request.public_url) || may_be_used && is(&used))
}

fn read<T: DeserializeOwned>(part: &str) -> Result<T, BadProof> {
    let text = URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_PROOF)?;
    serde_json::from_slice(&text).map_err(|_| NO_PROOF)
}

fn hash_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

fn name_of(key: &Thumbprint, jti: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(key.as_bytes());
    context.update(jti.as_bytes());
    let hash = context.finish();
    hash.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// A NumericDate in microseconds; what is no time is of another age.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that is too large becomes the largest number, which is not of this minute"
)]
fn seconds(date: f64) -> i64 {
    ((date * 1_000_000.0) as i64).clamp(0, i64::MAX / 4)
}

const NO_PROOF: BadProof = BadProof("it is no proof: `DPoP` holds a JWT of the type dpop+jwt");

#[cfg(test)]
mod tests;
