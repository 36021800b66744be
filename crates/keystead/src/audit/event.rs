//! What a row of the audit log says.

use std::{fmt, str::FromStr};

use super::{Action, Fact, Field};
use crate::ids::{AccountId, ApiTokenId, ApplicationId, OrganizationId};

/// Who did it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Actor {
    /// A person, signed in at the console.
    Account(AccountId),
    /// An API token, on behalf of the account that made it.
    ApiToken(ApiTokenId),
    /// A host application that authenticated itself.
    Application(ApplicationId),
    /// Whoever runs commands on Keystead's own machine.
    Operator,
    /// Keystead itself: a job, the data plane.
    Keystead,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::ApiToken(id) => id.fmt(f),
            Self::Application(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Keystead => f.write_str("keystead"),
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It was refused to someone known.
    Denied,
    /// It was attempted and did not work.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Denied, Self::Failed];

    /// The word in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.word() == text)
            .ok_or(())
    }
}

/// An entry to be written. Where and when it lands in the log, the log decides.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) organization: Option<OrganizationId>,
    pub(super) actor: Actor,
    pub(super) action: Action,
    pub(super) object: String,
    pub(super) object_version: Option<i64>,
    pub(super) outcome: Outcome,
    pub(super) detail: Vec<(Field, String)>,
}

impl Event {
    /// `actor` did `action` to `object`.
    pub fn new(actor: Actor, action: Action, object: &impl ToString) -> Self {
        Self {
            organization: None,
            actor,
            action,
            object: object.to_string(),
            object_version: None,
            outcome: Outcome::Done,
            detail: Vec::new(),
        }
    }

    /// In which organization.
    #[must_use]
    pub fn within(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Someone else did it than it seemed when the event was made.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Which version of its row the object has from now on. Verification holds the row against
    /// the last version that was logged, and so finds an older row put back.
    #[must_use]
    pub fn version(mut self, row_version: i64) -> Self {
        self.object_version = Some(row_version);
        self
    }

    /// The object's row is gone from now on.
    #[must_use]
    pub fn gone(self) -> Self {
        self.version(GONE)
    }

    /// How it ended, if not well.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// One more fact: an id, a number, a stable word. A text that a person typed is none, and does not
    /// compile. What the action's row in the table does not have is a defect, and left out.
    #[must_use]
    pub fn with(mut self, field: Field, value: &impl Fact) -> Self {
        let is_allowed = self.action.fields().contains(&field);
        debug_assert!(is_allowed, "{} of {}", field.word(), self.action.word());
        if is_allowed {
            self.detail.push((field, value.to_string()));
        }
        self
    }
}

/// In place of a row's version: the row was removed. Versions begin at 1.
pub(super) const GONE: i64 = 0;
