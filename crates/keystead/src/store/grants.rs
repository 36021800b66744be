//! Grants: what a person lets an application do for them.
//!
//! One row a person and application. What the application may do is a field of it, and so is that the
//! person took it back: deleting rows gives nobody anything.

use keystead_vault::{Canonical, SubjectHash};

use super::{
    Application, AuthorityRow, Changing, Columns, Store, StoreError, SuspendedKind, Unfit, row,
    row::json_list,
    suspension::{Suspendable, state_column},
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, ApplicationId, GrantId, Handle, OrganizationId},
};

/// A grant.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The tenant that the application belongs to.
    pub organization: OrganizationId,
    /// Who may do it.
    pub application: ApplicationId,
    /// Whose it is; `None` for someone whom the application alone knows.
    pub account: Option<AccountId>,
    /// Who they are to the application.
    pub subject: SubjectHash,
    /// The AddOns it is for, by handle; empty means all of the application's.
    pub scope: Vec<Handle>,
    /// Whether it is not in force: it was taken back, or is suspended.
    pub withdrawn: bool,
    /// Whether it is not in force only until someone enables it again, after a restore.
    pub suspended: bool,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it was last given.
    pub given_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl Grant {
    /// Whether it is in force for all of `scope`.
    pub fn covers(&self, scope: &[Handle]) -> bool {
        !self.withdrawn && is_within(scope, &self.scope)
    }
}

/// Whether one scope is within another; an empty one stands for all.
pub fn is_within(narrow: &[Handle], wide: &[Handle]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|one| wide.contains(one)))
}

impl AuthorityRow for Grant {
    const TABLE: &'static str = "grants";
    const COLUMNS: &'static str = "id, organization_id, application_id, account_id, subject, scope, \
        withdrawn, created_at, given_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            account: columns.optional_parsed()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            scope: columns.list()?,
            suspended: columns.is_suspended()?,
            withdrawn: columns.ended()?,
            created_at: columns.time()?,
            given_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string());
        let row = match self.account {
            Some(account) => row.text(&account.to_string()),
            None => row.none(),
        };
        let row = row
            .bytes(self.subject.as_bytes())
            .list(self.scope.iter().map(Handle::as_str))
            .flag(self.withdrawn)
            .number(self.created_at.as_micros())
            .number(self.given_at.as_micros());
        row::with_suspension(row, self.suspended)
    }
}

impl Suspendable for Grant {
    const KIND: SuspendedKind = SuspendedKind::Grant;
    const STATE: &'static str = "withdrawn";
    const SUSPENDED: Action = Action::GrantSuspended;
    const ENABLED: Action = Action::GrantEnabled;

    fn name(&self) -> (OrganizationId, String) {
        (self.organization, self.id.to_string())
    }

    fn state(&mut self) -> (&mut bool, &mut bool, &mut i64) {
        (
            &mut self.withdrawn,
            &mut self.suspended,
            &mut self.row_version,
        )
    }
}

