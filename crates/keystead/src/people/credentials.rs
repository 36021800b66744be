//! What an account signs in with, seen to by its owner.
//!
//! Every change wants a fresh proof of who they are, and none leaves an account without a way in.

use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    NotProven, Password, People, RecoveryCode, recovery, sign_in::hex, ticket::Errand, totp,
};
use crate::{
    audit::{Action, Event},
    clock::Timestamp,
    ids::{IdentityId, PasskeyId, TotpId},
    store::{Changing, NewPasskey, SignedIn, Totp},
};

/// What an account signs in with.
#[derive(Debug)]
pub struct Credentials {
    /// Since when it has its password, if it has one.
    pub password_since: Option<Timestamp>,
    /// Since when it has one-time codes, if it has them.
    pub totp_since: Option<Timestamp>,
    /// How many recovery codes are left; `None` if it never had any.
    pub recovery_codes: Option<usize>,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<PasskeyShown>,
    /// Who it is at OpenID providers, the oldest first.
    pub identities: Vec<IdentityShown>,
}

/// Who an account is at an OpenID provider, as its owner sees it.
#[derive(Debug)]
pub struct IdentityShown {
    /// Its id.
    pub id: IdentityId,
    /// The provider, as it names itself.
    pub issuer: String,
    /// Whether people may sign in by that provider here, as things are.
    pub is_in_use: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl Credentials {
    /// How many ways in there are that need no other.
    pub fn ways_in(&self) -> usize {
        let identities = self.identities.iter().filter(|one| one.is_in_use);
        usize::from(self.password_since.is_some()) + self.passkeys.len() + identities.count()
    }
}

/// A passkey, as its owner sees it.
#[derive(Debug)]
pub struct PasskeyShown {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// One-time codes that are being enrolled.
pub struct TotpEnrolment {
    /// Goes back with the first code.
    pub ticket: String,
    /// The secret, as people type it into an authenticator.
    pub secret: Zeroizing<String>,
    /// The same as a picture holds it.
    pub address: Zeroizing<String>,
}

impl std::fmt::Debug for TotpEnrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpEnrolment(..)")
    }
}

impl People {
    /// What an account signs in with.
    pub async fn credentials(&self, signed_in: &SignedIn) -> Result<Credentials, NotProven> {
        let (store, account) = (self.store(), signed_in.account.id);
        let passkeys = store.passkeys(account).await?;
        let identities = store.identities(account).await?;
        Ok(Credentials {
            identities: identities
                .into_iter()
                .map(|row| IdentityShown {
                    id: row.id,
                    is_in_use: row.issuer == self.issuer(),
                    issuer: row.issuer,
                    created_at: row.created_at,
                })
                .collect(),
            password_since: store.password(account).await?.map(|row| row.created_at),
            totp_since: store.totp(account).await?.map(|row| row.created_at),
            recovery_codes: store
                .recovery_codes(account)
                .await?
                .map(|row| row.hashes.len()),
            passkeys: passkeys
                .into_iter()
                .map(|row| PasskeyShown {
                    id: row.id,
                    name: row.name,
                    created_at: row.created_at,
                    last_used_at: row.last_used_at,
                })
                .collect(),
        })
    }

    /// Whether this console has passkeys at all.
    pub fn has_passkeys(&self) -> bool {
        self.0.passkeys.is_some()
    }

