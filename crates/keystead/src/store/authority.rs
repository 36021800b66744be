//! What the data plane asks when it meets a token it does not remember.

use keystead_vault::TokenHash;

use super::{
    AccessToken, AddOn, Application, ClientSecret, Columns, Family, Grant, Key, KeyGrant,
    KeySource, Organization, Store, StoreError, row,
};
use crate::{
    ids::{ClientId, Handle},
    limits::RowLimits,
};

/// Everything that decides what a call may do, from one moment.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The token: live, but whether its scope names this AddOn is for the caller to see.
    pub token: AccessToken,
    /// Its application, which may be disabled.
    pub application: Application,
    /// The AddOn of that handle, which may be disabled.
    pub addon: AddOn,
    /// The AddOn's key, which may be disabled; `None` when it names none, or one that was deleted.
    pub key: Option<Key>,
    /// What the end user lets the application use of their own, where the AddOn asks for it and they have
    /// not taken it back.
    pub own: Option<OwnAuthority>,
    /// What the token rests on, if a person let the application have it: in force, but whether it is
    /// for this AddOn is for the caller to see.
    pub grant: Option<Grant>,
    /// The rules that hold for the whole tenant.
    pub organization_limits: RowLimits,
}

/// A person's own key, and the permission to use it: which may rest, or be over.
#[derive(Clone, Debug)]
pub struct OwnAuthority {
    /// The permission.
    pub grant: KeyGrant,
    /// The key, which may be disabled.
    pub key: Option<Key>,
}

/// The answer to a look-up.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The token is live, and client id and handle are its application's.
    Found(Box<Authority>),
    /// Unknown, expired or revoked token, revoked client secret, another application's client id,
    /// unknown handle: all alike.
    Unknown,
}

impl Store {
    /// Who is behind a token that was presented for an application's AddOn, and what they may use.
    ///
    /// Absence must not be cached. What was found holds until one of its ids, the client secret's
    /// included, is announced as changed, or until the token ends.
    pub async fn authority(
        &self,
        token: &TokenHash,
        client_id: &ClientId,
        handle: &Handle,
    ) -> Result<Lookup, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {}, {}, {}, {}, {}, {}, {}, {}, {} FROM tokens t
             JOIN applications a ON a.id = t.application_id
                 AND a.organization_id = t.organization_id
             JOIN addons d ON d.application_id = a.id AND d.organization_id = a.organization_id
             JOIN organizations o ON o.id = a.organization_id
             LEFT JOIN client_secrets s ON s.id = t.client_secret_id
                 AND s.application_id = a.id
             LEFT JOIN token_families f ON f.id = t.family_id AND f.application_id = a.id
             LEFT JOIN grants g ON g.id = f.grant_id AND g.application_id = a.id
             LEFT JOIN keys k ON k.id = d.key_id AND k.organization_id = d.organization_id
             LEFT JOIN key_grants w ON w.application_id = a.id AND w.subject = t.subject
                 AND w.provider = d.provider
             LEFT JOIN keys u ON u.id = w.key_id AND u.vault_id = w.vault_id
             WHERE t.hash = $1 AND a.client_id = $2 AND d.handle = $3",
            row::qualified::<AccessToken>("t"),
            row::qualified::<Application>("a"),
            row::qualified::<AddOn>("d"),
            row::qualified::<Organization>("o"),
            row::qualified::<ClientSecret>("s"),
            row::qualified::<Family>("f"),
            row::qualified::<Grant>("g"),
            row::qualified::<Key>("k"),
            row::qualified::<KeyGrant>("w"),
            row::qualified::<Key>("u"),
        )))
        .bind(token.as_bytes().to_vec())
        .bind(client_id.to_string())
        .bind(handle.as_str())
        .fetch_optional(&self.0.read)
        .await?;
        let Some(row) = row else {
            return Ok(Lookup::Unknown);
        };

        let mut columns = Columns::of(&row);
        let token: AccessToken = self.checked_next(&mut columns)?;
        let application: Application = self.checked_next(&mut columns)?;
        let addon: AddOn = self.checked_next(&mut columns)?;
        let organization: Organization = self.checked_next(&mut columns)?;
        let secret: Option<ClientSecret> = self.checked_if_there(&mut columns)?;
        let family: Option<Family> = self.checked_if_there(&mut columns)?;
        let grant: Option<Grant> = self.checked_if_there(&mut columns)?;
        let key: Option<Key> = self.checked_if_there(&mut columns)?;
        let own_grant: Option<KeyGrant> = self.checked_if_there(&mut columns)?;
        let own_key: Option<Key> = self.checked_if_there(&mut columns)?;
        let own = own_grant
            .filter(|own| !own.is_over() && addon.key_source != KeySource::Application)
            .map(|grant| OwnAuthority {
                grant,
                key: own_key,
            });
        if let Some(OwnAuthority {
            grant,
            key: Some(key),
        }) = &own
            && key.provider != grant.provider
        {
            return Err(self.tampered("key_grants", grant.id.to_string()));
        }

        let minted_by_live_secret = match (token.secret, &secret) {
            (None, _) => true,
            (Some(_), Some(secret)) => !secret.revoked,
            (Some(_), None) => false,
        };
        let is_still_granted = match (token.family, &family, &grant) {
            (None, ..) => true,
            (Some(_), Some(family), Some(grant)) => !family.revoked && !grant.withdrawn,
            (Some(_), ..) => false,
        };
        let has_minter = minted_by_live_secret && is_still_granted;
        if token.revoked || token.expires_at <= self.0.clock.now() || !has_minter {
            return Ok(Lookup::Unknown);
        }
        Ok(Lookup::Found(Box::new(Authority {
            token,
            application,
            addon,
            key,
            own,
            grant,
            organization_limits: organization.limits,
        })))
    }
}
