//! Another key for an organization or a person: what their key wraps is wrapped by a fresh one, beside
//! calls that go on. Whoever reads meanwhile has the old record under the old key or the new one under
//! the new.
//!
//! A person has a handful of keys: they change in one transaction. An organization may have thousands: its
//! next key is kept beside the one in use, group keys are wrapped by it some at a time, then the two change
//! places in one transaction. What was stopped on the way, a job goes on with.

use keystead_vault::{Context, Kind, SealingKey};

use super::{Custody, CustodyError, context};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{AccountId, LinkId, OrganizationId},
    store::{Changing, Organization, StoreError, Vault, VaultHolder},
};

/// What was wrapped anew.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rewrapped {
    /// Group keys, one of each provider key.
    pub group_keys: usize,
    /// Other records: peppers, addresses, what people sign in with.
    pub records: usize,
    /// Vaults that got a key of their own: the account's, or those of an organization's end users.
    pub vaults: usize,
}

/// How many group keys are wrapped in one transaction: others wait for it.
const AT_ONCE: u16 = 100;

impl Custody {
    /// Gives an organization another key, and the vaults of its applications' end users one each. Where it
    /// is getting one already, this goes on with that.
    pub async fn rotate_organization_key(
        &self,
        actor: Actor,
        id: OrganizationId,
    ) -> Result<Rewrapped, CustodyError> {
        self.begin_rotation(actor, id).await?;
        self.finish_rotation(actor, id).await
    }

