//! What each record is bound to: the table in part 4 of the vault's SPEC.md, as functions.

use keystead_vault::{Context, Kind, Opener, OpenerKind};

use crate::{
    ids::{AccountId, OrganizationId, VaultId},
    store::{Key, KeyTenant},
};

/// The text forms of a key's ids, which its records are bound to.
pub(super) struct KeyNames {
    tenant: String,
    /// Empty in a vault: its keys are for whichever application its holder says.
    application: String,
    key: String,
}

impl KeyNames {
    pub(super) fn of(key: &Key) -> Self {
        Self {
            tenant: key.owner.tenant().to_string(),
            application: key
                .owner
                .application()
                .map_or_else(String::new, |id| id.to_string()),
            key: key.id.to_string(),
        }
    }

    /// The group key of a provider key, under the key of its organization or vault.
    pub(super) fn group<'a>(&'a self, key: &'a Key) -> Context<'a> {
        match key.owner.tenant() {
            KeyTenant::Organization(id) => {
                group_key(id, &self.tenant, &self.application, &self.key)
            }
            KeyTenant::Vault(id) => own_group_key(id, &self.tenant, &self.key),
        }
    }

    /// The data key of the version in use, under the group key.
    pub(super) fn data<'a>(&'a self, key: &'a Key) -> Context<'a> {
        Context {
            parent: &self.key,
            version: key.version,
            ..Context {
                kind: Kind::DataKey,
                opener: opened_by(OpenerKind::Group, key.id.as_bytes()),
                ..self.group(key)
            }
        }
    }

    /// The secret of the version in use, under the data key: bound to all that decides where it
    /// may be sent.
    pub(super) fn secret<'a>(&'a self, key: &'a Key) -> Context<'a> {
        Context {
            kind: Kind::ProviderKey,
            opener: opened_by(OpenerKind::Data, key.id.as_bytes()),
            provider: &key.provider,
            scheme: key.destination.scheme.as_str(),
            host: &key.destination.host,
            port: key.destination.port,
            path_prefix: &key.destination.prefix,
            ..self.data(key)
        }
    }
}

/// The group key of a provider key, under its organization's key, by the text forms of their ids.
pub(super) fn group_key<'a>(
    organization: OrganizationId,
    organization_id: &'a str,
    application_id: &'a str,
    key_id: &'a str,
) -> Context<'a> {
    let opener = opened_by(OpenerKind::Organization, organization.as_bytes());
    Context {
        parent: organization_id,
        application: application_id,
        owner: organization_id,
        object: key_id,
        ..blank(Kind::GroupKey, opener)
    }
}

/// The group key of a person's own key, under its vault's key, by the text forms of their ids.
pub(super) fn own_group_key<'a>(vault: VaultId, vault_id: &'a str, key_id: &'a str) -> Context<'a> {
    let opener = opened_by(OpenerKind::Vault, vault.as_bytes());
    Context {
        parent: vault_id,
        owner: vault_id,
        object: key_id,
        ..blank(Kind::GroupKey, opener)
    }
}

pub(super) fn key_check() -> Context<'static> {
    Context {
        object: "key-check",
        ..blank(Kind::KeyCheck, root())
    }
}

pub(super) fn system_key(name: &str) -> Context<'_> {
    Context {
        object: name,
        ..blank(Kind::SystemKey, root())
    }
}

pub(super) fn organization_key(id: &str) -> Context<'_> {
    Context {
        owner: id,
        object: id,
        ..blank(Kind::OrganizationKey, root())
    }
}

pub(super) fn account_key(id: &str) -> Context<'_> {
    Context {
        owner: id,
        object: id,
        ..blank(Kind::AccountKey, root())
    }
}

pub(super) fn vault_key(id: &str) -> Context<'_> {
    Context {
        owner: id,
        object: id,
        ..blank(Kind::VaultKey, root())
    }
}

pub(super) fn account_email(account: AccountId, id: &str) -> Context<'_> {
    let opener = opened_by(OpenerKind::Account, account.as_bytes());
    Context {
        parent: id,
        owner: id,
        object: id,
        ..blank(Kind::AccountEmail, opener)
    }
}

/// The address that an invitation is for, under the key of the organization that invites.
pub(super) fn invited_email<'a>(
    organization: OrganizationId,
    organization_id: &'a str,
    link_id: &'a str,
) -> Context<'a> {
    let opener = opened_by(OpenerKind::Organization, organization.as_bytes());
    Context {
        parent: organization_id,
        owner: organization_id,
        object: link_id,
        ..blank(Kind::AccountEmail, opener)
    }
}

/// What deliveries to a webhook are signed with, under its organization's key.
pub(super) fn webhook_secret<'a>(
    organization: OrganizationId,
    organization_id: &'a str,
    webhook_id: &'a str,
) -> Context<'a> {
    let opener = opened_by(OpenerKind::Organization, organization.as_bytes());
    Context {
        parent: organization_id,
        owner: organization_id,
        object: webhook_id,
        ..blank(Kind::WebhookSecret, opener)
    }
}

/// What an account signs in with, under its own key: `kind` says what it is.
pub(super) fn credential<'a>(
    kind: Kind,
    account: AccountId,
    account_id: &'a str,
    id: &'a str,
) -> Context<'a> {
    let opener = opened_by(OpenerKind::Account, account.as_bytes());
    Context {
        parent: account_id,
        owner: account_id,
        object: id,
        ..blank(kind, opener)
    }
}

pub(super) fn pepper<'a>(
    organization: OrganizationId,
    organization_id: &'a str,
    application_id: &'a str,
) -> Context<'a> {
    let opener = opened_by(OpenerKind::Organization, organization.as_bytes());
    Context {
        parent: organization_id,
        owner: organization_id,
        application: application_id,
        object: application_id,
        ..blank(Kind::Pepper, opener)
    }
}

fn blank(kind: Kind, opener: Opener) -> Context<'static> {
    Context {
        kind,
        opener,
        parent: "",
        owner: "",
        application: "",
        provider: "",
        scheme: "",
        host: "",
        port: 0,
        path_prefix: "",
        object: "",
        version: 1,
    }
}

/// There is one root key, so it needs no id to be told apart.
fn root() -> Opener {
    opened_by(OpenerKind::Root, [0; 16])
}

fn opened_by(kind: OpenerKind, id: [u8; 16]) -> Opener {
    Opener { kind, id }
}
