//! Connect links. One is made for one user of one application; the first browser that opens it has it from
//! then on; what comes of it waits for the application's word.

use std::time::Duration;

use form_urlencoded::Serializer;
use keystead_vault::{SubjectHash, Token, TokenKind, token_hash};

use super::Connect;
use crate::{
    audit::Actor,
    clock::Timestamp,
    ids::{ApplicationId, ConnectLinkId, Handle, OrganizationId},
    manage::Problem,
    store::{AddOn, Application, ConnectLink, ConnectStep, GrantTerms, KeyGrant, KeySource},
};

/// How long a link lasts, from when it was made to when it was confirmed.
pub(super) const LINK_LASTS: Duration = Duration::from_secs(600);
/// How often a provider is asked about keys that are entered with one link.
const CHECKS: u8 = 5;

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Whom the host vouches for.
    pub subject: SubjectHash,
    /// The AddOn that a key is wanted for.
    pub addon: Handle,
    /// Where the browser is to be led in the end.
    pub return_to: String,
    /// What the host wants to hear there again.
    pub state: Option<String>,
}

/// A link that a browser has.
#[derive(Clone, Debug)]
pub struct OpenLink {
    /// The tenant that the application belongs to.
    pub organization: OrganizationId,
    /// Which application asks.
    pub application: ApplicationId,
    /// What it is called.
    pub application_name: String,
    /// Whose it is.
    pub organization_name: String,
    /// The AddOn that a key is wanted for.
    pub addon: Handle,
    /// Every AddOn of the application that would use it.
    pub addons: Vec<Handle>,
    /// The provider that the key is to be of.
    pub provider: &'static str,
    /// Where the browser is led in the end.
    pub return_to: String,
    /// How often the provider may yet be asked.
    pub checks_left: u8,
    /// Until when it lasts.
    pub expires_at: Timestamp,
    /// Whether a key was entered with it.
    pub has_key: bool,
    row: ConnectLink,
}

/// What a browser gets for a link.
#[derive(Debug)]
pub struct OpenedLink {
    /// What the link is for.
    pub link: OpenLink,
    /// What the browser shows from now on in the link's place.
    pub browser: Token,
}

impl OpenLink {
    /// Whom the host vouches for.
    pub fn subject(&self) -> &SubjectHash {
        &self.row.subject
    }

    /// Names it, in logs.
    pub fn id(&self) -> ConnectLinkId {
        self.row.id
    }

    pub(super) fn row(&self) -> &ConnectLink {
        &self.row
    }
}

impl Connect {
    /// Makes a link for one user of an application: where the host leads their browser.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] for a handle whose AddOn has no use for a user's key, or an address that the
    /// application has not registered.
    pub async fn make_link(
        &self,
        application: &Application,
        new: NewLink,
    ) -> Result<String, Problem> {
        let addons = self.addons_of(application).await?;
        let addon = addons.iter().find(|addon| addon.handle == new.addon);
        let wanting = addon.and_then(|addon| Some((addon.id, addon.provider.clone()?)));
        let (addon, provider) = wanting.ok_or_else(|| {
            Problem::field("handle", "must be an AddOn that uses its users' own keys")
        })?;
        if !application.redirect_uris.contains(&new.return_to) {
            let text = "must be an address that the application has registered, to the letter";
            return Err(Problem::field("return_to", text));
        }
        let store = self.store();
        let (token, now) = (Token::generate(TokenKind::Link), store.clock().now());
        let link = ConnectLink {
            id: ConnectLinkId::new(store.clock()),
            organization: application.organization,
            application: application.id,
            addon,
            subject: new.subject,
            provider,
            return_to: new.return_to,
            state: new.state,
            hash: token.lookup(),
            step: ConnectStep::Made,
            checks_left: CHECKS,
            key: None,
            terms: GrantTerms::default(),
            code: None,
            created_at: now,
            expires_at: now + LINK_LASTS,
            row_version: 1,
        };
        store.insert_connect_link(&link).await?;
        let path = format!("/connect/l/{}", token.expose());
        Ok(self.0.connect_url.join(&path))
    }

    /// Opens a link, once: the browser has something else in its place from then on.
    ///
    /// # Errors
    ///
    /// [`Problem::Conflict`] `connect_link_over`, alike for one that was opened, is over or never was.
    pub async fn open_link(&self, token: &str) -> Result<OpenedLink, Problem> {
        let mut row = self.find(token).await?;
        if row.step != ConnectStep::Made {
            return Err(over());
        }
        let browser = Token::generate(TokenKind::Link);
        row.step = ConnectStep::Opened;
        row.hash = browser.lookup();
        if !self.store().follow_connect_link(&mut row).await? {
            return Err(over());
        }
        let link = self.shown(row).await?;
        Ok(OpenedLink { link, browser })
    }

    /// The link that a browser has opened.
    ///
    /// # Errors
    ///
    /// As [`open_link`](Self::open_link).
    pub async fn continue_link(&self, browser: &str) -> Result<OpenLink, Problem> {
        let row = self.find(browser).await?;
        match row.step {
            ConnectStep::Opened => self.shown(row).await,
            _ => Err(over()),
        }
    }

