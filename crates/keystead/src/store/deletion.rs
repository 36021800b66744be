//! The end of an application, with everything that belongs to it.

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    AccessToken, AddOn, Application, AuthorityRow, Changing, ClientSecret, Code, ConnectLink,
    Consent, ConsentText, Decoy, Family, Grant, Key, KeyGrant, RefreshToken, Store, StoreError,
};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{ApplicationId, OrganizationId},
};

/// What belongs to an application, in counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Belongings {
    /// Development applications; the other counts include what belongs to them.
    pub development_applications: u64,
    /// Keys, disabled ones included.
    pub keys: u64,
    /// Keys that end users brought, whom the application alone knows.
    pub own_keys: u64,
    /// AddOns, disabled ones included.
    pub addons: u64,
    /// Client secrets, revoked ones included.
    pub client_secrets: u64,
    /// Access tokens that have not ended.
    pub access_tokens: u64,
}

impl Store {
    /// What belongs to an application, and to its development applications.
    pub async fn belongings(
        &self,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<Belongings, StoreError> {
        self.application(organization, id).await?;
        let all = "application_id IN (SELECT id FROM applications
                 WHERE organization_id = $1 AND (id = $2 OR development_of = $2))";
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT
                 (SELECT COUNT(*) FROM applications
                  WHERE organization_id = $1 AND development_of = $2),
                 (SELECT COUNT(*) FROM keys WHERE {all}),
                 (SELECT COUNT(*) FROM keys WHERE vault_id IN (SELECT id FROM vaults WHERE {all})),
                 (SELECT COUNT(*) FROM addons WHERE {all}),
                 (SELECT COUNT(*) FROM client_secrets WHERE {all}),
                 (SELECT COUNT(*) FROM tokens WHERE revoked = 0 AND expires_at > $3 AND {all})"
        )))
        .bind(organization.to_string())
        .bind(id.to_string())
        .bind(self.0.clock.now().as_micros())
        .fetch_one(&self.0.read)
        .await?;
        let count = |column: usize| -> Result<u64, StoreError> {
            let count: i64 = row.try_get(column)?;
            Ok(u64::try_from(count).unwrap_or(0))
        };
        Ok(Belongings {
            development_applications: count(0)?,
            keys: count(1)?,
            own_keys: count(2)?,
            addons: count(3)?,
            client_secrets: count(4)?,
            access_tokens: count(5)?,
        })
    }

    /// What belongs to an organization: applications, keys, keys that its end users
    /// brought, AddOns, members, API tokens, and access tokens that have not ended.
    pub async fn organization_belongings(
        &self,
        organization: OrganizationId,
    ) -> Result<[u64; 7], StoreError> {
        let row = sqlx::query(
            "SELECT
                 (SELECT COUNT(*) FROM applications WHERE organization_id = $1),
                 (SELECT COUNT(*) FROM keys WHERE organization_id = $1),
                 (SELECT COUNT(*) FROM keys
                  WHERE vault_id IN (SELECT id FROM vaults WHERE organization_id = $1)),
                 (SELECT COUNT(*) FROM addons WHERE organization_id = $1),
                 (SELECT COUNT(*) FROM members WHERE organization_id = $1),
                 (SELECT COUNT(*) FROM api_tokens WHERE organization_id = $1),
                 (SELECT COUNT(*) FROM tokens
                  WHERE organization_id = $1 AND revoked = 0 AND expires_at > $2)",
        )
        .bind(organization.to_string())
        .bind(self.0.clock.now().as_micros())
        .fetch_one(&self.0.read)
        .await?;
        let mut counts = [0; 7];
        for (place, count) in counts.iter_mut().enumerate() {
            let found: i64 = row.try_get(place)?;
            *count = u64::try_from(found).unwrap_or(0);
        }
        Ok(counts)
    }

    /// Deletes an application with its development applications, keys, AddOns, client secrets and
    /// access tokens. Its calls end; what was used stays in the books.
    pub async fn delete_application(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        self.application_now(&mut changing, organization, id)
            .await?;
        let developing = sqlx::query_scalar::<_, String>(
            "SELECT id FROM applications WHERE organization_id = $1 AND development_of = $2",
        )
        .bind(organization.to_string())
        .bind(id.to_string())
        .fetch_all(changing.connection())
        .await?;
        for own in &developing {
            let (event, _) = delete(&mut changing, actor, organization, own).await?;
            changing
                .audit(event.with(Field::DevelopmentOf, &id))
                .await?;
        }
        let (event, _) = delete(&mut changing, actor, organization, &id.to_string()).await?;
        changing.commit(event).await
    }
}