impl Store {
    /// The grant of this id, whether it is in force or was taken back.
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let row = sqlx::query(row::select::<Grant>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// What someone lets an application do, whether it is in force or was taken back.
    pub async fn grant_of(
        &self,
        application: ApplicationId,
        subject: &SubjectHash,
    ) -> Result<Option<Grant>, StoreError> {
        let row = sqlx::query(row::select::<Grant>(OF_SUBJECT))
            .bind(application.to_string())
            .bind(subject.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// The grants of an account that are in force, each with its application, oldest first.
    pub async fn grants(
        &self,
        account: AccountId,
    ) -> Result<Vec<(Grant, Application)>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM grants g JOIN applications a ON a.id = g.application_id
             WHERE g.account_id = $1 AND g.withdrawn = 0 ORDER BY g.id",
            row::qualified::<Grant>("g"),
            row::qualified::<Application>("a"),
        )))
        .bind(account.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok((
                self.checked_next(&mut columns)?,
                self.checked_next(&mut columns)?,
            ))
        };
        rows.iter().map(read).collect()
    }

    /// Someone lets an application do more, or again what they had taken back.
    pub async fn give_grant(
        &self,
        actor: Actor,
        application: &Application,
        account: AccountId,
        subject: SubjectHash,
        scope: &[Handle],
    ) -> Result<Grant, StoreError> {
        let mut changing = self.change().await?;
        let now = self.0.clock.now();
        let row = sqlx::query(row::select::<Grant>(OF_SUBJECT))
            .bind(application.id.to_string())
            .bind(subject.as_bytes().to_vec())
            .fetch_optional(changing.connection())
            .await?;
        let grant = match row {
            None => {
                let grant = Grant {
                    id: GrantId::new(&self.0.clock),
                    organization: application.organization,
                    application: application.id,
                    account: Some(account),
                    subject,
                    scope: scope.to_vec(),
                    withdrawn: false,
                    suspended: false,
                    created_at: now,
                    given_at: now,
                    row_version: 1,
                };
                self.insert_grant(&mut changing, &grant).await?;
                grant
            }
            Some(row) => {
                let mut grant: Grant = self.checked(&row)?;
                // What was exchanged in the moment that it was taken back.
                if grant.withdrawn {
                    self.end_families(&mut changing, actor, &grant).await?;
                }
                grant.scope = match grant.withdrawn {
                    true => scope.to_vec(),
                    false => together(&grant.scope, scope),
                };
                grant.withdrawn = false;
                grant.suspended = false;
                grant.given_at = now;
                self.rewrite_grant(&mut changing, &mut grant).await?;
                grant
            }
        };
        changing.forget(&grant.id);
        let event = Event::new(actor, Action::GrantGiven, &grant.id)
            .within(grant.organization)
            .version(grant.row_version)
            .with(Field::Application, &grant.application);
        changing.commit(event).await?;
        Ok(grant)
    }

    /// Takes a grant of an account back: everything that came of it ends, running streams included.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it is not the account's.
    pub async fn withdraw_grant(
        &self,
        actor: Actor,
        account: AccountId,
        id: GrantId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Grant>("WHERE account_id = $1 AND id = $2"))
            .bind(account.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("grant", &id))?;
        let mut grant: Grant = self.checked(&row)?;
        if grant.withdrawn && !grant.suspended {
            return Ok(());
        }
        grant.withdrawn = true;
        grant.suspended = false;
        self.rewrite_grant(&mut changing, &mut grant).await?;
        // Ended as well, so that what came of it does not come back when it is given again.
        self.end_families(&mut changing, actor, &grant).await?;
        changing.cut(&grant.id);
        let event = Event::new(actor, Action::GrantWithdrawn, &grant.id)
            .within(grant.organization)
            .version(grant.row_version)
            .with(Field::Application, &grant.application);
        changing.commit(event).await
    }

    async fn rewrite_grant(
        &self,
        changing: &mut Changing,
        grant: &mut Grant,
    ) -> Result<(), StoreError> {
        grant.row_version += 1;
        sqlx::query(
            "UPDATE grants SET scope = $1, withdrawn = $2, given_at = $3, row_version = $4, mac = $5
             WHERE id = $6",
        )
        .bind(json_list(&grant.scope))
        .bind(state_column(grant.withdrawn, grant.suspended))
        .bind(grant.given_at.as_micros())
        .bind(grant.row_version)
        .bind(self.tag(grant)?)
        .bind(grant.id.to_string())
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    async fn insert_grant(&self, changing: &mut Changing, grant: &Grant) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO grants (id, organization_id, application_id, account_id, subject, scope,
                 withdrawn, created_at, given_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(grant.id.to_string())
        .bind(grant.organization.to_string())
        .bind(grant.application.to_string())
        .bind(grant.account.map(|account| account.to_string()))
        .bind(grant.subject.as_bytes().to_vec())
        .bind(json_list(&grant.scope))
        .bind(state_column(grant.withdrawn, grant.suspended))
        .bind(grant.created_at.as_micros())
        .bind(grant.given_at.as_micros())
        .bind(grant.row_version)
        .bind(self.tag(grant)?)
        .execute(changing.connection())
        .await?;
        Ok(())
    }
}

/// What either of two scopes is for.
fn together(one: &[Handle], other: &[Handle]) -> Vec<Handle> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    let mut all = one.to_vec();
    all.extend(other.iter().filter(|more| !one.contains(more)).cloned());
    all
}

const OF_SUBJECT: &str = "WHERE application_id = $1 AND subject = $2";

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Vec<Handle> {
        text.split_whitespace()
            .map(|handle| handle.parse().unwrap())
            .collect()
    }

    #[test]
    fn no_name_stands_for_all() {
        for (narrow, wide, expected) in [
            ("a", "a b", true),
            ("a b", "a", false),
            ("a", "", true),
            ("", "", true),
            ("", "a b", false),
            ("c", "a b", false),
        ] {
            let found = is_within(&scope(narrow), &scope(wide));
            assert_eq!(found, expected, "{narrow:?} in {wide:?}");
        }
        assert_eq!(together(&scope("a b"), &scope("b c")), scope("a b c"));
        assert_eq!(together(&scope("a"), &scope("")), scope(""));
    }
}
