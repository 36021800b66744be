//! Organizations and accounts: each gets a key of its own, under which what is theirs is sealed.

use keystead_vault::{Canonical, SealingKey, Token};

use super::{Custody, CustodyError, context};
use crate::{
    alerts::AlertRules,
    audit::{Action, Actor, Event, Field},
    ids::{AccountId, OrganizationId},
    limits::RowLimits,
    store::{
        Account, ApiScope, ApiToken, Changing, Email, Member, NewApiToken, Organization, Role,
        StoreError,
    },
};

/// A person to be given an account.
#[derive(Debug)]
pub struct NewAccount {
    /// The e-mail address.
    pub email: Email,
    /// The organization.
    pub organization: OrganizationId,
    /// What the account may do there.
    pub role: Role,
}

/// What `init` makes: the first of everything.
#[derive(Debug)]
pub struct Founded {
    /// The organization.
    pub organization: Organization,
    /// Its owner.
    pub account: Account,
    /// The owner's API token, without its secret.
    pub api_token: ApiToken,
    /// The secret, shown once.
    pub token: Token,
}

impl Custody {
    /// Makes an organization, its owner, and an API token for the owner: all or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `already_founded` when there is an account already.
    pub async fn found(&self, name: &str, email: &Email) -> Result<Founded, CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        if store.has_accounts_now(&mut changing).await? {
            let reason = "there is an account already".to_owned();
            return Err(StoreError::Conflict {
                code: "already_founded",
                reason,
            }
            .into());
        }
        let id = AccountId::new(store.clock());
        let (organization, account) = self
            .found_within(&mut changing, Actor::Operator, name, id, email)
            .await?;
        let (api_token, token) = store.generate_api_token(NewApiToken {
            organization: organization.id,
            account: account.id,
            name: "init".to_owned(),
            scopes: vec![ApiScope::All],
            expires_at: None,
        });
        store
            .insert_api_token(changing.connection(), &api_token)
            .await?;

