//! People's own keys: what their holders may do with them, and how a host's user comes to enter one.
//!
//! Acts alone: no pages, and no HTTP but the endpoints of hosts. Who acts is a [`Holder`]: an account, whose
//! session somebody else has checked, or a link that a host's backend asked for. What is given through a
//! link counts once the host has confirmed who came back; what takes something away counts at once.
//!
//! | file | what it answers |
//! |---|---|
//! | `links` | connect links: made, opened by one browser, finished, confirmed |
//! | `keys` | the keys of a vault: listed, checked, entered, replaced, disabled, deleted |
//! | `grants` | which application may use them, how far, and until when |
//! | `usage` | what they were used for |
//! | `wanted`, `status` | which keys an application wants of its users, and has |
//! | `endpoints`, `browser` | what hosts' backends and pages ask, over HTTP |

mod browser;
mod endpoints;
mod grants;
mod keys;
mod links;
mod status;
mod usage;
mod wanted;

use std::{fmt, sync::Arc};

pub use self::{
    endpoints::router,
    grants::{GrantChange, KeyGrantView},
    keys::{Checked, NewOwnKey, OwnKey},
    links::{NewLink, OpenLink, OpenedLink},
    status::Connection,
    wanted::WantedKey,
};
pub use crate::store::GrantTerms;
use crate::{
    audit::Actor,
    config::BaseUrl,
    custody::Custody,
    ids::{AccountId, VaultId},
    manage::{Manage, Problem, key_entry::KeyEntry},
    store::{Store, Vault, VaultHolder},
};

/// What the acts work with. Clones share it.
#[derive(Clone)]
pub struct Connect(Arc<Inner>);

struct Inner {
    custody: Custody,
    entry: KeyEntry,
    connect_url: BaseUrl,
}

/// Whose keys are spoken of, and who says so.
#[derive(Clone, Debug)]
pub enum Holder {
    /// Somebody with an account, who is signed in.
    Account(AccountId),
    /// A browser that was led here by a host.
    Link(Box<OpenLink>),
}

impl Connect {
    /// The acts of one process; keys are checked as management checks them. `connect_url` is where people
    /// find the pages.
    pub fn new(manage: &Manage, connect_url: BaseUrl) -> Self {
        Self(Arc::new(Inner {
            custody: manage.custody().clone(),
            entry: manage.entry().clone(),
            connect_url,
        }))
    }

    fn store(&self) -> &Store {
        self.0.custody.store()
    }

    /// The vault of a holder, if there is one yet.
    async fn vault_of(&self, holder: &Holder) -> Result<Option<Vault>, Problem> {
        Ok(self.store().vault_of(&holder.vault()).await?)
    }

    /// The vault of a holder, in which something must lie.
    async fn vault(&self, holder: &Holder, what: &'static str) -> Result<VaultId, Problem> {
        let found = self.vault_of(holder).await?;
        found.map(|vault| vault.id).ok_or(Problem::NotFound(what))
    }
}

impl Holder {
    fn vault(&self) -> VaultHolder {
        match self {
            Self::Account(account) => VaultHolder::Account(*account),
            Self::Link(link) => link.row().holder(),
        }
    }

    /// Who is written down as having done it: an application's user is known to nobody else.
    fn actor(&self) -> Actor {
        match self {
            Self::Account(account) => Actor::Account(*account),
            Self::Link(link) => Actor::Application(link.application),
        }
    }

    fn link(&self) -> Option<&OpenLink> {
        match self {
            Self::Account(_) => None,
            Self::Link(link) => Some(link),
        }
    }

    /// Fails for a link: what gives more than there is waits for the host's word.
    fn only_account(&self) -> Result<(), Problem> {
        match self {
            Self::Account(_) => Ok(()),
            Self::Link(_) => Err(Problem::Conflict {
                code: "confirmation_needed",
                reason: "grant the key anew, so that the application can confirm it".to_owned(),
            }),
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect(..)")
    }
}

#[cfg(test)]
mod tests;