    /// A link as it is by now: what was done with it since it was read counts.
    pub async fn link_by_now(&self, link: &OpenLink) -> Result<OpenLink, Problem> {
        let row = self.current(link).await?;
        self.shown(row).await
    }

    /// Ends a browser's part: the address to lead it to, which holds a code if there is something for the
    /// application to confirm, and nothing else but the state that it asked for.
    pub async fn finish_link(&self, link: &OpenLink) -> Result<String, Problem> {
        let mut row = self.current(link).await?;
        if row.key.is_none() {
            let address = back(&row, None);
            let actor = Actor::Application(row.application);
            self.store().end_connect_link(actor, row).await?;
            return Ok(address);
        }
        let code = Token::generate(TokenKind::Link);
        row.step = ConnectStep::Finished;
        row.code = Some(code.lookup());
        if !self.store().follow_connect_link(&mut row).await? {
            return Err(over());
        }
        Ok(back(&row, Some(&code)))
    }

    /// The application says that it was this user who came back with this code. `None` when the code is not
    /// one of its, or was used, or is over; with another user than the link was made for, what was entered
    /// is deleted as well.
    pub async fn confirm_link(
        &self,
        application: &Application,
        subject: &SubjectHash,
        code: &str,
    ) -> Result<Option<KeyGrant>, Problem> {
        let store = self.store();
        let Some((TokenKind::Link, hash)) = token_hash(code) else {
            return Ok(None);
        };
        let found = store.connect_link_by_code(&hash).await?;
        let found = found.filter(|row| row.application == application.id);
        let Some(row) = found.filter(|row| row.step == ConnectStep::Finished) else {
            return Ok(None);
        };
        let actor = Actor::Application(application.id);
        if row.subject != *subject || !row.is_open(store.clock().now()) {
            store.end_connect_link(actor, row).await?;
            return Ok(None);
        }
        Ok(store.confirm_connect_link(actor, row).await?)
    }

    /// Ends the links that nobody confirmed in time, and deletes what was entered with them.
    pub async fn end_overdue_links(&self) -> Result<(), Problem> {
        let store = self.store();
        for row in store.overdue_connect_links().await? {
            store.end_connect_link(Actor::Keystead, row).await?;
        }
        Ok(())
    }

    /// The link as it is now, if the browser still has it.
    pub(super) async fn current(&self, link: &OpenLink) -> Result<ConnectLink, Problem> {
        let found = self.store().connect_link(&link.row.hash).await?;
        let now = self.store().clock().now();
        let open = found.filter(|row| row.is_open(now) && row.step == ConnectStep::Opened);
        open.ok_or_else(over)
    }

    /// Every AddOn of an application that its users bring keys for.
    pub(super) async fn addons_of(&self, application: &Application) -> Result<Vec<AddOn>, Problem> {
        let mut page = crate::store::Page::first(200);
        let mut all = Vec::new();
        loop {
            let listed = self
                .store()
                .addons(application.organization, Some(application.id), &page)
                .await?;
            page.after = listed.next();
            let wanting = |addon: &AddOn| addon.key_source != KeySource::Application;
            all.extend(listed.rows.into_iter().filter(wanting));
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }

    async fn find(&self, token: &str) -> Result<ConnectLink, Problem> {
        let Some((TokenKind::Link, hash)) = token_hash(token) else {
            return Err(over());
        };
        let found = self.store().connect_link(&hash).await?;
        let now = self.store().clock().now();
        found.filter(|row| row.is_open(now)).ok_or_else(over)
    }

    async fn shown(&self, row: ConnectLink) -> Result<OpenLink, Problem> {
        let store = self.store();
        let application = store.application(row.organization, row.application).await?;
        if application.disabled {
            return Err(over());
        }
        let organization = store.organization(row.organization).await?;
        let mut addons = self.addons_of(&application).await?;
        addons.retain(|addon| addon.provider.as_ref() == Some(&row.provider));
        let asked = addons.iter().find(|addon| addon.id == row.addon);
        // An AddOn that is gone or has another provider by now wants no key any more.
        let addon = asked.ok_or_else(over)?.handle.clone();
        let provider = keystead_providers::by_name(&row.provider).ok_or_else(over)?;
        Ok(OpenLink {
            organization: application.organization,
            application: application.id,
            application_name: application.name,
            organization_name: organization.name,
            addon,
            addons: addons.into_iter().map(|addon| addon.handle).collect(),
            provider: provider.about().name,
            return_to: row.return_to.clone(),
            checks_left: row.checks_left,
            expires_at: row.expires_at,
            has_key: row.key.is_some(),
            row,
        })
    }
}

/// Where the browser is led.
fn back(row: &ConnectLink, code: Option<&Token>) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(code) = code {
        query.append_pair("code", code.expose());
    }
    if let Some(state) = &row.state {
        query.append_pair("state", state);
    }
    let query = query.finish();
    match (query.is_empty(), row.return_to.contains('?')) {
        (true, _) => row.return_to.clone(),
        (false, true) => format!("{}&{query}", row.return_to),
        (false, false) => format!("{}?{query}", row.return_to),
    }
}

pub(super) fn over() -> Problem {
    Problem::Conflict {
        code: "connect_link_over",
        reason:
            "this link was used before or is over; go back to where it was, and ask for another"
                .to_owned(),
    }
}
