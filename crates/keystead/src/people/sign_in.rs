//! Is this person who they say they are?
//!
//! Whoever is unknown is answered as whoever gave a wrong password, after the same work, so that nobody
//! learns here who has an account.

use std::{fmt, net::IpAddr, sync::Arc};

use keystead_vault::{Canonical, random};
use serde_json::Value;

use super::{
    NotProven, Password, People, Proven, RecoveryCode,
    passkeys::Passkeys,
    password::{COST, derived_for, is_dated},
    throttle::{Counted, Range},
    ticket::{Errand, Ticket},
    totp,
};
use crate::{
    audit::{Action, Event},
    ids::AccountId,
    store::{Account, Changing, Email, PasswordHash, SignInMethod, SignedIn},
};

/// A password was right.
pub enum Checked {
    /// That is all the account asks for.
    Proven(Proven),
    /// A code is to follow; this goes into its form.
    WantsCode(String),
}

/// What someone who is signed in shows again.
pub enum Proof {
    /// Their password.
    Password(Password),
    /// A one-time code, or a recovery code.
    Code(String),
    /// The answer of a passkey, and the ticket it was asked with.
    Passkey {
        /// From the form.
        ticket: String,
        /// What the browser says, as JSON.
        answer: String,
    },
}

/// A ticket lets its bearer go on where a password was right, so it does not print.
impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checked(..)")
    }
}

/// Codes let in as passwords do.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

impl People {
    /// Checks an e-mail address and a password that `from` sends.
    pub async fn check_password(
        &self,
        email: &str,
        password: Password,
        from: IpAddr,
    ) -> Result<Checked, NotProven> {
        let email = Email::parse(email).ok();
        let hash = match &email {
            Some(email) => self.custody().email_hash(email),
            // What is no address has no account, and is asked for no less.
            None => self
                .custody()
                .keyed_hash(&Canonical::new("keystead/no-email/v1")),
        };
        let range = Range::of(from);
        let counted = [
            Counted::Account(hash),
            Counted::AccountFrom(hash, range),
            Counted::From(range),
        ];
        self.admit(&counted)?;
        let account = match &email {
            Some(email) => self.custody().account_by_email(email).await?,
            None => None,
        };
        let account = account.filter(|account| !account.disabled);
        if !self.has_password(account.as_ref(), password).await? {
            self.refused_sign_in("wrong", "sign_in_wrong");
            return Err(NotProven::Wrong);
        }
        let account = account.ok_or(NotProven::Wrong)?;
        self.0.throttle.succeeded(&counted);
        if self.store().totp(account.id).await?.is_some() {
            let ticket = self.ticket(Errand::Code, Some(account.id), String::new());
            return Ok(Checked::WantsCode(ticket));
        }
        let proven = self.proven(account.id, SignInMethod::Password).await?;
        Ok(Checked::Proven(proven))
    }

    /// Checks the code, or the recovery code, that follows a password.
    pub async fn check_code(&self, ticket: &str, code: &str) -> Result<Proven, NotProven> {
        let ticket = self.read_ticket(Errand::Code, ticket)?;
        let account = self.account_of(&ticket).await?;
        let method = self.use_code(&account, code, Some(&ticket)).await?;
        self.proven(account.id, method).await
    }

    /// What a browser is asked to use a passkey with; the text goes back with its answer.
    pub fn ask_for_passkey(&self) -> Result<(String, Value), NotProven> {
        let (asked, state) = self.passkeys()?.ask()?;
        Ok((self.ticket(Errand::Passkey, None, state), asked))
    }

    /// Checks what a browser says that a passkey did.
    pub async fn check_passkey(
        &self,
        ticket: &str,
        answer: &str,
        from: IpAddr,
    ) -> Result<Proven, NotProven> {
        let counted = [Counted::From(Range::of(from))];
        self.admit(&counted)?;
        match self.use_passkey(ticket, answer).await {
            Ok(account) => {
                self.0.throttle.succeeded(&counted);
                self.proven(account, SignInMethod::Passkey).await
            }
            Err(error) => {
                self.refused_sign_in("wrong", "sign_in_wrong");
                Err(error)
            }
        }
    }

