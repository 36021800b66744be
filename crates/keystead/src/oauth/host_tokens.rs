//! Tokens of applications' own identity providers: whose they are, remembered for a moment.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::digest;
use keystead_vault::SubjectHash;
use parking_lot::Mutex;

use super::Refusal;
use crate::{
    clock::Timestamp,
    custody::Custody,
    net::Connector,
    oidc::{Issuer, OidcError, Party, Wanted},
    store::{Application, TrustedIssuer},
};

/// How long a token that was checked is believed without being checked again.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// The most tokens and issuers that are remembered; past it they start anew.
const MOST_TOKENS: usize = 10_000;
const MOST_ISSUERS: usize = 1_000;

/// Whose a token is, and until when.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) subject: SubjectHash,
    pub(super) ends_at: Timestamp,
}

/// Issuers as they were last asked, and tokens of theirs that were checked.
pub(super) struct HostTokens {
    connector: Connector,
    issuers: Mutex<HashMap<(String, Option<String>), Issuer>>,
    /// By a hash of the whole token, and of what it was checked against.
    known: Mutex<HashMap<[u8; 32], (Said, Timestamp)>>,
}

impl HostTokens {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            issuers: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Checks that a token is of this issuer for this application, and tells whose.
    pub(super) async fn check(
        &self,
        custody: &Custody,
        application: &Application,
        issuer: &TrustedIssuer,
        token: &str,
    ) -> Result<Said, Refusal> {
        let now = custody.store().clock().now();
        let name = name_of(application, token);
        let known = self.known.lock().get(&name).copied();
        if let Some((said, until)) = known
            && now < until
        {
            return Ok(said);
        }
        let wanted = Wanted {
            audience: &issuer.audience,
            nonce: None,
            party: Party::Any,
        };
        let claims = self.issuer(custody, issuer).verify(token, wanted).await;
        let claims = claims.map_err(|error| match error {
            OidcError::Token(_) => Refusal::InvalidSubjectToken,
            error => {
                let id = application.id;
                tracing::warn!(%error, application.id = %id, "An application's issuer can't be asked");
                Refusal::IssuerAway
            }
        })?;
        // Beside issuer and name: a `uid` that reads the same is somebody else.
        let subject = custody
            .subject(application, "oidc", &issuer.name, &claims.sub)
            .await?;
        let said = Said {
            subject,
            ends_at: claims.ends_at(),
        };
        let mut known = self.known.lock();
        if known.len() >= MOST_TOKENS {
            known.clear();
        }
        known.insert(name, (said, said.ends_at.min(now + REMEMBERED)));
        Ok(said)
    }

    fn issuer(&self, custody: &Custody, issuer: &TrustedIssuer) -> Issuer {
        let key = (issuer.name.clone(), issuer.jwks.clone());
        let mut issuers = self.issuers.lock();
        if issuers.len() >= MOST_ISSUERS && !issuers.contains_key(&key) {
            issuers.clear();
        }
        let (connector, clock) = (&self.connector, custody.store().clock());
        let new = || {
            Issuer::with_keys_at(
                issuer.name.clone(),
                issuer.jwks.clone(),
                connector.clone(),
                clock.clone(),
            )
        };
        issuers.entry(key).or_insert_with(new).clone()
    }
}

/// With the version of the application's row, so that nothing is remembered past a change of it.
fn name_of(application: &Application, token: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&application.id.as_bytes());
    context.update(&application.row_version.to_be_bytes());
    context.update(token.as_bytes());
    let hash = context.finish();
    hash.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}
