//! What comes back disabled from a backup: API tokens, client secrets and grants. A backup may be
//! older than the day on which somebody found one stolen, so each waits for a person to say that it
//! is still good. Suspended ones are refused everywhere as revoked ones are; what was revoked before
//! is not suspended, and no word brings it back.

use super::{ApiToken, AuthorityRow, Changing, ClientSecret, Grant, KeyGrant, Store, StoreError};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::OrganizationId,
};

/// What kind of thing is suspended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SuspendedKind {
    /// An API token.
    ApiToken,
    /// A client secret of an application.
    ClientSecret,
    /// What a person lets an application do, or use of their own keys.
    Grant,
}

impl SuspendedKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ApiToken, Self::ClientSecret, Self::Grant];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ApiToken => "api_token",
            Self::ClientSecret => "client_secret",
            Self::Grant => "grant",
        }
    }
}

/// Something that a restore disabled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suspended {
    /// What it is.
    pub kind: SuspendedKind,
    /// The tenant.
    pub organization: OrganizationId,
    /// Its id.
    pub id: String,
}

/// A row that can be suspended: its column for having been ended is 0 while it is in force, 1 once it
/// was ended, and 2 while it is suspended.
pub(super) trait Suspendable: AuthorityRow {
    const KIND: SuspendedKind;
    /// The column.
    const STATE: &'static str;
    const SUSPENDED: Action;
    const ENABLED: Action;

    fn name(&self) -> (OrganizationId, String);

    /// Whether it is ended or suspended, whether it is suspended, and its version.
    fn state(&mut self) -> (&mut bool, &mut bool, &mut i64);
}

/// A column of [`Suspendable::STATE`] as it lies in its row.
pub(super) fn state_column(ended: bool, suspended: bool) -> i64 {
    i64::from(ended) + i64::from(suspended)
}

impl Store {
    /// What a restore disabled and nobody has enabled or ended since.
    pub async fn suspended(&self) -> Result<Vec<Suspended>, StoreError> {
        let mut found = Vec::new();
        self.list_suspended::<ApiToken>(&mut found).await?;
        self.list_suspended::<ClientSecret>(&mut found).await?;
        self.list_suspended::<Grant>(&mut found).await?;
        self.list_suspended::<KeyGrant>(&mut found).await?;
        Ok(found)
    }

    async fn list_suspended<T: Suspendable>(
        &self,
        found: &mut Vec<Suspended>,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(in_state::<T>(2))
            .fetch_all(&self.0.read)
            .await?;
        for row in &rows {
            found.push(suspended(&self.checked::<T>(row)?));
        }
        Ok(())
    }

    /// Suspends all that is in force, as part of a restore; says what that was. A row that was
    /// tampered with is left as it is: it is refused wherever it turns up.
    pub(crate) async fn suspend_all(
        &self,
        changing: &mut Changing,
    ) -> Result<Vec<Suspended>, StoreError> {
        let mut done = Vec::new();
        self.move_all::<ApiToken>(changing, Move::Suspend, &mut done)
            .await?;
        self.move_all::<ClientSecret>(changing, Move::Suspend, &mut done)
            .await?;
        self.move_all::<Grant>(changing, Move::Suspend, &mut done)
            .await?;
        self.move_all::<KeyGrant>(changing, Move::Suspend, &mut done)
            .await?;
        Ok(done)
    }

    /// Those that nothing has ended since they were suspended.
    pub(crate) async fn still_there(
        &self,
        changing: &mut Changing,
        suspended: Vec<Suspended>,
    ) -> Result<Vec<Suspended>, StoreError> {
        let mut there = Vec::with_capacity(suspended.len());
        for one in suspended {
            let question = match one.kind {
                SuspendedKind::ApiToken => "SELECT id FROM api_tokens WHERE id = $1",
                SuspendedKind::ClientSecret => "SELECT id FROM client_secrets WHERE id = $1",
                SuspendedKind::Grant => {
                    "SELECT id FROM grants WHERE id = $1
                     UNION SELECT id FROM key_grants WHERE id = $1"
                }
            };
            let found = sqlx::query(question)
                .bind(&one.id)
                .fetch_optional(changing.connection())
                .await?;
            if found.is_some() {
                there.push(one);
            }
        }
        Ok(there)
    }

    /// Enables again what a restore disabled, of these kinds; says what that was.
    pub async fn enable_suspended(
        &self,
        kinds: &[SuspendedKind],
    ) -> Result<Vec<Suspended>, StoreError> {
        let mut changing = self.change().await?;
        let mut done = Vec::new();
        for kind in kinds {
            match kind {
                SuspendedKind::ApiToken => {
                    self.move_all::<ApiToken>(&mut changing, Move::Enable, &mut done)
                        .await?;
                }
                SuspendedKind::ClientSecret => {
                    self.move_all::<ClientSecret>(&mut changing, Move::Enable, &mut done)
                        .await?;
                }
                SuspendedKind::Grant => {
                    self.move_all::<Grant>(&mut changing, Move::Enable, &mut done)
                        .await?;
                    self.move_all::<KeyGrant>(&mut changing, Move::Enable, &mut done)
                        .await?;
                }
            }
        }
        let event = Event::new(Actor::Operator, Action::RestoredEnabled, &"store");
        changing
            .commit(event.with(Field::Count, &done.len()))
            .await?;
        Ok(done)
    }

    async fn move_all<T: Suspendable>(
        &self,
        changing: &mut Changing,
        to: Move,
        done: &mut Vec<Suspended>,
    ) -> Result<(), StoreError> {
        let (from, action) = match to {
            Move::Suspend => (0, T::SUSPENDED),
            Move::Enable => (2, T::ENABLED),
        };
        let rows = sqlx::query(in_state::<T>(from))
            .fetch_all(changing.connection())
            .await?;
        for row in &rows {
            let mut value = match self.checked::<T>(row) {
                Err(StoreError::Tampered { .. }) => continue,
                read => read?,
            };
            let (ended, suspended_now, version) = value.state();
            *ended = to == Move::Suspend;
            *suspended_now = to == Move::Suspend;
            *version += 1;
            let (state, version) = (state_column(*ended, *suspended_now), *version);
            let (organization, id) = value.name();
            sqlx::query(sqlx::AssertSqlSafe(format!(
                "UPDATE {} SET {} = $1, row_version = $2, mac = $3 WHERE id = $4",
                T::TABLE,
                T::STATE
            )))
            .bind(state)
            .bind(version)
            .bind(self.tag(&value)?)
            .bind(&id)
            .execute(changing.connection())
            .await?;
            changing.cut(&id);
            let event = Event::new(Actor::Operator, action, &id);
            changing
                .audit(event.within(organization).version(version))
                .await?;
            done.push(suspended(&value));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Move {
    Suspend,
    Enable,
}

fn suspended<T: Suspendable>(value: &T) -> Suspended {
    let (organization, id) = value.name();
    Suspended {
        kind: T::KIND,
        organization,
        id,
    }
}

fn in_state<T: Suspendable>(state: u8) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!(
        "SELECT {}, mac FROM {} WHERE {} = {state} ORDER BY id",
        T::COLUMNS,
        T::TABLE,
        T::STATE
    ))
}
