//! The first account, by a link that works once; and how a new account gets its first credential.

use std::time::Duration;

use keystead_vault::{Token, TokenHash, TokenKind, token_hash};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    NotProven, Password, People, Proven, credentials::name_of, sign_in::Derived, ticket::Errand,
};
use crate::{
    audit::{Actor, Event},
    ids::{AccountId, LinkId, OrganizationId, PasskeyId},
    store::{
        Account, Changing, Email, Link, LinkPurpose, LinkState, NewPasskey, Session, SignInMethod,
    },
};

/// How long a set-up link works.
pub(super) const SET_UP_LASTS: Duration = Duration::from_secs(60 * 60);

/// What a new account signs in with first.
pub enum NewCredential {
    /// A password.
    Password(Zeroizing<String>),
    /// A passkey that a browser made.
    Passkey {
        /// What it was asked with.
        ticket: String,
        /// What the browser says, as JSON.
        answer: String,
    },
}

/// Whoever has just come in, signed in.
#[derive(Debug)]
pub struct Entrance {
    /// The session.
    pub session: Session,
    /// For the browser's cookie.
    pub token: Token,
}

/// A credential that was checked and is to be kept.
pub(super) enum Prepared {
    Password(Derived),
    Passkey {
        ticket: super::ticket::Ticket,
        account: AccountId,
        credential: [u8; 32],
        data: Zeroizing<Vec<u8>>,
    },
}

impl std::fmt::Debug for NewCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewCredential(..)")
    }
}

impl Prepared {
    const fn method(&self) -> SignInMethod {
        match self {
            Self::Password(_) => SignInMethod::Password,
            Self::Passkey { .. } => SignInMethod::Passkey,
        }
    }
}

impl People {
    /// A fresh set-up link, as long as there is no account; `None` from then on.
    pub async fn set_up_link(&self) -> Result<Option<Token>, NotProven> {
        let store = self.store();
        if store.has_accounts().await? {
            return Ok(None);
        }
        let token = Token::generate(TokenKind::Link);
        let link = Link {
            id: LinkId::new(store.clock()),
            purpose: LinkPurpose::SetUp,
            hash: token.lookup(),
            state: LinkState::Open,
            created_at: self.now(),
            expires_at: self.now() + SET_UP_LASTS,
            row_version: 1,
        };
        let mut changing = store.change().await?;
        let event = store
            .insert_link(&mut changing, Actor::Keystead, &link)
            .await?;
        changing.commit(event).await?;
        Ok(Some(token))
    }

    /// Whether `link` is the set-up link and works.
    pub async fn can_set_up(&self, link: &str) -> Result<(), NotProven> {
        let link = self.open_link(link).await?;
        match link.purpose {
            LinkPurpose::SetUp if !self.store().has_accounts().await? => Ok(()),
            _ => Err(NotProven::LinkOver),
        }
    }

    /// What a browser is asked to make the first passkey with.
    pub async fn ask_for_first_passkey(
        &self,
        link: &str,
        email: &str,
    ) -> Result<(String, Value), NotProven> {
        self.can_set_up(link).await?;
        self.ask_for_a_strangers_passkey(email)
    }

    /// Makes the first account, its organization and its credential, all or nothing, and signs it in.
    pub async fn set_up(
        &self,
        link: &str,
        organization: &str,
        email: &str,
        credential: NewCredential,
        browser: String,
    ) -> Result<Entrance, NotProven> {
        self.can_set_up(link).await?;
        let name = name_of(organization)?;
        let email = Email::parse(email).map_err(|_| NotProven::NoEmail)?;
        let prepared = self.prepare(credential, &email).await?;
        let id = self.account_id_for(&prepared);
        let hash = link_hash(link)?;

        let store = self.store();
        let mut changing = store.change().await?;
        let used = store
            .use_link(&mut changing, Actor::Account(id), &hash)
            .await?;
        let is_for_this = used.is_some_and(|link| matches!(link.purpose, LinkPurpose::SetUp));
        if !is_for_this || store.has_accounts_now(&mut changing).await? {
            return Err(NotProven::LinkOver);
        }
        let (organization, account) = self
            .custody()
            .found_within(&mut changing, Actor::Account(id), &name, id, &email)
            .await?;
        self.enter(changing, &account, organization.id, prepared, browser)
            .await
    }

    /// Makes the first account without a browser; false when there is one already.
    pub async fn found(
        &self,
        organization: &str,
        email: &Email,
        password: Zeroizing<String>,
    ) -> Result<bool, NotProven> {
        if self.store().has_accounts().await? {
            return Ok(false);
        }
        let derived = self.derive_new(Password::chosen(password, email)?).await?;
        let store = self.store();
        let id = AccountId::new(store.clock());
        let mut changing = store.change().await?;
        if store.has_accounts_now(&mut changing).await? {
            return Ok(false);
        }
        let (organization, _) = self
            .custody()
            .found_within(&mut changing, Actor::Operator, organization, id, email)
            .await?;
        let event = self.put_password(&mut changing, id, &derived).await?;
        let event = event.by(Actor::Operator).within(organization.id);
        changing.commit(event).await?;
        Ok(true)
    }

