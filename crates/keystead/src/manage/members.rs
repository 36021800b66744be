//! Who belongs to the organization, and as what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ByRole, EmailView, List, Manage, May, Problem,
    fields::Fields,
    permission::{
        Action,
        right::{EditMembers, EditOwners, SeeMembers},
    },
    time::Moment,
    trial,
};
use crate::{
    ids::AccountId,
    store::{Account, ApiScope, Listed, Member, Role},
};

/// What a member is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberUpdate)]
pub struct Update {
    /// `owner`, `admin`, `developer` or `auditor`.
    pub role: String,
}

/// A member of the organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The account.
    pub account_id: AccountId,
    /// Its e-mail address.
    pub email: EmailView,
    /// What it may do here.
    pub role: Role,
    /// Whether it may not sign in at all.
    pub disabled: bool,
    /// Since when it belongs here.
    pub created_at: Moment,
}

/// The organization's members, with their e-mail addresses.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeMembers>,
    wanted: &ByRole,
) -> Result<List<MemberView>, Problem> {
    let (role, page) = wanted.page::<AccountId>()?;
    let store = manage.store();
    let found = store.members(caller.organization, role, &page).await?;
    let has_more = found.has_more;
    let mut rows = Vec::with_capacity(found.rows.len());
    for (member, account) in found.rows {
        rows.push(view(manage, member, &account).await?);
    }
    let shown = Listed { rows, has_more };
    Ok(List::by_age(shown, &page, |one| one.account_id, |one| one))
}

/// One member.
pub async fn show(
    manage: &Manage,
    caller: &May<SeeMembers>,
    id: AccountId,
) -> Result<MemberView, Problem> {
    let member = find(manage, caller, id).await?;
    let account = manage.store().account(id).await?;
    view(manage, member, &account).await
}

/// Gives a member another role. It holds on their next request.
pub async fn update(
    manage: &Manage,
    caller: &May<EditMembers>,
    id: AccountId,
    wanted: Update,
) -> Result<MemberView, Problem> {
    let mut fields = Fields::default();
    let role = fields.parse("role", &wanted.role, "owner, admin, developer or auditor");
    fields.finish()?;
    let role: Role = role.ok_or(Problem::Internal)?;
    let was = find(manage, caller, id).await?;
    if [was.role, role].contains(&Role::Owner) {
        caller.may::<EditOwners>(manage).await?;
    }
    let member = manage.store().set_role(caller.actor, was, role).await?;
    if !Action::TryAddOns.is_open_to(role, &[ApiScope::All]) {
        trial::end(manage, caller.actor, caller.organization, id).await?;
    }
    let account = manage.store().account(id).await?;
    view(manage, member, &account).await
}

/// Ends a membership: sessions, API tokens and tokens for trials here are refused from the next
/// request on.
pub async fn remove(
    manage: &Manage,
    caller: &May<EditMembers>,
    id: AccountId,
) -> Result<(), Problem> {
    let was = find(manage, caller, id).await?;
    if was.role == Role::Owner {
        caller.may::<EditOwners>(manage).await?;
    }
    manage.store().remove_member(caller.actor, was).await?;
    trial::end(manage, caller.actor, caller.organization, id).await
}

async fn find<R>(manage: &Manage, caller: &May<R>, id: AccountId) -> Result<Member, Problem> {
    let member = manage.store().member(caller.organization, id).await?;
    member.ok_or(Problem::NotFound("member"))
}

async fn view(manage: &Manage, member: Member, account: &Account) -> Result<MemberView, Problem> {
    let email = manage.custody().email_of(account).await?;
    Ok(MemberView {
        account_id: member.account,
        email: EmailView::from(&email),
        role: member.role,
        disabled: account.disabled,
        created_at: Moment(member.created_at),
    })
}
