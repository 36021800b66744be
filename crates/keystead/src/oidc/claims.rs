//! What a provider says of a person.

use std::{fmt, time::Duration};

use serde::Deserialize;

use super::{OidcError, Party, Wanted};
use crate::clock::Timestamp;

/// The claims of an ID token that are looked at. Personal: they do not print.
#[derive(Clone, Deserialize)]
pub struct Claims {
    /// Who, to the issuer: never given to another person.
    pub sub: String,
    /// The e-mail address, if the provider tells it.
    pub email: Option<String>,
    /// Whether the provider has checked that address.
    #[serde(default)]
    pub email_verified: bool,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    nonce: Option<String>,
    azp: Option<String>,
    aud: Audience,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

impl Claims {
    /// When the token ends.
    pub fn ends_at(&self) -> Timestamp {
        Timestamp::from_micros(self.exp.saturating_mul(1_000_000))
    }

    /// Times, nonce, and whom it was issued to (OpenID Connect Core 1.0, part 3.1.3.7).
    pub(super) fn check(&self, wanted: Wanted<'_>, now: Timestamp) -> Result<(), OidcError> {
        let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
        if now >= at(self.exp) + LEEWAY {
            return Err(OidcError::Token("it has expired"));
        }
        let begins = [self.iat, self.nbf].into_iter().flatten();
        if begins.map(at).any(|begin| now + LEEWAY < begin) {
            return Err(OidcError::Token("it is of the future"));
        }
        if self.sub.is_empty() || self.sub.len() > 255 {
            return Err(OidcError::Token("it names nobody"));
        }
        let is_shared = matches!(&self.aud, Audience::Many(many) if many.len() > 1);
        let party = self.azp.as_deref();
        let is_anothers = party.map_or(is_shared, |party| party != wanted.audience);
        if wanted.party == Party::Audience && is_anothers {
            return Err(OidcError::Token("it was issued to someone else"));
        }
        if let Audience::One(one) = &self.aud
            && one != wanted.audience
        {
            return Err(OidcError::Token("it is for someone else"));
        }
        match wanted.nonce {
            Some(nonce) if self.nonce.as_deref() != Some(nonce) => {
                Err(OidcError::Token("it belongs to another sign-in"))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}