    /// Gives an account a password, for whoever runs commands on this machine; its sessions end, and
    /// with `alone` what else it signed in with goes.
    pub async fn reset_password(
        &self,
        account: &Account,
        email: &Email,
        password: Zeroizing<String>,
        alone: bool,
    ) -> Result<(), NotProven> {
        let derived = self.derive_new(Password::chosen(password, email)?).await?;
        let (store, id) = (self.store(), account.id);
        let mut changing = store.change().await?;
        let mut events = Vec::new();
        if alone {
            events.extend(store.remove_totp(&mut changing, id).await?);
            events.extend(store.remove_recovery_codes(&mut changing, id).await?);
            for passkey in store.passkeys(id).await? {
                events.push(store.remove_passkey(&mut changing, id, passkey.id).await?);
            }
            for identity in store.identities(id).await? {
                events.push(
                    store
                        .remove_identity(&mut changing, id, identity.id)
                        .await?,
                );
            }
        }
        let first = store.memberships(id).await?.into_iter().next();
        let within = |event: Event| {
            let event = event.by(Actor::Operator);
            match &first {
                Some(member) => event.within(member.organization),
                None => event,
            }
        };
        for event in events {
            changing.audit(within(event)).await?;
        }
        store
            .end_sessions(&mut changing, Actor::Operator, id, None)
            .await?;
        let event = self.put_password(&mut changing, id, &derived).await?;
        Ok(changing.commit(within(event)).await?)
    }

    pub(super) async fn open_link(&self, link: &str) -> Result<Link, NotProven> {
        let hash = link_hash(link)?;
        let found = self.store().open_link(&hash).await?;
        found.ok_or(NotProven::LinkOver)
    }

    pub(super) fn ask_for_a_strangers_passkey(
        &self,
        email: &str,
    ) -> Result<(String, Value), NotProven> {
        let email = Email::parse(email).map_err(|_| NotProven::NoEmail)?;
        let id = AccountId::new(self.store().clock());
        let (asked, state) = self.passkeys()?.ask_for_new(id, email.expose(), &[])?;
        Ok((self.ticket(Errand::NewPasskey, Some(id), state), asked))
    }

    /// Checks a new account's credential, before the change it is part of begins.
    pub(super) async fn prepare(
        &self,
        credential: NewCredential,
        email: &Email,
    ) -> Result<Prepared, NotProven> {
        match credential {
            NewCredential::Password(text) => {
                let password = Password::chosen(text, email)?;
                Ok(Prepared::Password(self.derive_new(password).await?))
            }
            NewCredential::Passkey { ticket, answer } => {
                let ticket = self.read_ticket(Errand::NewPasskey, &ticket)?;
                let passkey = self.passkeys()?.check_new(&ticket.state, &answer)?;
                let data = serde_json::to_vec(&passkey).map_err(|_| NotProven::Wrong)?;
                Ok(Prepared::Passkey {
                    account: ticket.account.ok_or(NotProven::Expired)?,
                    ticket,
                    credential: self.credential_hash(passkey.cred_id().as_ref()),
                    data: Zeroizing::new(data),
                })
            }
        }
    }

    /// The id of the account to be: a passkey was made for one.
    pub(super) fn account_id_for(&self, prepared: &Prepared) -> AccountId {
        match prepared {
            Prepared::Password(_) => AccountId::new(self.store().clock()),
            Prepared::Passkey { account, .. } => *account,
        }
    }

    /// Ends the change that made an account: gives it its credential, and signs it in.
    pub(super) async fn enter(
        &self,
        mut changing: Changing,
        account: &Account,
        organization: OrganizationId,
        prepared: Prepared,
        browser: String,
    ) -> Result<Entrance, NotProven> {
        let method = prepared.method();
        let event = match prepared {
            Prepared::Password(derived) => {
                self.put_password(&mut changing, account.id, &derived)
                    .await?
            }
            Prepared::Passkey {
                ticket,
                credential,
                data,
                ..
            } => {
                self.use_ticket(&mut changing, &ticket).await?;
                let id = PasskeyId::new(self.store().clock());
                let new = NewPasskey {
                    id,
                    account: account.id,
                    rp_id: self.passkeys()?.rp_id.clone(),
                    name: "First passkey".to_owned(),
                    credential,
                    record: self.custody().seal_passkey(account, id, &data).await?,
                };
                self.store().add_passkey(&mut changing, new).await?
            }
        };
        changing.audit(event.within(organization)).await?;
        let proven = Proven {
            account: account.id,
            organization,
            method,
        };
        let new = self.new_session(proven, browser, None);
        let (session, token, event) = self.store().begin_session(&mut changing, new).await?;
        changing.commit(event).await?;
        Ok(Entrance { session, token })
    }
}

pub(super) fn link_hash(text: &str) -> Result<TokenHash, NotProven> {
    match token_hash(text.trim()) {
        Some((TokenKind::Link, hash)) => Ok(hash),
        _ => Err(NotProven::LinkOver),
    }
}
