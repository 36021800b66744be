//! A request for a token, as far as every grant looks at it: who asks, and with which key in hand.

use std::time::Duration;

use super::{OAuth, Refusal, client::Client, form::Form, minted::DEFAULT_LIFE};
use crate::{
    alerts::{AlertKind, Finding},
    clock::Timestamp,
    dpop::{self, Proven, Thumbprint},
    store::{Grant, Store},
};

/// Where tokens are asked for.
pub(super) const PATH: &str = "/oauth/token";

const LONGEST_LIFE_S: u64 = 3_600;

/// A request of a client that is known.
pub(super) struct TokenRequest<'a> {
    pub(super) oauth: &'a OAuth,
    pub(super) form: &'a Form,
    pub(super) client: Client,
    proof: Option<Proven>,
}

impl<'a> TokenRequest<'a> {
    /// Finds out who asks, and checks the proof that came along, if one did.
    pub(super) async fn read(oauth: &'a OAuth, form: &'a Form) -> Result<Self, Refusal> {
        let client = Client::of(oauth, form).await?;
        client.check_address(form)?;
        let request = Self {
            oauth,
            form,
            client,
            proof: proof(oauth, form)?,
        };
        if request.client.application.require_dpop && request.proof.is_none() {
            return Err(Refusal::InvalidProof(
                "this application asks for tokens that are bound to a key: send a DPoP proof",
            ));
        }
        Ok(request)
    }

    pub(super) fn store(&self) -> &Store {
        self.oauth.store()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.store().clock().now()
    }

    /// The key that the client proved to have: what it gets is bound to it.
    pub(super) fn key(&self) -> Option<Thumbprint> {
        self.proof.map(|proof| proof.key)
    }

    /// How long the client wants its token to live.
    pub(super) fn life(&self) -> Result<Duration, Refusal> {
        let Some(text) = self.form.get("expires_in") else {
            return Ok(DEFAULT_LIFE);
        };
        let seconds = text.parse().ok();
        seconds
            .filter(|life| (1..=LONGEST_LIFE_S).contains(life))
            .map(Duration::from_secs)
            .ok_or(Refusal::InvalidLife)
    }

    /// Whether whoever gave a grant may still sign in here.
    pub(super) async fn is_of_a_live_account(&self, grant: &Grant) -> Result<bool, Refusal> {
        Ok(match grant.account {
            Some(account) => !self.store().account(account).await?.disabled,
            None => true,
        })
    }

    /// Uses the proof up. The last thing before a token is minted, so that strangers fill nothing.
    pub(super) async fn spend_proof(&self) -> Result<(), Refusal> {
        let Some(proof) = self.proof else {
            return Ok(());
        };
        match self.store().use_once(&proof.name, proof.ends_at).await? {
            true => Ok(()),
            false => {
                let application = &self.client.application;
                self.store().raise(
                    Finding::new(AlertKind::ProofReplayed, "oauth", &application.id)
                        .within(application.organization),
                );
                Err(Refusal::InvalidProof("the proof was here before"))
            }
        }
    }
}

fn proof(oauth: &OAuth, form: &Form) -> Result<Option<Proven>, Refusal> {
    let mut sent = form.headers.get_all("dpop").iter();
    let Some(proof) = sent.next() else {
        return Ok(None);
    };
    if sent.next().is_some() {
        return Err(Refusal::InvalidProof("more than one DPoP header"));
    }
    let public_url = oauth.0.issuer.to_string();
    let request = dpop::Request {
        method: "POST",
        path: PATH,
        host: form.host(),
        is_local: form.is_local(),
        public_url: &public_url,
        names: &oauth.0.hosts,
        token: None,
    };
    let proof = proof.to_str().unwrap_or_default();
    let proven = dpop::check(proof, &request, oauth.store().clock().now());
    proven
        .map(Some)
        .map_err(|dpop::BadProof(text)| Refusal::InvalidProof(text))
}
