//! What erasure takes away: of an end user, an account, an application, an organization. Each part runs
//! within a change, so that a restore does the same within its own.

mod tenants;

use keystead_vault::SubjectHash;
use sqlx::AssertSqlSafe;

use super::{Changing, Member, Store, StoreError, deletion::Gone, row};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{AccountId, ApplicationId, ErasureId, OrganizationId},
};

/// An end user of an application.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// The application's tenant.
    pub organization: OrganizationId,
    /// The application.
    pub application: ApplicationId,
    /// Who they are to it.
    pub hash: SubjectHash,
}

/// What is to be erased.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Erasing {
    /// An end user of an application.
    Subject(Subject),
    /// A person who signs in.
    Account(AccountId),
    /// An application with everything that belongs to it.
    Application(OrganizationId, ApplicationId),
    /// A tenant with everything that belongs to it.
    Organization(OrganizationId),
}

impl Erasing {
    /// The stable word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Subject(_) => "subject",
            Self::Account(_) => "account",
            Self::Application(..) => "application",
            Self::Organization(_) => "organization",
        }
    }
}

/// What was erased, in counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Erased {
    /// Applications, development applications included.
    pub applications: u64,
    /// Provider keys, with the keys over them.
    pub keys: u64,
    /// Places in organizations.
    pub memberships: u64,
    /// API tokens.
    pub api_tokens: u64,
    /// Sessions at the console.
    pub sessions: u64,
    /// Passwords, one-time codes, passkeys and the like.
    pub credentials: u64,
    /// What people let applications do.
    pub grants: u64,
    /// That somebody agreed to something.
    pub consents: u64,
    /// Access tokens.
    pub access_tokens: u64,
    /// Objects at providers that were bound to an end user.
    pub bindings: u64,
    /// Attempts in the ledger that no longer say whose they were.
    pub attempts: u64,
    /// The end users whose part of the ledger is still to be forgotten.
    pub(crate) subjects: Vec<Subject>,
}

impl Erased {
    /// Counts an application, and what went with it.
    fn application(&mut self, gone: &Gone) {
        self.applications += 1;
        self.keys += gone.keys;
        self.access_tokens += gone.access_tokens;
        self.grants += gone.grants;
        self.consents += gone.consents;
    }
}

impl Store {
    /// Whether it can be erased now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] `last_owner` for an account that is the only
    /// owner of an organization.
    pub(crate) async fn may_be_erased(&self, erasing: &Erasing) -> Result<(), StoreError> {
        match erasing {
            Erasing::Subject(subject) => self
                .application(subject.organization, subject.application)
                .await
                .map(drop),
            Erasing::Account(account) => {
                self.account(*account).await?;
                let mut changing = self.change().await?;
                for member in self.memberships(*account).await? {
                    self.keep_an_owner(&mut changing, &member).await?;
                }
                Ok(())
            }
            Erasing::Application(organization, application) => self
                .application(*organization, *application)
                .await
                .map(drop),
            Erasing::Organization(organization) => self.organization(*organization).await.map(drop),
        }
    }

    /// Takes away, in one change, all that lets somebody do something, and the keys.
    pub(crate) async fn end_for_erasure(
        &self,
        actor: Actor,
        id: ErasureId,
        asked_in: Option<OrganizationId>,
        erasing: &Erasing,
    ) -> Result<Erased, StoreError> {
        let mut changing = self.change().await?;
        if let Erasing::Account(account) = erasing {
            for member in self.memberships_now(&mut changing, *account).await? {
                self.keep_an_owner(&mut changing, &member).await?;
            }
        }
        let erased = self.erase_now(&mut changing, actor, erasing).await?;
        let event = Event::new(actor, Action::ErasureBegun, &id).with(Field::Kind, &erasing.kind());
        changing.commit(within(event, asked_in)).await?;
        Ok(erased)
    }

    /// Writes down that an erasure is done.
    pub(crate) async fn note_erasure(
        &self,
        actor: Actor,
        id: ErasureId,
        asked_in: Option<OrganizationId>,
        erasing: &Erasing,
    ) -> Result<(), StoreError> {
        let event = Event::new(actor, Action::ErasureDone, &id).with(Field::Kind, &erasing.kind());
        self.audit(within(event, asked_in)).await
    }