    /// Checks what someone who is signed in shows again, and says what it was.
    pub async fn check_again(
        &self,
        signed_in: &SignedIn,
        proof: Proof,
        from: IpAddr,
    ) -> Result<SignInMethod, NotProven> {
        let account = &signed_in.account;
        match proof {
            Proof::Password(password) => {
                let range = Range::of(from);
                let counted = [
                    Counted::AccountFrom(account.email_hash, range),
                    Counted::From(range),
                ];
                self.admit(&counted)?;
                if !self.has_password(Some(account), password).await? {
                    return Err(NotProven::Wrong);
                }
                self.0.throttle.succeeded(&counted);
                Ok(SignInMethod::Password)
            }
            Proof::Code(code) => self.use_code(account, &code, None).await,
            Proof::Passkey { ticket, answer } => {
                let whose = self.check_passkey(&ticket, &answer, from).await?.account;
                match whose == account.id {
                    true => Ok(SignInMethod::Passkey),
                    false => Err(NotProven::Wrong),
                }
            }
        }
    }

    /// Counts a try, or says how long to wait.
    pub(super) fn admit(&self, counted: &[Counted]) -> Result<(), NotProven> {
        let admitted = self.0.throttle.admit(counted, self.now());
        admitted.map_err(|wait| {
            self.refused_sign_in("throttled", "sign_in_throttled");
            NotProven::Wait(wait)
        })
    }

    /// Whether it is the account's password. Without an account, or one that has none, the same work
    /// is done for nothing.
    async fn has_password(
        &self,
        account: Option<&Account>,
        password: Password,
    ) -> Result<bool, NotProven> {
        let id = account.map_or(AccountId::from_bytes([0; 16]), |account| account.id);
        let row = self.store().password(id).await?;
        let nobodys = || PasswordHash {
            cost: COST,
            salt: random::<16>().to_vec(),
            hash: random(),
        };
        let kept = row.as_ref().map_or_else(nobodys, |row| row.kept.clone());
        let password = Arc::new(password);
        let hasher = &self.0.hasher;
        let derived = hasher.derive(password.clone(), kept.cost, kept.salt).await;
        let derived = derived.inspect_err(|_| self.0.metrics.sign_in("busy"))?;
        let covered = derived_for(id, &derived);
        let fits = self.custody().keyed_hash_fits(&covered, &kept.hash);
        if let Some(row) = row.filter(|row| fits && is_dated(row.kept.cost)) {
            self.keep_at_todays_cost(&row, password).await?;
        }
        Ok(fits)
    }

    /// Uses a one-time code or a recovery code up, and the ticket with it.
    async fn use_code(
        &self,
        account: &Account,
        code: &str,
        ticket: Option<&Ticket>,
    ) -> Result<SignInMethod, NotProven> {
        let counted = [Counted::Code(account.id)];
        self.admit(&counted)?;
        let wrong = || {
            self.refused_sign_in("wrong", "sign_in_wrong");
            NotProven::Wrong
        };
        let store = self.store();
        let (method, event, mut changing) = match RecoveryCode::parse(code) {
            Some(code) => {
                let hash = self.custody().keyed_hash(&code.kept_for(account.id));
                let mut changing = store.change().await?;
                let used = store
                    .use_recovery_code(&mut changing, account.id, &hex(&hash))
                    .await?;
                (SignInMethod::PasswordAndRecoveryCode, used, changing)
            }
            None => {
                let totp = store.totp(account.id).await?.ok_or_else(wrong)?;
                let secret = self.custody().open_totp(account, &totp).await?;
                let step = totp::step_of_code(&secret, code, self.now()).ok_or_else(wrong)?;
                let mut changing = store.change().await?;
                let used = store.use_totp(&mut changing, account.id, step).await?;
                (SignInMethod::PasswordAndCode, used, changing)
            }
        };
        let event = event.ok_or_else(wrong)?;
        if let Some(ticket) = ticket {
            self.use_ticket(&mut changing, ticket).await?;
        }
        changing.commit(event).await?;
        self.0.throttle.succeeded(&counted);
        Ok(method)
    }

