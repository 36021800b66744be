//! Stage 2, for tokens that are bound to a key: the call proves that its client has the key (RFC 9449).
//!
//! A token without one has nothing to check, and pays for nothing here.

use http::header;

use super::{call::Call, credential::Credential, plane::Plane, refusal::Refusal, session::Session};
use crate::{
    alerts::{AlertKind, Finding},
    clock::Timestamp,
    dpop::{self, BadProof, Thumbprint},
};

/// Holds a call against the key that its token is bound to.
///
/// # Errors
///
/// [`Refusal::NotProven`].
pub(super) fn prove(
    plane: &Plane,
    call: &Call,
    credential: &Credential<'_>,
    session: &Session,
    now: Timestamp,
) -> Result<(), Refusal> {
    match &session.token.key {
        Some(key) => check(plane, call, credential, session, key, now),
        None if credential.is_proved() => {
            Err(BadProof("the token is bound to no key: send it as Bearer").into())
        }
        None if session.wants_key() => {
            Err(BadProof("this application asks for tokens that are bound to a key").into())
        }
        None => Ok(()),
    }
}

fn check(
    plane: &Plane,
    call: &Call,
    credential: &Credential<'_>,
    session: &Session,
    key: &Thumbprint,
    now: Timestamp,
) -> Result<(), Refusal> {
    let parts = &call.parts;
    let mut sent = parts.headers.get_all("dpop").iter();
    let (Some(proof), None, true) = (sent.next(), sent.next(), credential.is_proved()) else {
        return Err(BadProof(
            "the token is bound to a key: send it as DPoP, with one proof in the header DPoP",
        )
        .into());
    };
    let host = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => {
            let host = parts.headers.get(header::HOST);
            host.and_then(|host| host.to_str().ok()).unwrap_or_default()
        }
    };
    let request = dpop::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        host,
        is_local: call.client.address.to_canonical().is_loopback(),
        public_url: &plane.settings.public_url,
        names: plane.settings.hosts.names(),
        token: Some(credential.token()),
    };
    let proven = dpop::check(proof.to_str().unwrap_or_default(), &request, now)?;
    if proven.key != *key {
        return Err(BadProof("the token is bound to another key").into());
    }
    // Last, so that nobody without the key fills what is remembered; who has it fills a part.
    match plane.replays.is_first(&proven, &session.proofs) {
        true => Ok(()),
        false => {
            let application = &session.application;
            plane.raise(
                Finding::new(AlertKind::ProofReplayed, "proxy", &application.id)
                    .within(application.organization),
            );
            Err(BadProof("the proof was here before").into())
        }
    }
}

impl From<BadProof> for Refusal {
    fn from(bad: BadProof) -> Self {
        Self::NotProven(bad)
    }
}
