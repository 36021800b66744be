//! OpenID providers: where they are, which keys they sign with, and whether a token is theirs.
//!
//! What is believed is fixed here and not by the token: the issuer by exact text, the algorithms by a
//! list without shared secrets, the keys by the issuer's own address. A token that names keys of its own
//! (`jku`, `x5u`, `jwk`) names them to nobody.

mod claims;
mod discovery;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use keystead_providers::Destination;
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use crate::{
    clock::{Clock, Timestamp},
    net::{Connector, fetch::fetch},
};

pub use self::{claims::Claims, discovery::Endpoints};

/// Why a provider's word was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// It could not be asked, or did not answer as it should.
    #[error("the sign-in provider did not answer as expected: {0}")]
    Provider(&'static str),
    /// It answered, and this is no token of its that counts here and now.
    #[error("the token does not count: {0}")]
    Token(&'static str),
}

/// An OpenID provider, with what is known of it. Clones share it.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    name: String,
    /// Where its keys are, if its discovery document is not to be asked.
    jwks: Option<String>,
    connector: Connector,
    clock: Clock,
    /// When it last could not be asked.
    failed_at: Mutex<Timestamp>,
    known: Mutex<Option<Arc<Known>>>,
    /// One asks at a time; the others wait for the answer.
    asking: AsyncMutex<()>,
}

struct Known {
    /// `None` where nothing but the keys was asked for.
    endpoints: Option<Endpoints>,
    keys: JwkSet,
    asked_at: Timestamp,
}

/// What a token must say to count.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whom it is for.
    pub audience: &'a str,
    /// What the sign-in was begun with.
    pub nonce: Option<&'a str>,
    /// Whom it may have been issued to.
    pub party: Party,
}

/// Whom a token may have been issued to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Party {
    /// To those it is for alone, as an ID token is at a sign-in.
    Audience,
    /// To anybody: it is shown by someone else than those it is for.
    Any,
}

/// How long keys are believed without asking again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// A token of an unknown key makes us ask again, but not more often than this.
const NO_SOONER: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
/// One that could not be asked is not asked again before this: whoever waits for it holds others up.
const PAUSE: Duration = Duration::from_secs(5);
/// What a token may call itself; a proof or a logout of the same provider is no word on who somebody is.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

impl Issuer {
    /// The provider of this exact name, which is its address.
    pub fn new(name: String, connector: Connector, clock: Clock) -> Self {
        Self::with_keys_at(name, None, connector, clock)
    }

