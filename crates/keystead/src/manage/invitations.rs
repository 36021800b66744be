//! Invitations: a place in the organization for an e-mail address, by a link that works once.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ByRole, EmailView, List, Manage, May, Problem, ShownOnce,
    fields::Fields,
    permission::right::{EditMembers, EditOwners, SeeMembers},
    time::Moment,
};
use crate::{
    custody::OpenInvitation,
    ids::{AccountId, LinkId},
    store::{Email, Role},
};

/// An invitation to be made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitationCreate)]
pub struct Create {
    /// Whom it is for.
    pub email: String,
    /// What they may do then: `owner`, `admin`, `developer` or `auditor`. Only owners invite owners.
    pub role: String,
    /// How long its link works, in seconds: from an hour to 30 days; 7 days if left out.
    pub expires_in_s: Option<u64>,
}

/// An invitation that may still be used, without its link.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    pub invitation_id: LinkId,
    /// Whom it is for.
    pub email: EmailView,
    /// What they may do then.
    pub role: Role,
    /// Who invited.
    pub made_by: AccountId,
    /// Since when.
    pub created_at: Moment,
    /// Until when.
    pub expires_at: Moment,
}

/// An invitation that was just made. The one view that holds its link.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewInvitationView {
    /// The invitation.
    #[serde(flatten)]
    pub about: InvitationView,
    /// The link that the invited open, shown this once. It works once.
    pub link: ShownOnce,
}

/// The invitations that may still be used.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeMembers>,
    wanted: &ByRole,
) -> Result<List<InvitationView>, Problem> {
    let (role, page) = wanted.page::<LinkId>()?;
    let custody = manage.custody();
    let found = custody.invitations(caller.organization, role, &page);
    let found = found.await?;
    Ok(List::by_age(
        found,
        &page,
        |one| one.id,
        |one| (&one).into(),
    ))
}

/// Invites an e-mail address. Nobody gives a role above their own: only owners invite owners.
pub async fn create(
    manage: &Manage,
    caller: &May<EditMembers>,
    wanted: Create,
) -> Result<NewInvitationView, Problem> {
    let mut fields = Fields::default();
    let role = fields.parse("role", &wanted.role, "owner, admin, developer or auditor");
    let email = Email::parse(&wanted.email).ok();
    if email.is_none() {
        fields.wrong("email", "expected an e-mail address");
    }
    let lasts = wanted.expires_in_s.unwrap_or(LASTS_S);
    if !(SHORTEST_S..=LONGEST_S).contains(&lasts) {
        let detail = format!("must be from {SHORTEST_S} to {LONGEST_S}");
        fields.wrong("expires_in_s", detail);
    }
    fields.finish()?;
    let (role, email): (Role, Email) = role.zip(email).ok_or(Problem::Internal)?;
    if role == Role::Owner {
        caller.may::<EditOwners>(manage).await?;
    }
    let (custody, organization) = (manage.custody(), caller.organization);
    if let Some(account) = custody.account_by_email(&email).await? {
        let member = manage.store().member(organization, account.id).await?;
        if member.is_some() {
            let reason = "the account is a member already".to_owned();
            return Err(Problem::Conflict {
                code: "member_already",
                reason,
            });
        }
    }
    let lasts = Duration::from_secs(lasts);
    let (by, place) = ((caller.account, caller.role), (organization, role));
    let made = custody.invite(caller.actor, by, place, email, lasts);
    let (invitation, token) = made.await?;
    let page = manage.console_url().join("/console/invitation");
    Ok(NewInvitationView {
        about: (&invitation).into(),
        link: ShownOnce::link(&page, &token),
    })
}

/// Takes an invitation back.
pub async fn withdraw(
    manage: &Manage,
    caller: &May<EditMembers>,
    id: LinkId,
) -> Result<(), Problem> {
    let custody = manage.custody();
    let revoked = custody.revoke_invitation(caller.actor, caller.organization, id);
    Ok(revoked.await?)
}

/// The address is someone's who may not have an account here.
impl fmt::Debug for Create {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Create(..)")
    }
}

impl From<&OpenInvitation> for InvitationView {
    fn from(invitation: &OpenInvitation) -> Self {
        Self {
            invitation_id: invitation.id,
            email: EmailView::from(&invitation.email),
            role: invitation.role,
            made_by: invitation.made_by,
            created_at: Moment(invitation.created_at),
            expires_at: Moment(invitation.expires_at),
        }
    }
}

const SHORTEST_S: u64 = 60 * 60;
const LASTS_S: u64 = 7 * 86_400;
const LONGEST_S: u64 = 30 * 86_400;
