//! Tickets: what stands between two forms, carried by the forms themselves.
//!
//! A ticket says what its bearer has shown so far, for whom, and until when, under a MAC. The store
//! learns of one only when it was used, so that it is used once; so strangers who ask for many fill
//! nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keystead_vault::{Canonical, random};
use serde::{Deserialize, Serialize};

use super::{NotProven, People};
use crate::{clock::Timestamp, ids::AccountId, store::Changing};

/// What a ticket is for; one is never taken for another.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Errand {
    /// The password was right; a code is to follow.
    Code,
    /// A secret of one-time codes, to be confirmed by its first code.
    Totp,
    /// A challenge for a passkey that is to be made.
    NewPasskey,
    /// A challenge for a passkey that someone has.
    Passkey,
    /// An account that is to be signed in to by an OpenID provider as well.
    Connect,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Ticket {
    pub(super) errand: Errand,
    pub(super) account: Option<AccountId>,
    expires_at: Timestamp,
    chance: String,
    /// What the errand needs, as text.
    pub(super) state: String,
    #[serde(skip)]
    tag: [u8; 32],
}

impl People {
    /// A ticket as a form carries it.
    pub(super) fn ticket(
        &self,
        errand: Errand,
        account: Option<AccountId>,
        state: String,
    ) -> String {
        let ticket = Ticket {
            errand,
            account,
            expires_at: self.now() + super::TICKET_LASTS,
            chance: URL_SAFE_NO_PAD.encode(random::<16>()),
            state,
            tag: [0; 32],
        };
        let body = serde_json::to_vec(&ticket).expect("a ticket is JSON");
        let tag = self.custody().keyed_hash(&covered(&body));
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(body),
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// Reads a ticket that a form brought back.
    pub(super) fn read_ticket(&self, errand: Errand, text: &str) -> Result<Ticket, NotProven> {
        let read = || {
            let (body, tag) = text.split_once('.')?;
            let body = URL_SAFE_NO_PAD.decode(body).ok()?;
            let tag: [u8; 32] = URL_SAFE_NO_PAD.decode(tag).ok()?.try_into().ok()?;
            if !self.custody().keyed_hash_fits(&covered(&body), &tag) {
                return None;
            }
            let ticket: Ticket = serde_json::from_slice(&body).ok()?;
            let fits = ticket.errand == errand && self.now() < ticket.expires_at;
            fits.then_some(Ticket { tag, ..ticket })
        };
        read().ok_or(NotProven::Expired)
    }

    /// Uses a ticket up, within the change that it is used for.
    pub(super) async fn use_ticket(
        &self,
        changing: &mut Changing,
        ticket: &Ticket,
    ) -> Result<(), NotProven> {
        let store = self.store();
        match store
            .use_ticket(changing, &ticket.tag, ticket.expires_at)
            .await?
        {
            true => Ok(()),
            false => Err(NotProven::Expired),
        }
    }
}

fn covered(body: &[u8]) -> Canonical {
    Canonical::new("keystead/ticket/v1").bytes(body)
}