/// What went with an application.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gone {
    pub(super) keys: u64,
    pub(super) access_tokens: u64,
    pub(super) grants: u64,
    pub(super) consents: u64,
}

/// Deletes one application and what is its own; what is to be audited of itself.
pub(super) async fn delete(
    changing: &mut Changing,
    actor: Actor,
    organization: OrganizationId,
    id: &str,
) -> Result<(Event, Gone), StoreError> {
    let mut went = Gone::default();
    // Tokens are logged when they are revoked; these end with the application that is cut.
    for table in [
        Code::TABLE,
        RefreshToken::TABLE,
        Family::TABLE,
        AccessToken::TABLE,
        ConnectLink::TABLE,
    ] {
        let count = remove(changing, organization, table, "application_id", id).await?;
        if table == AccessToken::TABLE {
            went.access_tokens = count;
        }
    }
    for (table, action) in [
        (AddOn::TABLE, Action::AddOnRemoved),
        (Key::TABLE, Action::KeyDeleted),
        (ClientSecret::TABLE, Action::ClientSecretDeleted),
        (Grant::TABLE, Action::GrantDeleted),
        (Consent::TABLE, Action::ConsentDeleted),
        (ConsentText::TABLE, Action::ConsentTextDeleted),
        (KeyGrant::TABLE, Action::KeyGrantDeleted),
        (Decoy::TABLE, Action::DecoyRemoved),
    ] {
        let gone = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE organization_id = $1 AND application_id = $2 RETURNING id"
        )))
        .bind(organization.to_string())
        .bind(id)
        .fetch_all(changing.connection())
        .await?;
        match table {
            Key::TABLE => went.keys = gone.len() as u64,
            Grant::TABLE | KeyGrant::TABLE => went.grants += gone.len() as u64,
            Consent::TABLE => went.consents = gone.len() as u64,
            _ => {}
        }
        for object in &gone {
            changing.cut(object);
            let event = Event::new(actor, action, object).within(organization);
            let event = event.gone();
            changing
                .audit(match id.parse::<ApplicationId>() {
                    Ok(application) => event.with(Field::Application, &application),
                    Err(_) => event,
                })
                .await?;
        }
    }
    went.keys += erase_vaults(changing, actor, organization, id).await?;
    for table in ["bindings", "address_ranges"] {
        remove(changing, organization, table, "application_id", id).await?;
    }
    remove(changing, organization, Application::TABLE, "id", id).await?;
    changing.cut(&id);
    let event = Event::new(actor, Action::ApplicationDeleted, &id);
    Ok((event.within(organization).gone(), went))
}

/// Deletes the vaults of an application's own end users, with the keys in them, and says how many keys:
/// nobody else knows them. An account's vault is the account's, and stays.
async fn erase_vaults(
    changing: &mut Changing,
    actor: Actor,
    organization: OrganizationId,
    application: &str,
) -> Result<u64, StoreError> {
    let there = "SELECT id FROM vaults WHERE organization_id = $1 AND application_id = $2";
    let keys = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!(
        "DELETE FROM keys WHERE vault_id IN ({there}) RETURNING id"
    )))
    .bind(organization.to_string())
    .bind(application.to_owned())
    .fetch_all(changing.connection())
    .await?;
    for key in &keys {
        changing.cut(key);
        let event = Event::new(actor, Action::KeyDeleted, key);
        changing.audit(event.gone()).await?;
    }
    let vaults = sqlx::query_scalar::<_, String>(
        "DELETE FROM vaults WHERE organization_id = $1 AND application_id = $2 RETURNING id",
    )
    .bind(organization.to_string())
    .bind(application.to_owned())
    .fetch_all(changing.connection())
    .await?;
    for vault in &vaults {
        let event = Event::new(actor, Action::VaultErased, vault);
        changing.audit(event.gone()).await?;
    }
    Ok(keys.len() as u64)
}

async fn remove(
    changing: &mut Changing,
    organization: OrganizationId,
    table: &str,
    column: &str,
    id: &str,
) -> Result<u64, StoreError> {
    let gone = sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM {table} WHERE organization_id = $1 AND {column} = $2"
    )))
    .bind(organization.to_string())
    .bind(id)
    .execute(changing.connection())
    .await?;
    Ok(gone.rows_affected())
}
