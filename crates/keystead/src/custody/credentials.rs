//! What accounts sign in with: sealed under their own keys, or kept as a keyed hash that nobody can
//! compare guesses with who does not hold the root key.

use keystead_vault::{Canonical, Kind, SealingKey};
use zeroize::Zeroizing;

use super::{Custody, CustodyError, context};
use crate::{
    ids::{AccountId, LinkId, PasskeyId, TotpId},
    store::{Account, Email, Invitation, Link, Organization, Passkey, Totp},
};

impl Custody {
    /// A keyed hash of what has no secret of its own: each use has its label.
    pub(crate) fn keyed_hash(&self, what: &Canonical) -> [u8; 32] {
        self.0.email.tag(what)
    }

    /// Whether `hash` is the keyed hash of `what`, in constant time.
    pub(crate) fn keyed_hash_fits(&self, what: &Canonical, hash: &[u8]) -> bool {
        self.0.email.verify(what, hash)
    }

    /// Seals the secret of an account's one-time codes.
    pub(crate) async fn seal_totp(
        &self,
        account: &Account,
        id: TotpId,
        secret: &[u8],
    ) -> Result<Vec<u8>, CustodyError> {
        self.seal_credential(Kind::TotpSecret, account, &id.to_string(), secret)
            .await
    }

    /// The secret of an account's one-time codes.
    pub(crate) async fn open_totp(
        &self,
        account: &Account,
        totp: &Totp,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let (id, record) = (totp.id.to_string(), &totp.record);
        self.open_credential(Kind::TotpSecret, account, &id, record, "totps")
            .await
    }

    /// Seals what a passkey is checked with.
    pub(crate) async fn seal_passkey(
        &self,
        account: &Account,
        id: PasskeyId,
        data: &[u8],
    ) -> Result<Vec<u8>, CustodyError> {
        self.seal_credential(Kind::Passkey, account, &id.to_string(), data)
            .await
    }

    /// What a passkey is checked with.
    pub(crate) async fn open_passkey(
        &self,
        account: &Account,
        passkey: &Passkey,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let (id, record) = (passkey.id.to_string(), &passkey.record);
        self.open_credential(Kind::Passkey, account, &id, record, "passkeys")
            .await
    }

    /// Seals the address that an invitation is for.
    pub(crate) async fn seal_invited_email(
        &self,
        organization: &Organization,
        link: LinkId,
        email: &Email,
    ) -> Result<Vec<u8>, CustodyError> {
        let (tenant, id) = (organization.id.to_string(), link.to_string());
        let key = self.organization_key(organization).await?;
        let context = context::invited_email(organization.id, &tenant, &id);
        Ok(key.seal(&context, email.expose().as_bytes()))
    }

    /// The address that an invitation is for.
    pub(crate) async fn invited_email(
        &self,
        link: &Link,
        invitation: &Invitation,
    ) -> Result<Email, CustodyError> {
        let organization = invitation.organization;
        let (tenant, id) = (organization.to_string(), link.id.to_string());
        let found = self.store().organization(organization).await?;
        let key = self.organization_key(&found).await?;
        let context = context::invited_email(organization, &tenant, &id);
        let altered = || self.altered("links", &id);
        let plaintext = key
            .open(&context, &invitation.email_record)
            .map_err(|_| altered())?;
        let text = str::from_utf8(&plaintext).map_err(|_| altered())?;
        Ok(Email::parse(text).map_err(|_| altered())?)
    }

    /// An account's own key, for one use.
    pub(super) async fn account_key(&self, account: &Account) -> Result<SealingKey, CustodyError> {
        let id = account.id.to_string();
        let context = context::account_key(&id);
        self.unwrap(&context, &account.key_record, "accounts", &id)
            .await
    }

    async fn seal_credential(
        &self,
        kind: Kind,
        account: &Account,
        id: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CustodyError> {
        let owner: AccountId = account.id;
        let text = owner.to_string();
        // As it is now, for it may have got another key since it was read; one that is being made is as
        // it was given.
        let now = self.store().account(owner).await.ok();
        let key = self.account_key(now.as_ref().unwrap_or(account)).await?;
        Ok(key.seal(&context::credential(kind, owner, &text, id), plaintext))
    }

    async fn open_credential(
        &self,
        kind: Kind,
        account: &Account,
        id: &str,
        record: &[u8],
        table: &'static str,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let text = account.id.to_string();
        let context = context::credential(kind, account.id, &text, id);
        let key = self.account_key(account).await?;
        if let Ok(opened) = key.open(&context, record) {
            return Ok(opened);
        }
        // The account may have got another key since it was read.
        let now = self.store().account(account.id).await?;
        let key = self.account_key(&now).await?;
        let opened = key.open(&context, record);
        Ok(opened.map_err(|_| self.altered(table, &id))?)
    }
}
