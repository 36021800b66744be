//! Who belongs to an organization, and as what.

use super::{
    Account, ApiToken, Changing, Columns, Listed, Member, Order, Organization, Page, Role, Store,
    StoreError, row,
};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{AccountId, OrganizationId},
};

impl Store {
    /// An organization's members with their accounts, or those of one role, in the order in which
    /// the accounts were made or in the other.
    pub async fn members(
        &self,
        organization: OrganizationId,
        role: Option<Role>,
        page: &Page,
    ) -> Result<Listed<(Member, Account)>, StoreError> {
        let (follows, direction) = match page.order {
            Order::Newest => ("<", "DESC"),
            Order::Oldest | Order::Name => (">", "ASC"),
        };
        let found = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM members m JOIN accounts a ON a.id = m.account_id
             WHERE m.organization_id = $1 AND ($2 = '' OR m.account_id {follows} $2)
                 AND ($3 = '' OR m.role = $3)
             ORDER BY m.account_id {direction} LIMIT $4",
            row::qualified::<Member>("m"),
            row::qualified::<Account>("a"),
        )))
        .bind(organization.to_string())
        .bind(page.after_id())
        .bind(role.map(Role::word).unwrap_or_default())
        .bind(page.fetch())
        .fetch_all(&self.0.read)
        .await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            let mut columns = Columns::of(row);
            rows.push((
                self.checked_next(&mut columns)?,
                self.checked_next(&mut columns)?,
            ));
        }
        Ok(Listed::of(rows, page))
    }

    /// The organizations that an account belongs to, by name; 100 at most. One whose rows were altered
    /// is left out, with an alert: what the person does in the others goes on.
    pub async fn organizations_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<Organization>, StoreError> {
        let found = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM members m JOIN organizations o ON o.id = m.organization_id
             WHERE m.account_id = $1 ORDER BY o.name, o.id LIMIT 100",
            row::qualified::<Member>("m"),
            row::qualified::<Organization>("o"),
        )))
        .bind(account.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let mut organizations = Vec::with_capacity(found.len());
        for row in &found {
            let mut columns = Columns::of(row);
            let member = self.checked_next::<Member>(&mut columns);
            match member.and_then(|_| self.checked_next(&mut columns)) {
                Ok(organization) => organizations.push(organization),
                Err(StoreError::Tampered { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(organizations)
    }

    /// Gives a member another role, if it still has the one that the decision rests on. It holds
    /// on the next request. Who becomes less than an owner may invite to less than before, or nobody:
    /// their open invitations end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `last_owner` and `changed_meanwhile`.
    pub async fn set_role(
        &self,
        actor: Actor,
        was: Member,
        role: Role,
    ) -> Result<Member, StoreError> {
        let mut changing = self.change().await?;
        let mut member = self.member_now(&mut changing, was).await?;
        if member.role == role {
            return Ok(member);
        }
        self.keep_an_owner(&mut changing, &member).await?;
        member.role = role;
        member.row_version += 1;
        sqlx::query(
            "UPDATE members SET role = $1, row_version = $2, mac = $3
             WHERE organization_id = $4 AND account_id = $5",
        )
        .bind(member.role.word())
        .bind(member.row_version)
        .bind(self.tag(&member)?)
        .bind(member.organization.to_string())
        .bind(member.account.to_string())
        .execute(changing.connection())
        .await?;
        if role != Role::Owner {
            self.revoke_invitations_of(&mut changing, actor, &member)
                .await?;
        }
        changing.forget(&member.account);
        let event = Event::new(actor, Action::MemberRoleChanged, &member.audit_name())
            .within(member.organization)
            .version(member.row_version)
            .with(Field::From, &was.role.word())
            .with(Field::To, &role.word());
        changing.commit(event).await?;
        Ok(member)
    }

    /// Ends a membership, if it is still the one that the decision rests on, and with it every API
    /// token that the account has there and every open invitation that it made. The account stays: it
    /// may belong elsewhere.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `last_owner` and `changed_meanwhile`.
    pub async fn remove_member(&self, actor: Actor, was: Member) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let member = self.member_now(&mut changing, was).await?;
        self.keep_an_owner(&mut changing, &member).await?;
        let tokens = sqlx::query(row::select::<ApiToken>(
            "WHERE organization_id = $1 AND account_id = $2 AND revoked = 0",
        ))
        .bind(member.organization.to_string())
        .bind(member.account.to_string())
        .fetch_all(changing.connection())
        .await?;
        for token in &tokens {
            let event = self
                .revoke_api_token_now(&mut changing, actor, self.checked(token)?)
                .await?;
            changing.audit(event).await?;
        }
        self.revoke_invitations_of(&mut changing, actor, &member)
            .await?;
        sqlx::query("DELETE FROM members WHERE organization_id = $1 AND account_id = $2")
            .bind(member.organization.to_string())
            .bind(member.account.to_string())
            .execute(changing.connection())
            .await?;
        changing.cut(&member.account);
        let event = Event::new(actor, Action::MemberRemoved, &member.audit_name());
        changing
            .commit(event.within(member.organization).gone())
            .await
    }

    /// Refuses a change by someone who is not this any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `changed_meanwhile`.
    pub(crate) async fn require_role(
        &self,
        changing: &mut Changing,
        (organization, account): (OrganizationId, AccountId),
        role: Role,
    ) -> Result<(), StoreError> {
        let found = self.in_change(changing, organization, account).await?;
        match found {
            Some(member) if member.role == role => Ok(()),
            _ => Err(changed_meanwhile("what you may do here changed just now")),
        }
    }

    /// The member as it is in this change, which no other runs beside.
    async fn member_now(&self, changing: &mut Changing, was: Member) -> Result<Member, StoreError> {
        let found = self.in_change(changing, was.organization, was.account);
        let member = found
            .await?
            .ok_or_else(|| StoreError::not_found("member", &was.account))?;
        if member.row_version != was.row_version {
            return Err(changed_meanwhile(
                "someone else changed this member just now",
            ));
        }
        Ok(member)
    }

    async fn in_change(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Member>, StoreError> {
        let row = sqlx::query(row::select::<Member>(
            "WHERE organization_id = $1 AND account_id = $2",
        ))
        .bind(organization.to_string())
        .bind(account.to_string())
        .fetch_optional(changing.connection())
        .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// An organization without an owner could never be given one.
    pub(super) async fn keep_an_owner(
        &self,
        changing: &mut Changing,
        leaving: &Member,
    ) -> Result<(), StoreError> {
        if leaving.role != Role::Owner {
            return Ok(());
        }
        let owners = sqlx::query(row::select::<Member>(
            "WHERE organization_id = $1 AND account_id <> $2 AND role = 'owner'",
        ))
        .bind(leaving.organization.to_string())
        .bind(leaving.account.to_string())
        .fetch_all(changing.connection())
        .await?;
        for row in &owners {
            // A row that was forged is no owner.
            if self.checked::<Member>(row)?.role == Role::Owner {
                return Ok(());
            }
        }
        Err(StoreError::Conflict {
            code: "last_owner",
            reason: "the organization needs an owner: make another member one first".to_owned(),
        })
    }
}

fn changed_meanwhile(what: &str) -> StoreError {
    StoreError::Conflict {
        code: "changed_meanwhile",
        reason: format!("{what}: look again"),
    }
}
