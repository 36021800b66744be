//! One finding, on its way into the store.

use super::AlertKind;
use crate::ids::{ApplicationId, OrganizationId};

/// Something was found that a person must look at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What.
    pub kind: AlertKind,
    /// In which organization; `None` for what is the whole installation's, or not known.
    pub organization: Option<OrganizationId>,
    /// Where: a table, or a part of Keystead. A stable word.
    pub place: &'static str,
    /// On which object: an id or a stable word.
    pub object: String,
    /// Whose application it concerns, where the object is no application.
    pub application: Option<ApplicationId>,
    /// What it is made once in: a day, a version. `None` for what counts each time.
    pub episode: Option<String>,
}

impl Finding {
    /// `kind` was found at `place` on `object`: an id or a stable word, never what somebody sent.
    pub fn new(kind: AlertKind, place: &'static str, object: &impl ToString) -> Self {
        Self {
            kind,
            organization: None,
            place,
            object: object.to_string(),
            application: None,
            episode: None,
        }
    }

    /// In which organization.
    #[must_use]
    pub fn within(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Which application it concerns.
    #[must_use]
    pub fn about(mut self, application: Option<ApplicationId>) -> Self {
        self.application = application;
        self
    }

    /// Made once in this day, or of this version; again only in another.
    #[must_use]
    pub fn once_in(mut self, episode: &impl ToString) -> Self {
        self.episode = Some(episode.to_string());
        self
    }
}
