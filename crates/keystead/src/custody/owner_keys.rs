//! Another key for an organization or a person: what their key wraps is wrapped by a fresh one, in one
//! transaction, beside calls that go on. Whoever reads meanwhile has the old record under the old key
//! or the new one under the new.

use keystead_vault::{Context, Kind, SealingKey};

use super::{Custody, CustodyError, context};
use crate::{
    audit::{Actor, Event},
    ids::{AccountId, KeyId, LinkId, OrganizationId},
    store::StoreError,
};

/// What was wrapped anew.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rewrapped {
    /// Group keys, one of each provider key.
    pub group_keys: usize,
    /// Other records: peppers, addresses, what people sign in with.
    pub records: usize,
}

impl Custody {
    /// Gives an organization another key.
    pub async fn rotate_organization_key(
        &self,
        actor: Actor,
        id: OrganizationId,
    ) -> Result<Rewrapped, CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        let organization = store.organization_now(&mut changing, id).await?;
        let old = self.organization_key(&organization).await?;
        let new = SealingKey::generate();
        let text = id.to_string();

        let mut done = Rewrapped::default();
        for slot in store.group_slots_now(&mut changing, id).await? {
            let altered = || self.altered("key_slots", &slot.key);
            let key: KeyId = slot.key.parse().map_err(|_| altered())?;
            let context = context::group_key(id, &text, &slot.application, &slot.key);
            let group = old.unwrap(&context, &slot.record).map_err(|_| altered())?;
            let record = new.wrap(&context, &group);
            store
                .write_group_slot(&mut changing, id, &slot.key, &record)
                .await?;
            changing.forget(&key);
            done.group_keys += 1;
        }
        for application in store.applications_now(&mut changing, id).await? {
            let name = application.id.to_string();
            let context = context::pepper(id, &text, &name);
            let pepper = old.open(&context, &application.pepper_record);
            let pepper = pepper.map_err(|_| self.altered("applications", &name))?;
            let record = new.seal(&context, &pepper);
            store
                .rewrap(&mut changing, actor, application, record)
                .await?;
            done.records += 1;
        }
        for link in store.invitations_now(&mut changing, id).await? {
            let link_id: LinkId = link.id;
            let name = link_id.to_string();
            let context = context::invited_email(id, &text, &name);
            let altered = || self.altered("links", &name);
            let sealed = link.invitation().ok_or_else(altered)?;
            let address = old.open(&context, &sealed.email_record);
            let record = new.seal(&context, &address.map_err(|_| altered())?);
            store.rewrap(&mut changing, actor, link, record).await?;
            done.records += 1;
        }
        for webhook in store.webhooks_now(&mut changing, id).await? {
            let name = webhook.id.to_string();
            let context = context::webhook_secret(id, &text, &name);
            let place = ("webhooks", name.as_str());
            let record = self.again((&old, &new), &context, &webhook.record, place)?;
            store.rewrap(&mut changing, actor, webhook, record).await?;
            done.records += 1;
        }
        let context = context::organization_key(&text);
        let record = self.0.root.wrap(&context, new.expose()).await?;
        store
            .rewrap(&mut changing, actor, organization, record)
            .await?;
        let event = Event::new(actor, "organization.key_rotated", &id).within(id);
        changing.commit(counted(event, &done)).await?;
        Ok(done)
    }

    /// Gives an account another key.
    pub async fn rotate_account_key(
        &self,
        actor: Actor,
        id: AccountId,
    ) -> Result<Rewrapped, CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        let all = store.accounts_now(&mut changing).await?;
        let account = all.into_iter().find(|one| one.id == id);
        let mut account = account.ok_or_else(|| StoreError::not_found("account", &id))?;
        let old = self.account_key(&account).await?;
        let new = SealingKey::generate();
        let text = id.to_string();

        let mut done = Rewrapped::default();
        for totp in store.totps_now(&mut changing, id).await? {
            let name = totp.id.to_string();
            let context = context::credential(Kind::TotpSecret, id, &text, &name);
            let record = self.again((&old, &new), &context, &totp.record, ("totps", &name))?;
            store.rewrap(&mut changing, actor, totp, record).await?;
            done.records += 1;
        }
        for passkey in store.passkeys_now(&mut changing, id).await? {
            let name = passkey.id.to_string();
            let context = context::credential(Kind::Passkey, id, &text, &name);
            let place = ("passkeys", name.as_str());
            let record = self.again((&old, &new), &context, &passkey.record, place)?;
            store.rewrap(&mut changing, actor, passkey, record).await?;
            done.records += 1;
        }
        let context = context::account_email(id, &text);
        let place = ("accounts", text.as_str());
        account.email_record = self.again((&old, &new), &context, &account.email_record, place)?;
        store.write_account_email(&mut changing, &account).await?;
        done.records += 1;
        let context = context::account_key(&text);
        let record = self.0.root.wrap(&context, new.expose()).await?;
        store.rewrap(&mut changing, actor, account, record).await?;
        let event = Event::new(actor, "account.key_rotated", &id);
        changing.commit(counted(event, &done)).await?;
        Ok(done)
    }

    fn again(
        &self,
        (old, new): (&SealingKey, &SealingKey),
        context: &Context<'_>,
        record: &[u8],
        (table, id): (&'static str, &str),
    ) -> Result<Vec<u8>, CustodyError> {
        let opened = old.open(context, record);
        let opened = opened.map_err(|_| self.altered(table, &id))?;
        Ok(new.seal(context, &opened))
    }
}

fn counted(event: Event, done: &Rewrapped) -> Event {
    event
        .with("group_keys", &done.group_keys)
        .with("records", &done.records)
}