    /// Puts a next key beside the one in use.
    pub async fn begin_rotation(
        &self,
        actor: Actor,
        id: OrganizationId,
    ) -> Result<(), CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        let mut organization = store.organization_now(&mut changing, id).await?;
        if organization.next_key_record.is_some() {
            return Ok(());
        }
        let text = id.to_string();
        let next = SealingKey::generate();
        let context = context::organization_key(&text);
        organization.next_key_record = Some(self.0.root.wrap(&context, next.expose()).await?);
        store.drop_next_slots(changing.connection(), id).await?;
        store
            .write_organization_keys(&mut changing, actor, &mut organization)
            .await?;
        let event = Event::new(actor, Action::OrganizationKeyRotationBegun, &id).within(id);
        Ok(changing.commit(event).await?)
    }

    /// Goes on with every rotation that was begun: one that was stopped, or that another process is at.
    pub async fn finish_rotations(&self) -> Result<(), CustodyError> {
        for id in self.store().organizations_in_rotation().await? {
            self.finish_rotation(Actor::Keystead, id).await?;
        }
        Ok(())
    }

    /// Wraps what is left with the next key, and puts it in use.
    async fn finish_rotation(
        &self,
        actor: Actor,
        id: OrganizationId,
    ) -> Result<Rewrapped, CustodyError> {
        let store = self.store();
        let mut done = Rewrapped::default();
        loop {
            let mut changing = store.change().await?;
            let organization = store.organization_now(&mut changing, id).await?;
            let wrapped = self.wrap_some(&mut changing, &organization).await?;
            if wrapped == 0 {
                break;
            }
            done.group_keys += wrapped;
            let event = Event::new(actor, Action::OrganizationKeyRotationContinued, &id).within(id);
            changing
                .commit(event.with(Field::GroupKeys, &wrapped))
                .await?;
        }
        for vault in store.vaults_of_users(id).await? {
            let mut changing = store.change().await?;
            // Erased meanwhile.
            let vault = match store.vault_now(&mut changing, vault).await {
                Err(StoreError::NotFound { .. }) => continue,
                read => read?,
            };
            let event = Event::new(actor, Action::VaultKeyRotated, &vault.id);
            self.rotate_vault(&mut changing, actor, vault).await?;
            changing.commit(event).await?;
            done.vaults += 1;
        }
        self.put_next_in_use(actor, id, &mut done).await?;
        Ok(done)
    }

    /// Wraps some group keys with an organization's next key; says how many.
    async fn wrap_some(
        &self,
        changing: &mut Changing,
        organization: &Organization,
    ) -> Result<usize, CustodyError> {
        let (store, id) = (self.store(), organization.id);
        let Some(next) = self.next_key(organization).await? else {
            return Ok(0);
        };
        let old = self.organization_key(organization).await?;
        let text = id.to_string();
        let slots = store.group_slots_left(changing, id, AT_ONCE).await?;
        for slot in &slots {
            let altered = || self.altered("key_slots", &slot.key);
            let context = context::group_key(id, &text, &slot.application, &slot.key);
            let group = old.unwrap(&context, &slot.record).map_err(|_| altered())?;
            let record = next.wrap(&context, &group);
            store
                .add_next_slot(changing, id, &slot.key, &record)
                .await?;
        }
        Ok(slots.len())
    }

    async fn next_key(
        &self,
        organization: &Organization,
    ) -> Result<Option<SealingKey>, CustodyError> {
        let Some(record) = &organization.next_key_record else {
            return Ok(None);
        };
        let id = organization.id.to_string();
        let context = context::organization_key(&id);
        let next = self.unwrap(&context, record, "organizations", &id).await?;
        Ok(Some(next))
    }

    /// The last step: what came meanwhile, what there is little of, and the change itself.
    async fn put_next_in_use(
        &self,
        actor: Actor,
        id: OrganizationId,
        done: &mut Rewrapped,
    ) -> Result<(), CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        let mut organization = store.organization_now(&mut changing, id).await?;
        // Another process was quicker.
        let Some(new) = self.next_key(&organization).await? else {
            return Ok(());
        };
        let old = self.organization_key(&organization).await?;
        let text = id.to_string();
        loop {
            let wrapped = self.wrap_some(&mut changing, &organization).await?;
            done.group_keys += wrapped;
            if wrapped == 0 {
                break;
            }
        }
        store.take_next_slots(&mut changing, id).await?;
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
        if let Some(record) = organization.next_key_record.take() {
            organization.key_record = record;
        }
        store
            .write_organization_keys(&mut changing, actor, &mut organization)
            .await?;
        let event = Event::new(actor, Action::OrganizationKeyRotated, &id).within(id);
        Ok(changing.commit(counted(event, done)).await?)
    }

    /// Gives an account another key, and its vault, where it has one.
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
        let holder = VaultHolder::Account(id);
        let vault = store.vault_of_on(changing.connection(), &holder).await?;
        if let Some(vault) = vault {
            done.group_keys += self.rotate_vault(&mut changing, actor, vault).await?;
            done.vaults += 1;
        }
        let event = Event::new(actor, Action::AccountKeyRotated, &id);
        changing.commit(counted(event, &done)).await?;
        Ok(done)
    }

    /// Gives a vault another key within a change; says how many group keys that wraps.
    async fn rotate_vault(
        &self,
        changing: &mut Changing,
        actor: Actor,
        vault: Vault,
    ) -> Result<usize, CustodyError> {
        let (store, id) = (self.store(), vault.id);
        let old = self.vault_key(&vault).await?;
        let new = SealingKey::generate();
        let text = id.to_string();
        let slots = store.vault_slots_now(changing, id).await?;
        for slot in &slots {
            let altered = || self.altered("key_slots", &slot.key);
            let context = context::own_group_key(id, &text, &slot.key);
            let group = old.unwrap(&context, &slot.record).map_err(|_| altered())?;
            let record = new.wrap(&context, &group);
            store
                .write_vault_slot(changing, id, &slot.key, &record)
                .await?;
        }
        let context = context::vault_key(&text);
        let record = self.0.root.wrap(&context, new.expose()).await?;
        store.rewrap(changing, actor, vault, record).await?;
        Ok(slots.len())
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
        .with(Field::GroupKeys, &done.group_keys)
        .with(Field::Records, &done.records)
        .with(Field::Vaults, &done.vaults)
}