    async fn use_passkey(&self, ticket: &str, answer: &str) -> Result<AccountId, NotProven> {
        let ticket = self.read_ticket(Errand::Passkey, ticket)?;
        let passkeys = self.passkeys()?;
        let claim = passkeys.claimed(answer)?;
        let account = self.account(claim.account).await?;
        let credential = self.credential_hash(&claim.credential);
        let rows = self.store().passkeys(account.id).await?;
        let row = rows.into_iter().find(|row| row.credential == credential);
        let row = row.ok_or(NotProven::Wrong)?;
        let data = self.custody().open_passkey(&account, &row).await?;
        let mut passkey = serde_json::from_slice(&data).map_err(|_| NotProven::Wrong)?;
        let has_changed = passkeys.check(&ticket.state, &claim, &mut passkey)?;

        let store = self.store();
        let mut changing = store.change().await?;
        self.use_ticket(&mut changing, &ticket).await?;
        store.touch_passkey(&mut changing, row.id).await?;
        let event = if has_changed {
            let data = serde_json::to_vec(&passkey).map_err(|_| NotProven::Wrong)?;
            let record = self.custody().seal_passkey(&account, row.id, &data).await?;
            let edit = |row: &mut crate::store::Passkey| row.record = record;
            store
                .rewrite_passkey(&mut changing, account.id, row.id, Action::PasskeyUsed, edit)
                .await?
        } else {
            Event::new(
                crate::audit::Actor::Account(account.id),
                Action::PasskeyUsed,
                &row.id,
            )
        };
        changing.commit(event).await?;
        Ok(account.id)
    }

    /// What a passkey is found by. Keyed, for the same device may have one elsewhere.
    pub(super) fn credential_hash(&self, credential: &[u8]) -> [u8; 32] {
        let what = Canonical::new("keystead/passkey/v1").bytes(credential);
        self.custody().keyed_hash(&what)
    }

    pub(super) fn passkeys(&self) -> Result<&Passkeys, NotProven> {
        self.0.passkeys.as_ref().ok_or(NotProven::NoPasskeys)
    }

    pub(super) async fn account_of(&self, ticket: &Ticket) -> Result<Account, NotProven> {
        self.account(ticket.account.ok_or(NotProven::Expired)?)
            .await
    }

    /// An account that may sign in.
    pub(super) async fn account(&self, id: AccountId) -> Result<Account, NotProven> {
        let found = self.store().account(id).await;
        let account = found.map_err(|error| match error {
            crate::store::StoreError::NotFound { .. } => NotProven::Wrong,
            other => other.into(),
        })?;
        match account.disabled {
            true => Err(NotProven::Wrong),
            false => Ok(account),
        }
    }

    /// Where someone who proved who they are goes first: to the organization they joined first.
    pub(super) async fn proven(
        &self,
        account: AccountId,
        method: SignInMethod,
    ) -> Result<Proven, NotProven> {
        let places = self.store().memberships(account).await?;
        let first = places.iter().min_by_key(|member| member.created_at);
        let organization = first.ok_or(NotProven::NoOrganization)?.organization;
        Ok(Proven {
            account,
            organization,
            method,
        })
    }

    /// Makes the row's content of a new password, before the change it is part of begins.
    pub(super) async fn derive_new(
        &self,
        password: impl Into<Arc<Password>>,
    ) -> Result<Derived, NotProven> {
        let salt = random::<16>().to_vec();
        let derived = self.0.hasher.derive(password, COST, salt.clone()).await?;
        Ok(Derived { salt, derived })
    }

    /// Gives an account a password, within a change.
    pub(super) async fn put_password(
        &self,
        changing: &mut Changing,
        account: AccountId,
        new: &Derived,
    ) -> Result<Event, NotProven> {
        let kept = self.kept(account, new);
        Ok(self.store().put_password(changing, account, kept).await?)
    }

    /// What a row keeps of it.
    pub(super) fn kept(&self, account: AccountId, new: &Derived) -> PasswordHash {
        let covered = derived_for(account, &new.derived);
        PasswordHash {
            cost: COST,
            salt: new.salt.clone(),
            hash: self.custody().keyed_hash(&covered),
        }
    }
}

impl People {
    /// Counts a try that let nobody in, for operators and for the record.
    fn refused_sign_in(&self, outcome: &'static str, code: &'static str) {
        self.0.metrics.sign_in(outcome);
        self.store().count_refused(None, code);
    }
}

/// What Argon2id made of a new password.
pub(super) struct Derived {
    salt: Vec<u8>,
    derived: zeroize::Zeroizing<[u8; 32]>,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_in_does_not_print() {
        let passkey = Proof::Passkey {
            ticket: "canary".to_owned(),
            answer: "canary".to_owned(),
        };
        let range = Range::of([192, 0, 2, 7].into());
        for printed in [
            format!("{:?}", Proof::Code("canary".to_owned())),
            format!("{passkey:?}"),
            format!("{:?}", Checked::WantsCode("canary".to_owned())),
            format!("{:?}", Counted::From(range)),
        ] {
            assert!(
                !printed.contains("canary") && !printed.contains("192"),
                "{printed}"
            );
        }
    }
}