    /// Erases within a change. What is gone already is no error: a tombstone may name it twice.
    pub(crate) async fn erase_now(
        &self,
        changing: &mut Changing,
        actor: Actor,
        erasing: &Erasing,
    ) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        match erasing {
            Erasing::Subject(subject) => {
                self.erase_subject(changing, actor, subject, &mut erased)
                    .await?;
            }
            Erasing::Account(account) => {
                self.erase_account(changing, actor, *account, &mut erased)
                    .await?;
            }
            Erasing::Application(organization, application) => {
                self.erase_application(changing, actor, *organization, *application, &mut erased)
                    .await?;
            }
            Erasing::Organization(organization) => {
                self.erase_organization(changing, actor, *organization, &mut erased)
                    .await?;
            }
        }
        Ok(erased)
    }

    /// Tokens, grants and what came of them, bindings, and the keys that are their own.
    async fn erase_subject(
        &self,
        changing: &mut Changing,
        actor: Actor,
        subject: &Subject,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        let of = |text: &'static str| {
            sqlx::query_scalar::<_, String>(text)
                .bind(subject.application.to_string())
                .bind(subject.hash.as_bytes().to_vec())
        };
        let tokens =
            of("DELETE FROM tokens WHERE application_id = $1 AND subject = $2 RETURNING id");
        for token in tokens.fetch_all(changing.connection()).await? {
            changing.cut(&token);
            erased.access_tokens += 1;
        }
        let grants = of("SELECT id FROM grants WHERE application_id = $1 AND subject = $2");
        for grant in grants.fetch_all(changing.connection()).await? {
            for text in [
                "DELETE FROM refresh_tokens WHERE family_id IN (
                     SELECT id FROM token_families WHERE grant_id = $1)",
                "DELETE FROM authorization_codes WHERE grant_id = $1",
                "DELETE FROM token_families WHERE grant_id = $1",
                "DELETE FROM grants WHERE id = $1",
            ] {
                sqlx::query(text)
                    .bind(&grant)
                    .execute(changing.connection())
                    .await?;
            }
            changing.cut(&grant);
            let event = Event::new(actor, Action::GrantDeleted, &grant);
            changing
                .audit(event.within(subject.organization).gone())
                .await?;
            erased.grants += 1;
        }
        for (text, action, count) in [
            (
                "DELETE FROM key_grants WHERE application_id = $1 AND subject = $2 RETURNING id",
                Action::KeyGrantDeleted,
                &mut erased.grants,
            ),
            (
                "DELETE FROM consents WHERE application_id = $1 AND subject = $2 RETURNING id",
                Action::ConsentDeleted,
                &mut erased.consents,
            ),
        ] {
            let gone = of(text).fetch_all(changing.connection()).await?;
            *count += gone.len() as u64;
            for id in &gone {
                changing.cut(id);
                let event = Event::new(actor, action, id);
                changing
                    .audit(event.within(subject.organization).gone())
                    .await?;
            }
        }
        let links =
            of("DELETE FROM connect_links WHERE application_id = $1 AND subject = $2 RETURNING id");
        links.fetch_all(changing.connection()).await?;
        let vaults = of("SELECT id FROM vaults WHERE application_id = $1 AND subject = $2");
        for vault in vaults.fetch_all(changing.connection()).await? {
            self.erase_vault(changing, actor, &vault, erased).await?;
        }
        let bindings =
            sqlx::query("DELETE FROM bindings WHERE application_id = $1 AND subject = $2")
                .bind(subject.application.to_string())
                .bind(subject.hash.as_bytes().to_vec())
                .execute(changing.connection())
                .await?;
        erased.bindings += bindings.rows_affected();
        erased.subjects.push(subject.clone());
        Ok(())
    }

    /// What a person signs in with, where they belong, what they let applications do; and the key that
    /// their address is sealed under.
    async fn erase_account(
        &self,
        changing: &mut Changing,
        actor: Actor,
        account: AccountId,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        let text = account.to_string();
        for member in self.memberships_now(changing, account).await? {
            self.revoke_invitations_of(changing, actor, &member).await?;
            sqlx::query("DELETE FROM members WHERE organization_id = $1 AND account_id = $2")
                .bind(member.organization.to_string())
                .bind(&text)
                .execute(changing.connection())
                .await?;
            let event = Event::new(actor, Action::MemberRemoved, &member.audit_name());
            changing
                .audit(event.within(member.organization).gone())
                .await?;
            erased.memberships += 1;
        }
        let grants = sqlx::query(
            "SELECT organization_id, application_id, subject FROM grants WHERE account_id = $1
             UNION
             SELECT organization_id, application_id, subject FROM key_grants
             WHERE vault_id IN (SELECT id FROM vaults WHERE account_id = $1)
             UNION
             SELECT organization_id, application_id, subject FROM consents WHERE account_id = $1",
        )
        .bind(&text)
        .fetch_all(changing.connection())
        .await?;
        for row in &grants {
            let mut columns = row::Columns::of(row);
            let mut read = || -> Result<Subject, row::Unfit> {
                Ok(Subject {
                    organization: columns.parsed()?,
                    application: columns.parsed()?,
                    hash: SubjectHash::from_bytes(columns.hash()?),
                })
            };
            let subject = read().map_err(|_| self.tampered("grants", text.clone()))?;
            self.erase_subject(changing, actor, &subject, erased)
                .await?;
        }
        let vaults = sqlx::query_scalar::<_, String>("SELECT id FROM vaults WHERE account_id = $1")
            .bind(&text)
            .fetch_all(changing.connection())
            .await?;
        for vault in &vaults {
            self.erase_vault(changing, actor, vault, erased).await?;
        }
        for (table, action) in [
            ("sessions", None),
            ("api_tokens", Some(Action::ApiTokenDeleted)),
            ("consents", Some(Action::ConsentDeleted)),
            ("passwords", Some(Action::PasswordRemoved)),
            ("totps", Some(Action::TotpRemoved)),
            ("recovery_codes", Some(Action::RecoveryCodesRemoved)),
            ("passkeys", Some(Action::PasskeyRemoved)),
            ("identities", Some(Action::IdentityRemoved)),
        ] {
            let delete = format!("DELETE FROM {table} WHERE account_id = $1 RETURNING id");
            let gone = sqlx::query_scalar::<_, String>(AssertSqlSafe(delete))
                .bind(&text)
                .fetch_all(changing.connection())
                .await?;
            for id in &gone {
                changing.cut(id);
                if let Some(action) = action {
                    let event = Event::new(actor, action, id);
                    changing
                        .audit(event.gone().with(Field::Account, &account))
                        .await?;
                }
            }
            let count = gone.len() as u64;
            match table {
                "sessions" => erased.sessions += count,
                "api_tokens" => erased.api_tokens += count,
                "consents" => erased.consents += count,
                _ => erased.credentials += count,
            }
        }
        let gone = sqlx::query("DELETE FROM accounts WHERE id = $1")
            .bind(&text)
            .execute(changing.connection())
            .await?;
        if gone.rows_affected() > 0 {
            changing.cut(&account);
            let event = Event::new(actor, Action::AccountDeleted, &account);
            changing.audit(event.gone()).await?;
        }
        Ok(())
    }

    /// Someone's own keys, with what applications may do with them, and the key over them.
    async fn erase_vault(
        &self,
        changing: &mut Changing,
        actor: Actor,
        vault: &str,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        for (table, action) in [
            ("key_grants", Action::KeyGrantDeleted),
            ("keys", Action::KeyDeleted),
        ] {
            let delete = format!("DELETE FROM {table} WHERE vault_id = $1 RETURNING id");
            let gone = sqlx::query_scalar::<_, String>(AssertSqlSafe(delete))
                .bind(vault.to_owned())
                .fetch_all(changing.connection())
                .await?;
            for id in &gone {
                changing.cut(id);
                changing.audit(Event::new(actor, action, id).gone()).await?;
            }
            match table {
                "keys" => erased.keys += gone.len() as u64,
                _ => erased.grants += gone.len() as u64,
            }
        }
        sqlx::query("DELETE FROM vaults WHERE id = $1")
            .bind(vault.to_owned())
            .execute(changing.connection())
            .await?;
        let event = Event::new(actor, Action::VaultErased, &vault);
        changing.audit(event.gone()).await
    }

    async fn memberships_now(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Vec<Member>, StoreError> {
        let rows = sqlx::query(row::select::<Member>(
            "WHERE account_id = $1 ORDER BY organization_id",
        ))
        .bind(account.to_string())
        .fetch_all(changing.connection())
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }
}

fn within(event: Event, organization: Option<OrganizationId>) -> Event {
    match organization {
        Some(organization) => event.within(organization),
        None => event,
    }
}
