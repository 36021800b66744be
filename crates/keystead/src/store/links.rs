//! Single-use links: the set-up link, and invitations. The link holds a token; the store its hash.

use std::str::FromStr;

use keystead_vault::{Canonical, TokenHash};

use super::{
    AuthorityRow, Changing, Columns, Listed, Member, Order, Page, Store, StoreError, Unfit,
    accounts::Role, row,
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, LinkId, OrganizationId},
};

/// A single-use link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// What it is looked up by.
    pub(crate) hash: TokenHash,
    /// Whether it may still be used.
    pub state: LinkState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if nobody uses it.
    pub expires_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// What a link is for.
#[derive(Clone, Debug)]
pub enum LinkPurpose {
    /// The first account.
    SetUp,
    /// A place in an organization.
    Invitation(Invitation),
}

/// A place in an organization that someone is invited to.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The organization.
    pub organization: OrganizationId,
    /// What the invited may do there.
    pub role: Role,
    /// The e-mail address, sealed under the organization's key.
    pub(crate) email_record: Vec<u8>,
    /// Who invited.
    pub made_by: AccountId,
}

/// Whether a link may still be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// It may, until it expires.
    Open,
    /// It was.
    Used,
    /// It was taken back.
    Revoked,
}

impl LinkState {
    const ALL: [Self; 3] = [Self::Open, Self::Used, Self::Revoked];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Used => "used",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for LinkState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.word() == text)
            .ok_or(())
    }
}

impl Link {
    /// The invitation that it is, if it is one.
    pub fn invitation(&self) -> Option<&Invitation> {
        match &self.purpose {
            LinkPurpose::SetUp => None,
            LinkPurpose::Invitation(invitation) => Some(invitation),
        }
    }

    /// The address that it is for, sealed under another key. A link for nobody in particular has none.
    pub(super) fn set_email_record(&mut self, record: Vec<u8>) {
        if let LinkPurpose::Invitation(invitation) = &mut self.purpose {
            invitation.email_record = record;
        }
    }

    /// Whether it may be used at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == LinkState::Open && now < self.expires_at
    }

    fn event(&self, actor: Actor, action: Action) -> Event {
        let event = Event::new(actor, action, &self.id).version(self.row_version);
        match self.invitation() {
            None => event,
            Some(invitation) => event
                .within(invitation.organization)
                .with(Field::Role, &invitation.role.word()),
        }
    }
}

impl LinkPurpose {
    const fn word(&self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::Invitation(_) => "invitation",
        }
    }
}

