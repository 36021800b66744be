//! Ids as callers write them, in paths and filters.

use std::str::FromStr;

use super::Problem;
use crate::ids::{
    AccountId, AddOnId, AlertId, ApiTokenId, ApplicationId, ClientSecretId, DecoyId, KeyId, LinkId,
    SessionId, WebhookId,
};

/// An id of something that callers ask for by it.
pub trait Object: FromStr {
    /// What it names, after "there is no such".
    const WHAT: &'static str;

    /// Reads an id. Text that can't be one names nothing.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFound`], as of an id that names nothing.
    fn named(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|_| Problem::NotFound(Self::WHAT))
    }

    /// As [`named`](Self::named), of a filter that may be left out.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFound`].
    fn named_if_any(text: Option<&str>) -> Result<Option<Self>, Problem> {
        text.map(Self::named).transpose()
    }
}

impl Object for ApplicationId {
    const WHAT: &'static str = "application";
}

impl Object for AccountId {
    const WHAT: &'static str = "member";
}

impl Object for ApiTokenId {
    const WHAT: &'static str = "api_token";
}

impl Object for KeyId {
    const WHAT: &'static str = "key";
}

impl Object for AddOnId {
    const WHAT: &'static str = "addon";
}

impl Object for ClientSecretId {
    const WHAT: &'static str = "client_secret";
}

impl Object for LinkId {
    const WHAT: &'static str = "invitation";
}

impl Object for AlertId {
    const WHAT: &'static str = "alert";
}

impl Object for WebhookId {
    const WHAT: &'static str = "webhook";
}

impl Object for DecoyId {
    const WHAT: &'static str = "decoy";
}

impl Object for SessionId {
    const WHAT: &'static str = "session";
}
