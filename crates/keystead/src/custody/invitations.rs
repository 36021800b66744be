//! Invitations, for those who make them: the address each is for is sealed under the organization's key.

use std::time::Duration;

use keystead_vault::{Token, TokenKind};

use super::{Custody, CustodyError};
use crate::{
    audit::Actor,
    clock::Timestamp,
    ids::{AccountId, LinkId, OrganizationId},
    store::{Email, Invitation, Link, LinkPurpose, LinkState, Listed, Page, Role},
};

/// An invitation that may still be used, for those who may see it.
#[derive(Debug)]
pub struct OpenInvitation {
    /// Its id.
    pub id: LinkId,
    /// Whom it is for.
    pub email: Email,
    /// What they may do then.
    pub role: Role,
    /// Who invited.
    pub made_by: AccountId,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Custody {
    /// Invites an e-mail address to an organization. The token is for the link, and shown this once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`](crate::store::StoreError::Conflict) `changed_meanwhile` unless the one
    /// who invites is still what the decision rests on.
    pub async fn invite(
        &self,
        actor: Actor,
        (made_by, is): (AccountId, Role),
        (organization, role): (OrganizationId, Role),
        email: Email,
        lasts: Duration,
    ) -> Result<(OpenInvitation, Token), CustodyError> {
        let store = self.store();
        let token = Token::generate(TokenKind::Link);
        let id = LinkId::new(store.clock());
        let mut changing = store.change().await?;
        // As it is now: a key that another change put aside would open nothing.
        let found = store.organization_now(&mut changing, organization).await?;
        let email_record = self.seal_invited_email(&found, id, &email).await?;
        let link = Link {
            id,
            purpose: LinkPurpose::Invitation(Invitation {
                organization,
                role,
                email_record,
                made_by,
            }),
            hash: token.lookup(),
            state: LinkState::Open,
            created_at: store.clock().now(),
            expires_at: store.clock().now() + lasts,
            row_version: 1,
        };
        store
            .require_role(&mut changing, (organization, made_by), is)
            .await?;
        let event = store.insert_link(&mut changing, actor, &link).await?;
        changing.commit(event).await?;
        let invitation = OpenInvitation {
            id,
            email,
            role,
            made_by,
            created_at: link.created_at,
            expires_at: link.expires_at,
        };
        Ok((invitation, token))
    }

    /// The invitations of an organization that may still be used, or those to one role.
    pub async fn invitations(
        &self,
        organization: OrganizationId,
        role: Option<Role>,
        page: &Page,
    ) -> Result<Listed<OpenInvitation>, CustodyError> {
        let store = self.store();
        let listed = store.open_invitations(organization, role, page).await?;
        let mut shown = Vec::with_capacity(listed.rows.len());
        for link in listed.rows {
            let LinkPurpose::Invitation(invitation) = &link.purpose else {
                continue;
            };
            shown.push(OpenInvitation {
                id: link.id,
                email: self.invited_email(&link, invitation).await?,
                role: invitation.role,
                made_by: invitation.made_by,
                created_at: link.created_at,
                expires_at: link.expires_at,
            });
        }
        Ok(Listed {
            rows: shown,
            has_more: listed.has_more,
        })
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: LinkId,
    ) -> Result<(), CustodyError> {
        let store = self.store();
        Ok(store.revoke_invitation(actor, organization, id).await?)
    }
}