impl AuthorityRow for Link {
    const TABLE: &'static str = "links";
    const COLUMNS: &'static str = "id, organization_id, kind, role, email_record, made_by, hash, \
        state, created_at, expires_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        let id = columns.parsed()?;
        let organization = columns.optional_parsed()?;
        let kind = columns.text()?;
        let role = columns.optional_parsed()?;
        let email_record = columns.optional_bytes()?;
        let made_by = columns.optional_parsed()?;
        let purpose = match (kind.as_str(), organization, role, email_record, made_by) {
            ("set-up", None, None, None, None) => LinkPurpose::SetUp,
            ("invitation", Some(organization), Some(role), Some(email_record), Some(made_by)) => {
                LinkPurpose::Invitation(Invitation {
                    organization,
                    role,
                    email_record,
                    made_by,
                })
            }
            _ => return Err(Unfit),
        };
        Ok(Self {
            id,
            purpose,
            hash: TokenHash::from_bytes(columns.hash()?),
            state: columns.parsed()?,
            created_at: columns.time()?,
            expires_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let tenant = self.invitation().map(|invitation| invitation.organization);
        let tenant = tenant.map(|organization| organization.to_string());
        let row = row::covered(
            Self::TABLE,
            &tenant.unwrap_or_default(),
            &self.id,
            self.row_version,
        )
        .text(self.purpose.word());
        let row = match self.invitation() {
            None => row.none(),
            Some(invitation) => row
                .text(invitation.role.word())
                .bytes(&invitation.email_record)
                .text(&invitation.made_by.to_string()),
        };
        row.bytes(self.hash.as_bytes())
            .text(self.state.word())
            .number(self.created_at.as_micros())
            .number(self.expires_at.as_micros())
    }
}

impl Store {
    /// Keeps a link that was just made.
    pub(crate) async fn insert_link(
        &self,
        changing: &mut Changing,
        actor: Actor,
        link: &Link,
    ) -> Result<Event, StoreError> {
        let invitation = link.invitation();
        sqlx::query(
            "INSERT INTO links (id, organization_id, kind, role, email_record, made_by, hash,
                 state, created_at, expires_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(link.id.to_string())
        .bind(invitation.map(|invitation| invitation.organization.to_string()))
        .bind(link.purpose.word())
        .bind(invitation.map(|invitation| invitation.role.word()))
        .bind(invitation.map(|invitation| invitation.email_record.clone()))
        .bind(invitation.map(|invitation| invitation.made_by.to_string()))
        .bind(link.hash.as_bytes().to_vec())
        .bind(link.state.word())
        .bind(link.created_at.as_micros())
        .bind(link.expires_at.as_micros())
        .bind(link.row_version)
        .bind(self.tag(link)?)
        .execute(changing.connection())
        .await?;
        Ok(link.event(actor, Action::LinkCreated))
    }

    /// The link of this hash, if it may be used.
    pub(crate) async fn open_link(&self, hash: &TokenHash) -> Result<Option<Link>, StoreError> {
        let row = sqlx::query(row::select::<Link>("WHERE hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        let link: Option<Link> = row.map(|row| self.checked(&row)).transpose()?;
        Ok(link.filter(|link| link.is_open(self.0.clock.now())))
    }

    /// Uses a link up, within the change that it is used for; `None` when it may not be used.
    pub(crate) async fn use_link(
        &self,
        changing: &mut Changing,
        actor: Actor,
        hash: &TokenHash,
    ) -> Result<Option<Link>, StoreError> {
        let row = sqlx::query(row::select::<Link>("WHERE hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(changing.connection())
            .await?;
        let link: Option<Link> = row.map(|row| self.checked(&row)).transpose()?;
        let Some(mut link) = link.filter(|link| link.is_open(self.0.clock.now())) else {
            return Ok(None);
        };
        let event = self
            .close_link(
                changing,
                &mut link,
                actor,
                LinkState::Used,
                Action::LinkUsed,
            )
            .await?;
        changing.audit(event).await?;
        Ok(Some(link))
    }

    /// The invitations of an organization that may still be used, or those to one role, in the order
    /// in which they were made or in the other.
    pub(crate) async fn open_invitations(
        &self,
        organization: OrganizationId,
        role: Option<Role>,
        page: &Page,
    ) -> Result<Listed<Link>, StoreError> {
        let rest = match page.order {
            Order::Newest => {
                "WHERE organization_id = $1 AND state = 'open' AND expires_at > $2
                     AND ($3 = '' OR id < $3) AND ($4 = '' OR role = $4)
                 ORDER BY id DESC LIMIT $5"
            }
            Order::Oldest | Order::Name => {
                "WHERE organization_id = $1 AND state = 'open' AND expires_at > $2
                     AND id > $3 AND ($4 = '' OR role = $4)
                 ORDER BY id LIMIT $5"
            }
        };
        let found = sqlx::query(row::select::<Link>(rest))
            .bind(organization.to_string())
            .bind(self.0.clock.now().as_micros())
            .bind(page.after_id())
            .bind(role.map(Role::word).unwrap_or_default())
            .bind(page.fetch())
            .fetch_all(&self.0.read)
            .await?;
        let rows: Result<Vec<Link>, StoreError> =
            found.iter().map(|row| self.checked(row)).collect();
        Ok(Listed::of(rows?, page))
    }

    /// Takes back what a member has invited to and nobody has used, within the change that takes the
    /// member's right to invite.
    pub(super) async fn revoke_invitations_of(
        &self,
        changing: &mut Changing,
        actor: Actor,
        member: &Member,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(row::select::<Link>(
            "WHERE organization_id = $1 AND made_by = $2 AND state = 'open'",
        ))
        .bind(member.organization.to_string())
        .bind(member.account.to_string())
        .fetch_all(changing.connection())
        .await?;
        for row in &rows {
            let mut link: Link = self.checked(row)?;
            let event = self
                .close_link(
                    changing,
                    &mut link,
                    actor,
                    LinkState::Revoked,
                    Action::LinkRevoked,
                )
                .await?;
            changing.audit(event).await?;
        }
        Ok(())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the organization has none of this id that is open.
    pub(crate) async fn revoke_invitation(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: LinkId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Link>(
            "WHERE organization_id = $1 AND id = $2 AND state = 'open'",
        ))
        .bind(organization.to_string())
        .bind(id.to_string())
        .fetch_optional(changing.connection())
        .await?
        .ok_or_else(|| StoreError::not_found("invitation", &id))?;
        let mut link: Link = self.checked(&row)?;
        let event = self
            .close_link(
                &mut changing,
                &mut link,
                actor,
                LinkState::Revoked,
                Action::LinkRevoked,
            )
            .await?;
        changing.commit(event).await
    }

    /// Deletes links that ended before `before`, and says how many.
    pub async fn delete_ended_links(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM links WHERE expires_at < $1")
            .bind(before.as_micros())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(deleted)
    }

    async fn close_link(
        &self,
        changing: &mut Changing,
        link: &mut Link,
        actor: Actor,
        state: LinkState,
        action: Action,
    ) -> Result<Event, StoreError> {
        link.state = state;
        link.row_version += 1;
        sqlx::query("UPDATE links SET state = $1, row_version = $2, mac = $3 WHERE id = $4")
            .bind(link.state.word())
            .bind(link.row_version)
            .bind(self.tag(link)?)
            .bind(link.id.to_string())
            .execute(changing.connection())
            .await?;
        Ok(link.event(actor, action))
    }
}