        let event = Event::new(Actor::Operator, Action::ApiTokenCreated, &api_token.id);
        changing
            .commit(event.within(organization.id).version(api_token.row_version))
            .await?;
        Ok(Founded {
            organization,
            account,
            api_token,
            token,
        })
    }

    /// Makes an organization and its owner, within a change that does more.
    pub(crate) async fn found_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        name: &str,
        id: AccountId,
        email: &Email,
    ) -> Result<(Organization, Account), CustodyError> {
        let store = self.store();
        let organization = self.seal_organization(name).await?;
        store
            .insert_organization(changing.connection(), &organization)
            .await?;
        let event = Event::new(actor, Action::OrganizationCreated, &organization.id);
        changing
            .audit(
                event
                    .within(organization.id)
                    .version(organization.row_version),
            )
            .await?;
        let place = (organization.id, Role::Owner);
        let account = self
            .add_account_within(changing, actor, id, email, place)
            .await?;
        changing.forget(&organization.id);
        Ok((organization, account))
    }

    /// Makes an account and its place in an organization, within a change that does more.
    pub(crate) async fn add_account_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        id: AccountId,
        email: &Email,
        (organization, role): (OrganizationId, Role),
    ) -> Result<Account, CustodyError> {
        let account = self.insert_account(changing, id, email).await?;
        let event = Event::new(actor, Action::AccountCreated, &account.id);
        changing
            .audit(event.within(organization).version(account.row_version))
            .await?;
        self.join_within(changing, actor, account.id, (organization, role))
            .await?;
        Ok(account)
    }

    /// Gives an account a place in an organization, within a change that does more.
    pub(crate) async fn join_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        account: AccountId,
        (organization, role): (OrganizationId, Role),
    ) -> Result<(), CustodyError> {
        let member = self.membership(organization, account, role);
        let inserted = self
            .store()
            .insert_member(changing.connection(), &member)
            .await;
        if let Err(error) = inserted {
            if !error.is_duplicate() {
                return Err(error.into());
            }
            let reason = "the account is a member already".to_owned();
            return Err(StoreError::Conflict {
                code: "member_already",
                reason,
            }
            .into());
        }
        changing.forget(&account);
        let event = Event::new(actor, Action::MemberAdded, &member.audit_name())
            .within(organization)
            .version(member.row_version)
            .with(Field::Role, &member.role.word());
        Ok(changing.audit(event).await?)
    }

    /// Makes another organization, with nobody in it.
    pub async fn create_organization(
        &self,
        actor: Actor,
        name: &str,
    ) -> Result<Organization, CustodyError> {
        let store = self.store();
        let organization = self.seal_organization(name).await?;
        let mut changing = store.change().await?;
        store
            .insert_organization(changing.connection(), &organization)
            .await?;
        changing.forget(&organization.id);
        let event = Event::new(actor, Action::OrganizationCreated, &organization.id);
        changing
            .commit(
                event
                    .within(organization.id)
                    .version(organization.row_version),
            )
            .await?;
        Ok(organization)
    }

    /// Makes an account and its place in an organization.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `email_taken` when the address has an account.
    pub async fn create_account(
        &self,
        actor: Actor,
        new: NewAccount,
    ) -> Result<Account, CustodyError> {
        let store = self.store();
        store.organization(new.organization).await?;
        let mut changing = store.change().await?;
        let account = self
            .insert_account(&mut changing, AccountId::new(store.clock()), &new.email)
            .await?;
        let member = self.membership(new.organization, account.id, new.role);
        store.insert_member(changing.connection(), &member).await?;

        let event = Event::new(actor, Action::AccountCreated, &account.id);
        changing
            .audit(event.within(new.organization).version(account.row_version))
            .await?;
        changing.forget(&account.id);
        let event = Event::new(actor, Action::MemberAdded, &member.audit_name())
            .within(new.organization)
            .version(member.row_version)
            .with(Field::Role, &member.role.word());
        changing.commit(event).await?;
        Ok(account)
    }

    /// The account of an e-mail address.
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, CustodyError> {
        Ok(self
            .store()
            .account_by_email_hash(&self.email_hash(email))
            .await?)
    }

    /// An account's e-mail address, for those who may see it.
    pub async fn email_of(&self, account: &Account) -> Result<Email, CustodyError> {
        let id = account.id.to_string();
        let key = self.account_key(account).await?;
        let altered = || self.altered("accounts", &id);
        let plaintext = key
            .open(
                &context::account_email(account.id, &id),
                &account.email_record,
            )
            .map_err(|_| altered())?;
        let text = str::from_utf8(&plaintext).map_err(|_| altered())?;
        Ok(Email::parse(text).map_err(|_| altered())?)
    }

    async fn seal_organization(&self, name: &str) -> Result<Organization, CustodyError> {
        let clock = self.store().clock();
        let id = OrganizationId::new(clock);
        let text = id.to_string();
        let key = SealingKey::generate();
        let context = context::organization_key(&text);
        let key_record = self.0.root.wrap(&context, key.expose()).await?;
        Ok(Organization {
            id,
            name: name.to_owned(),
            key_record,
            created_at: clock.now(),
            limits: RowLimits::default(),
            require_second_factor: false,
            alert_rules: AlertRules::default(),
            next_key_record: None,
            row_version: 1,
        })
    }

    async fn insert_account(
        &self,
        changing: &mut Changing,
        id: AccountId,
        email: &Email,
    ) -> Result<Account, CustodyError> {
        let store = self.store();
        let text = id.to_string();
        let key = SealingKey::generate();
        let key_record = self
            .0
            .root
            .wrap(&context::account_key(&text), key.expose())
            .await?;
        let email_record = key.seal(
            &context::account_email(id, &text),
            email.expose().as_bytes(),
        );
        let account = Account {
            id,
            key_record,
            email_record,
            email_hash: self.email_hash(email),
            disabled: false,
            created_at: store.clock().now(),
            row_version: 1,
        };
        store
            .insert_account(changing.connection(), &account)
            .await
            .map_err(|error| {
                if !error.is_duplicate() {
                    return error;
                }
                let reason = "the e-mail address has an account already".to_owned();
                StoreError::Conflict {
                    code: "email_taken",
                    reason,
                }
            })?;
        Ok(account)
    }

    fn membership(&self, organization: OrganizationId, account: AccountId, role: Role) -> Member {
        let created_at = self.store().clock().now();
        Member {
            organization,
            account,
            role,
            created_at,
            row_version: 1,
        }
    }

    /// What an account is found by. Keyed, for there are few enough addresses to try them all.
    pub(crate) fn email_hash(&self, email: &Email) -> [u8; 32] {
        self.0
            .email
            .tag(&Canonical::new("keystead/email/v1").text(email.expose()))
    }
}
