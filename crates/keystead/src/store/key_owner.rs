//! Whose a provider key is: of an organization's application, or a person's own.

use std::fmt;

use keystead_vault::Canonical;

use super::{Columns, Unfit};
use crate::{
    audit::{Event, Field},
    ids::{ApplicationId, OrganizationId, VaultId},
};

/// Whose a key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyOwner {
    /// An application's: its developers brought it.
    Application {
        /// The tenant.
        organization: OrganizationId,
        /// The application.
        application: ApplicationId,
    },
    /// A person's own. No organization's people can open, reset or see it.
    Vault(VaultId),
}

/// Under whose key a provider key is sealed, and who alone may ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyTenant {
    /// An organization.
    Organization(OrganizationId),
    /// A vault.
    Vault(VaultId),
}

impl KeyOwner {
    /// Under whose key it is sealed.
    pub fn tenant(&self) -> KeyTenant {
        match *self {
            Self::Application { organization, .. } => KeyTenant::Organization(organization),
            Self::Vault(vault) => KeyTenant::Vault(vault),
        }
    }

    /// The application it belongs to; none for a person's own.
    pub fn application(&self) -> Option<ApplicationId> {
        match *self {
            Self::Application { application, .. } => Some(application),
            Self::Vault(_) => None,
        }
    }

    /// The columns `organization_id`, `application_id` and `vault_id`.
    pub(super) fn columns(&self) -> [Option<String>; 3] {
        match self {
            Self::Application {
                organization,
                application,
            } => [
                Some(organization.to_string()),
                Some(application.to_string()),
                None,
            ],
            Self::Vault(vault) => [None, None, Some(vault.to_string())],
        }
    }

    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        let organization = columns.optional_parsed()?;
        let application = columns.optional_parsed()?;
        match (organization, application, columns.optional_parsed()?) {
            (Some(organization), Some(application), None) => Ok(Self::Application {
                organization,
                application,
            }),
            (None, None, Some(vault)) => Ok(Self::Vault(vault)),
            _ => Err(Unfit),
        }
    }

    /// What a MAC covers beside the tenant.
    pub(super) fn covered(&self, row: Canonical) -> Canonical {
        match self.application() {
            Some(application) => row.text(&application.to_string()),
            None => row.none(),
        }
    }
}

impl KeyTenant {
    /// The event, in the log of the organization if it is one. What happens to a person's own key is in
    /// none.
    pub(crate) fn event(self, event: Event) -> Event {
        match self {
            Self::Organization(organization) => event.within(organization),
            Self::Vault(vault) => event.with(Field::Vault, &vault),
        }
    }

    /// The sort of key that opens its group keys, as `key_slots` names it.
    pub(super) const fn opener(self) -> &'static str {
        match self {
            Self::Organization(_) => "organization",
            Self::Vault(_) => "vault",
        }
    }
}

impl fmt::Display for KeyTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(id) => id.fmt(f),
            Self::Vault(id) => id.fmt(f),
        }
    }
}

impl From<OrganizationId> for KeyTenant {
    fn from(id: OrganizationId) -> Self {
        Self::Organization(id)
    }
}

impl From<VaultId> for KeyTenant {
    fn from(id: VaultId) -> Self {
        Self::Vault(id)
    }
}