    /// As [`new`](Self::new); if `jwks` is given, nothing but its keys is asked for, and there.
    pub fn with_keys_at(
        name: String,
        jwks: Option<String>,
        connector: Connector,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            jwks,
            connector,
            clock,
            failed_at: Mutex::default(),
            known: Mutex::default(),
            asking: AsyncMutex::default(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it is to be asked what.
    pub async fn endpoints(&self) -> Result<Endpoints, OidcError> {
        let known = self.known(FRESH).await?;
        known
            .endpoints
            .clone()
            .ok_or(OidcError::Provider("it was asked for its keys alone"))
    }

    /// Checks a token of this issuer: signature, issuer, audience, times, nonce.
    pub async fn verify(&self, token: &str, wanted: Wanted<'_>) -> Result<Claims, OidcError> {
        let header = decode_header(token).map_err(|_| OidcError::Token("not a signed token"))?;
        if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
            return Err(OidcError::Token("an algorithm that is not taken"));
        }
        let kind = header.typ.as_deref().unwrap_or("jwt");
        if !TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            return Err(OidcError::Token("a token of another kind"));
        }
        let key = match self
            .known(FRESH)
            .await?
            .key(header.kid.as_deref(), header.alg)
        {
            Some(key) => key,
            // Keys change; whoever makes tokens up can't make us ask all the time.
            None => self
                .known(NO_SOONER)
                .await?
                .key(header.kid.as_deref(), header.alg)
                .ok_or(OidcError::Token("a key that the provider does not have"))?,
        };
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.0.name]);
        validation.set_audience(&[wanted.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // By our own clock, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<Claims>(token, &key, &validation)
            .map_err(|_| OidcError::Token("signature, issuer or audience do not fit"))?
            .claims;
        claims.check(wanted, self.0.clock.now())?;
        Ok(claims)
    }

    /// Sends a request to the provider and reads the JSON that comes back.
    pub async fn ask(
        &self,
        address: &str,
        form: Option<(&str, HeaderValue)>,
    ) -> Result<Bytes, OidcError> {
        // Without TLS only where that was said of the issuer itself, or of its keys.
        let named = self.0.jwks.as_ref().unwrap_or(&self.0.name);
        let destination = destination_of(address, named)?;
        let mut request = Request::builder()
            .uri(discovery::path_of(address).ok_or(OidcError::Provider("no address"))?)
            .header(header::HOST, discovery::host_of(&destination))
            .header(header::ACCEPT, "application/json")
            .header(
                header::USER_AGENT,
                concat!("keystead/", env!("CARGO_PKG_VERSION")),
            );
        let mut body = Bytes::new();
        if let Some((text, mut authorization)) = form {
            authorization.set_sensitive(true);
            request = request
                .method(Method::POST)
                .header(header::AUTHORIZATION, authorization)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            body = Bytes::copy_from_slice(text.as_bytes());
        }
        let request = request
            .body(Full::new(body))
            .map_err(|_| OidcError::Provider("no address"))?;
        let answer = fetch(&self.0.connector, &destination, request, PATIENCE)
            .await
            .map_err(|_| OidcError::Provider("it could not be reached"))?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            _ => Err(OidcError::Provider("it said no")),
        }
    }

    async fn known(&self, fresh: Duration) -> Result<Arc<Known>, OidcError> {
        if let Some(known) = self.remembered(fresh) {
            return Ok(known);
        }
        let _asking = self.0.asking.lock().await;
        if let Some(known) = self.remembered(fresh) {
            return Ok(known);
        }
        if self.0.clock.now().since(*self.0.failed_at.lock()) < PAUSE {
            return Err(OidcError::Provider("it could not be reached a moment ago"));
        }
        let known = self.ask_for_keys().await.map(Arc::new);
        match &known {
            Ok(known) => *self.0.known.lock() = Some(known.clone()),
            Err(_) => *self.0.failed_at.lock() = self.0.clock.now(),
        }
        known
    }

    async fn ask_for_keys(&self) -> Result<Known, OidcError> {
        let endpoints = match &self.0.jwks {
            Some(_) => None,
            None => {
                let document = self.ask(&discovery::place(&self.0.name), None).await?;
                Some(Endpoints::read(&self.0.name, &document)?)
            }
        };
        let place = endpoints.as_ref().map(|endpoints| &endpoints.jwks);
        let place = place.or(self.0.jwks.as_ref());
        let place = place.ok_or(OidcError::Provider("no address"))?;
        let keys = self.ask(place, None).await?;
        let keys = serde_json::from_slice(&keys)
            .map_err(|_| OidcError::Provider("its keys can't be read"))?;
        Ok(Known {
            endpoints,
            keys,
            asked_at: self.0.clock.now(),
        })
    }

    fn remembered(&self, fresh: Duration) -> Option<Arc<Known>> {
        let known = self.0.known.lock().clone()?;
        (self.0.clock.now().since(known.asked_at) < fresh).then_some(known)
    }
}

impl Known {
    /// The key of this name, or the only one if the token names none; and it must be of the
    /// algorithm's kind.
    fn key(&self, name: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let found = match name {
            Some(name) => self.keys.find(name)?,
            None => match self.keys.keys.as_slice() {
                [only] => only,
                _ => return None,
            },
        };
        let key = DecodingKey::from_jwk(found).ok()?;
        (key.family() == algorithm.family()).then_some(key)
    }
}

/// Where an endpoint is. Plain HTTP only where the issuer itself is on it: on one's own machine.
fn destination_of(address: &str, issuer: &str) -> Result<Destination, OidcError> {
    let is_plain = address.starts_with("http://");
    if is_plain && !issuer.starts_with("http://") {
        return Err(OidcError::Provider("an address without TLS"));
    }
    discovery::destination(address).ok_or(OidcError::Provider("no address"))
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0.name)
    }
}
