//! Invitations: a place in an organization, by a link that works once.

use std::time::Duration;

use keystead_vault::{Token, TokenKind};
use serde_json::Value;

use super::{Entrance, NewCredential, NotProven, People, set_up::link_hash};
use crate::{
    audit::Actor,
    clock::Timestamp,
    ids::{AccountId, LinkId, OrganizationId},
    store::{Email, Invitation, Link, LinkPurpose, LinkState, Role, SignedIn},
};

/// How long an invitation works.
const LASTS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

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

/// What an invitation says to whoever holds its link.
#[derive(Debug)]
pub struct Invited {
    /// The organization's name.
    pub organization: String,
    /// What they may do there.
    pub role: Role,
    /// Whom it is for.
    pub email: Email,
    /// Whether that address has an account already.
    pub has_account: bool,
}

impl People {
    /// Invites an e-mail address to an organization. The token is for the link, and shown this once.
    pub async fn invite(
        &self,
        actor: Actor,
        made_by: AccountId,
        (organization, role): (OrganizationId, Role),
        email: &Email,
    ) -> Result<(LinkId, Token), NotProven> {
        let store = self.store();
        let token = Token::generate(TokenKind::Link);
        let id = LinkId::new(store.clock());
        let email_record = self
            .custody()
            .seal_invited_email(organization, id, email)
            .await?;
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
            created_at: self.now(),
            expires_at: self.now() + LASTS,
            row_version: 1,
        };
        let mut changing = store.change().await?;
        let event = store.insert_link(&mut changing, actor, &link).await?;
        changing.commit(event).await?;
        Ok((id, token))
    }

    /// The invitations of an organization that may still be used, the oldest first.
    pub async fn invitations(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<OpenInvitation>, NotProven> {
        let mut shown = Vec::new();
        for link in self.store().open_invitations(organization).await? {
            let LinkPurpose::Invitation(invitation) = &link.purpose else {
                continue;
            };
            shown.push(OpenInvitation {
                id: link.id,
                email: self.custody().invited_email(&link, invitation).await?,
                role: invitation.role,
                made_by: invitation.made_by,
                created_at: link.created_at,
                expires_at: link.expires_at,
            });
        }
        Ok(shown)
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: LinkId,
    ) -> Result<(), NotProven> {
        let store = self.store();
        Ok(store.revoke_invitation(actor, organization, id).await?)
    }

    /// What an invitation says.
    pub async fn invited(&self, link: &str) -> Result<Invited, NotProven> {
        let link = self.open_link(link).await?;
        let invitation = link.invitation().ok_or(NotProven::LinkOver)?;
        let organization = self.store().organization(invitation.organization).await?;
        let email = self.custody().invited_email(&link, invitation).await?;
        let account = self.custody().account_by_email(&email).await?;
        Ok(Invited {
            organization: organization.name,
            role: invitation.role,
            has_account: account.is_some(),
            email,
        })
    }

    /// What a browser is asked to make the invited person's passkey with.
    pub async fn ask_for_invited_passkey(&self, link: &str) -> Result<(String, Value), NotProven> {
        let invited = self.invited(link).await?;
        self.ask_for_a_strangers_passkey(invited.email.expose())
    }

    /// Makes the invited person's account and signs it in.
    pub async fn accept(
        &self,
        link: &str,
        credential: NewCredential,
        browser: String,
    ) -> Result<Entrance, NotProven> {
        let invited = self.invited(link).await?;
        if invited.has_account {
            return Err(NotProven::HasAccount);
        }
        let prepared = self.prepare(credential, &invited.email).await?;
        let id = self.account_id_for(&prepared);
        let store = self.store();
        let mut changing = store.change().await?;
        let used = store
            .use_link(&mut changing, Actor::Account(id), &link_hash(link)?)
            .await?;
        let used = used.ok_or(NotProven::LinkOver)?;
        let invitation = used.invitation().ok_or(NotProven::LinkOver)?;
        let place = (invitation.organization, invitation.role);
        let account = self
            .custody()
            .add_account_within(&mut changing, Actor::Account(id), id, &invited.email, place)
            .await?;
        self.enter(changing, &account, place.0, prepared, browser)
            .await
    }

    /// Gives someone who has an account their place, and turns their session to it.
    pub async fn join(&self, signed_in: &SignedIn, link: &str) -> Result<(), NotProven> {
        let invited = self.invited(link).await?;
        let invited_hash = self.custody().email_hash(&invited.email);
        if invited_hash != signed_in.account.email_hash {
            return Err(NotProven::OtherAddress);
        }
        let store = self.store();
        let mut changing = store.change().await?;
        let used = store
            .use_link(&mut changing, signed_in.actor(), &link_hash(link)?)
            .await?;
        let used = used.ok_or(NotProven::LinkOver)?;
        let invitation = used.invitation().ok_or(NotProven::LinkOver)?;
        let place = (invitation.organization, invitation.role);
        let account = signed_in.account.id;
        self.custody()
            .join_within(&mut changing, signed_in.actor(), account, place)
            .await?;
        let event = crate::audit::Event::new(signed_in.actor(), "invitation.accepted", &used.id);
        changing.commit(event.within(place.0)).await?;
        store.move_session(&signed_in.session.hash, place.0).await?;
        Ok(())
    }
}
