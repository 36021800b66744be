//! Invitations, for those who were invited: a place in an organization, by a link that works once.

use keystead_vault::Token;
use serde_json::Value;

use super::{Entrance, NewCredential, NotProven, People, set_up::link_hash};
use crate::{
    audit::{Action, Actor, Event},
    store::{Email, Role, SignedIn},
};

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

    /// Gives someone who has an account their place, and turns their session to it. The token is for
    /// the browser's cookie alone.
    pub async fn join(&self, signed_in: &SignedIn, link: &str) -> Result<Token, NotProven> {
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
        let event = Event::new(signed_in.actor(), Action::InvitationAccepted, &used.id);
        changing.commit(event.within(place.0)).await?;
        let moved = store.move_session(&signed_in.session.hash, place.0);
        Ok(moved.await?.1)
    }
}