    /// Gives the account another password; its other sessions end.
    pub async fn set_password(
        &self,
        signed_in: &SignedIn,
        new: Zeroizing<String>,
    ) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let email = self.custody().email_of(&signed_in.account).await?;
        let derived = self.derive_new(Password::chosen(new, &email)?).await?;
        let mut changing = self.store().change().await?;
        let account = signed_in.account.id;
        let event = self.put_password(&mut changing, account, &derived).await?;
        self.end_others(&mut changing, signed_in).await?;
        self.commit(changing, signed_in, event).await
    }

    /// Takes the account's password away, and the codes that go with it: another way in is left.
    pub async fn remove_password(&self, signed_in: &SignedIn) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let (store, account) = (self.store(), signed_in.account.id);
        let mut changing = store.change().await?;
        let has = self.credentials(signed_in).await?;
        if has.password_since.is_some() && has.ways_in() == 1 {
            return Err(NotProven::LastWay);
        }
        for event in [
            store.remove_totp(&mut changing, account).await?,
            store.remove_recovery_codes(&mut changing, account).await?,
        ]
        .into_iter()
        .flatten()
        {
            changing.audit(within(event, signed_in)).await?;
        }
        let removed = store.remove_password(&mut changing, account).await?;
        let event = removed.ok_or(NotProven::Wrong)?;
        self.end_others(&mut changing, signed_in).await?;
        self.commit(changing, signed_in, event).await
    }

    /// Begins to enrol one-time codes: nothing changes until the first code was given.
    pub async fn begin_totp(&self, signed_in: &SignedIn) -> Result<TotpEnrolment, NotProven> {
        self.wants_fresh(signed_in)?;
        let secret = totp::fresh_secret();
        let email = self.custody().email_of(&signed_in.account).await?;
        let issuer = self.0.console.host();
        Ok(TotpEnrolment {
            ticket: self.ticket(Errand::Totp, Some(signed_in.account.id), hex(&secret)),
            secret: totp::as_text(&secret),
            address: totp::address(&secret, &issuer, email.expose()),
        })
    }

    /// The enrolment of a ticket again, for the page that is shown after a wrong code.
    pub async fn totp_again(
        &self,
        signed_in: &SignedIn,
        ticket: &str,
    ) -> Result<TotpEnrolment, NotProven> {
        let secret = self.totp_secret(signed_in, ticket)?;
        let email = self.custody().email_of(&signed_in.account).await?;
        Ok(TotpEnrolment {
            ticket: ticket.to_owned(),
            secret: totp::as_text(&secret),
            address: totp::address(&secret, &self.0.console.host(), email.expose()),
        })
    }

    /// Enrols one-time codes by their first one, and makes recovery codes, which are shown this once.
    pub async fn enrol_totp(
        &self,
        signed_in: &SignedIn,
        ticket: &str,
        code: &str,
    ) -> Result<Vec<RecoveryCode>, NotProven> {
        self.wants_fresh(signed_in)?;
        let secret = self.totp_secret(signed_in, ticket)?;
        let ticket = self.read_ticket(Errand::Totp, ticket)?;
        let step = totp::step_of_code(&secret, code, self.now()).ok_or(NotProven::Wrong)?;
        let (store, account) = (self.store(), &signed_in.account);
        let id = TotpId::new(store.clock());
        let totp = Totp {
            id,
            account: account.id,
            record: self.custody().seal_totp(account, id, &secret).await?,
            last_step: step,
            created_at: self.now(),
            row_version: 1,
        };
        let mut changing = store.change().await?;
        self.use_ticket(&mut changing, &ticket).await?;
        let event = store.put_totp(&mut changing, &totp).await?;
        changing.audit(within(event, signed_in)).await?;
        let (codes, event) = self.new_recovery_codes(&mut changing, signed_in).await?;
        self.end_others(&mut changing, signed_in).await?;
        self.commit(changing, signed_in, event).await?;
        Ok(codes)
    }

    /// Takes the account's one-time codes away, and the recovery codes with them.
    pub async fn remove_totp(&self, signed_in: &SignedIn) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let (store, account) = (self.store(), signed_in.account.id);
        let mut changing = store.change().await?;
        let removed = store.remove_totp(&mut changing, account).await?;
        let event = removed.ok_or(NotProven::Wrong)?;
        if let Some(codes) = store.remove_recovery_codes(&mut changing, account).await? {
            changing.audit(within(codes, signed_in)).await?;
        }
        self.commit(changing, signed_in, event).await
    }

    /// Makes recovery codes in place of those that are left; they are shown this once.
    pub async fn make_recovery_codes(
        &self,
        signed_in: &SignedIn,
    ) -> Result<Vec<RecoveryCode>, NotProven> {
        self.wants_fresh(signed_in)?;
        if self.store().totp(signed_in.account.id).await?.is_none() {
            return Err(NotProven::Wrong);
        }
        let mut changing = self.store().change().await?;
        let (codes, event) = self.new_recovery_codes(&mut changing, signed_in).await?;
        self.commit(changing, signed_in, event).await?;
        Ok(codes)
    }

    /// What a browser is asked to make a passkey with; the text goes back with its answer.
    pub async fn ask_for_new_passkey(
        &self,
        signed_in: &SignedIn,
    ) -> Result<(String, Value), NotProven> {
        self.wants_fresh(signed_in)?;
        let account = &signed_in.account;
        let email = self.custody().email_of(account).await?;
        let mut known = Vec::new();
        for row in self.store().passkeys(account.id).await? {
            let data = self.custody().open_passkey(account, &row).await?;
            known.extend(serde_json::from_slice(&data).ok());
        }
        let passkeys = self.passkeys()?;
        let (asked, state) = passkeys.ask_for_new(account.id, email.expose(), &known)?;
        let ticket = self.ticket(Errand::NewPasskey, Some(account.id), state);
        Ok((ticket, asked))
    }

    /// Gives the account the passkey that a browser made.
    pub async fn add_passkey(
        &self,
        signed_in: &SignedIn,
        ticket: &str,
        answer: &str,
        name: &str,
    ) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let name = name_of(name)?;
        let ticket = self.read_ticket(Errand::NewPasskey, ticket)?;
        if ticket.account != Some(signed_in.account.id) {
            return Err(NotProven::Expired);
        }
        let passkeys = self.passkeys()?;
        let passkey = passkeys.check_new(&ticket.state, answer)?;
        let (store, account) = (self.store(), &signed_in.account);
        let id = PasskeyId::new(store.clock());
        let data = serde_json::to_vec(&passkey).map_err(|_| NotProven::Wrong)?;
        let new = NewPasskey {
            id,
            account: account.id,
            rp_id: passkeys.rp_id.clone(),
            name,
            credential: self.credential_hash(passkey.cred_id().as_ref()),
            record: self.custody().seal_passkey(account, id, &data).await?,
        };
        let mut changing = store.change().await?;
        self.use_ticket(&mut changing, &ticket).await?;
        let event = store.add_passkey(&mut changing, new).await?;
        self.commit(changing, signed_in, event).await
    }

    /// Gives a passkey another name.
    pub async fn rename_passkey(
        &self,
        signed_in: &SignedIn,
        id: PasskeyId,
        name: &str,
    ) -> Result<(), NotProven> {
        let name = name_of(name)?;
        let (store, account) = (self.store(), signed_in.account.id);
        let mut changing = store.change().await?;
        let edit = |row: &mut crate::store::Passkey| row.name = name;
        let event = store
            .rewrite_passkey(&mut changing, account, id, Action::PasskeyRenamed, edit)
            .await?;
        self.commit(changing, signed_in, event).await
    }

    /// Takes a passkey away.
    pub async fn remove_passkey(
        &self,
        signed_in: &SignedIn,
        id: PasskeyId,
    ) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let (store, account) = (self.store(), signed_in.account.id);
        let mut changing = store.change().await?;
        let has = self.credentials(signed_in).await?;
        if has.ways_in() == 1 && has.passkeys.iter().any(|one| one.id == id) {
            return Err(NotProven::LastWay);
        }
        let event = store.remove_passkey(&mut changing, account, id).await?;
        self.commit(changing, signed_in, event).await
    }

    /// Takes an identity away: its OpenID provider lets nobody into this account any more. Other
    /// sessions end, for they may have begun there.
    pub async fn remove_identity(
        &self,
        signed_in: &SignedIn,
        id: IdentityId,
    ) -> Result<(), NotProven> {
        self.wants_fresh(signed_in)?;
        let (store, account) = (self.store(), signed_in.account.id);
        let mut changing = store.change().await?;
        let has = self.credentials(signed_in).await?;
        let is_used = |one: &IdentityShown| one.id == id && one.is_in_use;
        if has.ways_in() == 1 && has.identities.iter().any(is_used) {
            return Err(NotProven::LastWay);
        }
        let event = store.remove_identity(&mut changing, account, id).await?;
        self.end_others(&mut changing, signed_in).await?;
        self.commit(changing, signed_in, event).await
    }

    pub(super) fn wants_fresh(&self, signed_in: &SignedIn) -> Result<(), NotProven> {
        match self.is_fresh(&signed_in.session) {
            true => Ok(()),
            false => Err(NotProven::ProveAgain),
        }
    }

    fn totp_secret(
        &self,
        signed_in: &SignedIn,
        ticket: &str,
    ) -> Result<Zeroizing<Vec<u8>>, NotProven> {
        let ticket = self.read_ticket(Errand::Totp, ticket)?;
        if ticket.account != Some(signed_in.account.id) {
            return Err(NotProven::Expired);
        }
        from_hex(&ticket.state).ok_or(NotProven::Expired)
    }

    async fn new_recovery_codes(
        &self,
        changing: &mut Changing,
        signed_in: &SignedIn,
    ) -> Result<(Vec<RecoveryCode>, Event), NotProven> {
        let account = signed_in.account.id;
        let codes: Vec<_> = (0..recovery::COUNT)
            .map(|_| RecoveryCode::generate())
            .collect();
        let hashes = codes
            .iter()
            .map(|code| hex(&self.custody().keyed_hash(&code.kept_for(account))))
            .collect();
        let store = self.store();
        let event = store.put_recovery_codes(changing, account, hashes).await?;
        Ok((codes, event))
    }

    async fn end_others(
        &self,
        changing: &mut Changing,
        signed_in: &SignedIn,
    ) -> Result<(), NotProven> {
        let (account, kept) = (signed_in.account.id, Some(signed_in.session.id));
        let actor = signed_in.actor();
        let store = self.store();
        store.end_sessions(changing, actor, account, kept).await?;
        Ok(())
    }

    async fn commit(
        &self,
        changing: Changing,
        signed_in: &SignedIn,
        event: Event,
    ) -> Result<(), NotProven> {
        Ok(changing.commit(within(event, signed_in)).await?)
    }
}

/// In whose log it stands: that of the organization that the person looks at.
fn within(event: Event, signed_in: &SignedIn) -> Event {
    event
        .by(signed_in.actor())
        .within(signed_in.session.organization)
}

pub(super) fn name_of(text: &str) -> Result<String, NotProven> {
    let name = text.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned()).ok_or(NotProven::NoName)
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok());
    bytes.collect::<Option<Vec<_>>>().map(Zeroizing::new)
}
