//! Host applications.

use std::net::IpAddr;

use ipnet::IpNet;
use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{
    AuthorityRow, Changing, Columns, Listed, Organization, Page, Place, Placed, Store, StoreError,
    Unfit, page::ListRow, row, row::json_list,
};
use crate::{
    audit::{Action, Actor, Event},
    clock::Timestamp,
    ids::{ApplicationId, ClientId, OrganizationId},
    limits::RowLimits,
};

/// A host application: what mints tokens for its users, and what AddOns are installed for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// The tenant.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it is called in URLs and at the token endpoint.
    pub client_id: ClientId,
    /// Whether it runs in browsers, where it can keep no secret.
    pub public: bool,
    /// The application beside which it is there for trying things out.
    pub development_of: Option<ApplicationId>,
    /// Web origins that may call the proxy with its tokens.
    pub origins: Vec<String>,
    /// Where authorization codes may be sent, character for character.
    pub redirect_uris: Vec<String>,
    /// Address ranges that calls may come from; empty means any.
    pub addresses: Vec<IpNet>,
    /// Whether it is refused everything.
    pub disabled: bool,
    /// The secret of its subject hashes, sealed under the organization's key.
    pub(crate) pepper_record: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The rules that hold for it, each of its end users and each client address.
    pub limits: RowLimits,
    /// Whose tokens its users may exchange for ones of its own.
    pub issuer: Option<TrustedIssuer>,
    /// Whether its tokens must be bound to a key of the client.
    pub require_dpop: bool,
    /// Version of the row.
    pub row_version: i64,
}

/// Who says who an application's users are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedIssuer {
    /// The issuer's name, which is its address, to the letter.
    pub name: String,
    /// What its tokens for this application say that they are for.
    pub audience: String,
    /// Where its keys are; `None` where its discovery document says so.
    pub jwks: Option<String>,
}

/// An application to be made.
#[derive(Clone, Debug, Default)]
pub struct NewApplication {
    /// What people call it.
    pub name: String,
    /// Whether it runs in browsers; then it gets no client secret.
    pub public: bool,
    /// The application beside which it is there for trying things out.
    pub development_of: Option<ApplicationId>,
    /// Web origins that may call the proxy with its tokens.
    pub origins: Vec<String>,
    /// Where authorization codes may be sent.
    pub redirect_uris: Vec<String>,
    /// Address ranges that calls may come from; empty means any.
    pub addresses: Vec<IpNet>,
    /// The rules that hold for it.
    pub limits: RowLimits,
    /// Whose tokens its users may exchange.
    pub issuer: Option<TrustedIssuer>,
    /// Whether its tokens must be bound to a key of the client.
    pub require_dpop: bool,
}

/// What is to become different about an application; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ApplicationChange {
    /// A new name.
    pub name: Option<String>,
    /// Beside which application it is to be a development application, or `None` beside none.
    pub development_of: Option<Option<ApplicationId>>,
    /// Other origins.
    pub origins: Option<Vec<String>>,
    /// Other redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// Other address ranges.
    pub addresses: Option<Vec<IpNet>>,
    /// Other rules.
    pub limits: Option<RowLimits>,
    /// Another issuer whose tokens may be exchanged, or `None` for none.
    pub issuer: Option<Option<TrustedIssuer>>,
    /// Whether its tokens must be bound from now on.
    pub require_dpop: Option<bool>,
    /// Disabled or enabled.
    pub disabled: Option<bool>,
}

impl AuthorityRow for Application {
    const TABLE: &'static str = "applications";
    const COLUMNS: &'static str = "id, organization_id, name, client_id, public, origins, \
        redirect_uris, addresses, disabled, pepper_record, created_at, limits, development_of, issuer, issuer_audience, \
        issuer_jwks, require_dpop, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            name: columns.text()?,
            client_id: columns.parsed()?,
            public: columns.flag()?,
            origins: columns.list()?,
            redirect_uris: columns.list()?,
            addresses: columns.list()?,
            disabled: columns.flag()?,
            pepper_record: columns.bytes()?,
            created_at: columns.time()?,
            limits: columns.limits()?,
            development_of: columns.optional_parsed()?,
            issuer: TrustedIssuer::read(columns)?,
            require_dpop: columns.flag()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let addresses: Vec<String> = self.addresses.iter().map(IpNet::to_string).collect();
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.name)
            .text(&self.client_id.to_string())
            .flag(self.public)
            .list(self.origins.iter().map(String::as_str))
            .list(self.redirect_uris.iter().map(String::as_str))
            .list(addresses.iter().map(String::as_str))
            .flag(self.disabled)
            .bytes(&self.pepper_record)
            .number(self.created_at.as_micros());
        let row = row::with_limits(row, &self.limits);
        // Named, so that limits can't be taken for it; and only if it is one, so that applications
        // from before there were any keep their MACs.
        let mut row = match self.development_of {
            Some(main) => row.text("development_of").text(&main.to_string()),
            None => row,
        };
        if let Some(issuer) = &self.issuer {
            row = row.text("issuer").text(&issuer.name).text(&issuer.audience);
            row = match &issuer.jwks {
                Some(jwks) => row.text(jwks),
                None => row.none(),
            };
        }
        match self.require_dpop {
            true => row.text("require_dpop"),
            false => row,
        }
    }
}

impl TrustedIssuer {
    fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, Unfit> {
        let (name, audience) = (columns.optional_text()?, columns.optional_text()?);
        let jwks = columns.optional_text()?;
        match (name, audience, jwks) {
            (Some(name), Some(audience), jwks) => Ok(Some(Self {
                name,
                audience,
                jwks,
            })),
            (None, None, None) => Ok(None),
            _ => Err(Unfit),
        }
    }

    /// The three columns that it lies in.
    fn columns(issuer: Option<&Self>) -> [Option<&str>; 3] {
        [
            issuer.map(|issuer| issuer.name.as_str()),
            issuer.map(|issuer| issuer.audience.as_str()),
            issuer.and_then(|issuer| issuer.jwks.as_deref()),
        ]
    }
}

impl Application {
    /// Whether its calls and its requests for tokens may come from an address.
    pub fn takes_calls_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.is_empty() || self.addresses.iter().any(|range| range.contains(&address))
    }
}

impl Placed for Application {
    fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            id: self.id.to_string(),
        }
    }
}

impl ListRow for Application {
    const NAME: &'static str = "name";
    const SEARCHED: &'static [&'static str] = &["name", "client_id"];
}

impl Store {
    /// An application of an organization.
    pub async fn application(
        &self,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<Application, StoreError> {
        let row = sqlx::query(row::select::<Application>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("application", &id))?;
        self.checked(&row)
    }

    /// An application and its organization, of one moment.
    pub(crate) async fn application_and_organization(
        &self,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<(Application, Organization), StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM applications a JOIN organizations o ON o.id = a.organization_id
             WHERE a.organization_id = $1 AND a.id = $2",
            row::qualified::<Application>("a"),
            row::qualified::<Organization>("o"),
        )))
        .bind(organization.to_string())
        .bind(id.to_string())
        .fetch_optional(&self.0.read)
        .await?
        .ok_or_else(|| StoreError::not_found("application", &id))?;
        let mut columns = Columns::of(&row);
        let application = self.checked_next(&mut columns)?;
        Ok((application, self.checked_next(&mut columns)?))
    }

    /// The application of a client id, whoever's it is: the token endpoint knows no tenant yet.
    pub async fn application_by_client_id(
        &self,
        client_id: &ClientId,
    ) -> Result<Option<Application>, StoreError> {
        let row = sqlx::query(row::select::<Application>("WHERE client_id = $1"))
            .bind(client_id.to_string())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// Whether a public application lists this web origin: a preflight at the token endpoint does not
    /// say which application it is for.
    pub async fn is_origin_of_public_application(&self, origin: &str) -> Result<bool, StoreError> {
        // Found by its JSON text, and then looked at: LIKE is not the same in both databases.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:/-[]".contains(&byte);
        if !origin.bytes().all(plain) {
            return Ok(false);
        }
        let rows = sqlx::query(row::select::<Application>(
            "WHERE public = 1 AND disabled = 0 AND origins LIKE $1",
        ))
        .bind(format!("%\"{origin}\"%"))
        .fetch_all(&self.0.read)
        .await?;
        for row in &rows {
            let application: Application = self.checked(row)?;
            if application.origins.iter().any(|known| known == origin) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those of these applications that the organization has, in no order.
    pub async fn applications_with_ids(
        &self,
        organization: OrganizationId,
        ids: &[ApplicationId],
    ) -> Result<Vec<Application>, StoreError> {
        self.with_ids(organization, ids).await
    }

    /// An organization's applications.
    pub async fn applications(
        &self,
        organization: OrganizationId,
        page: &Page,
    ) -> Result<Listed<Application>, StoreError> {
        let scope = [("organization_id", organization.to_string())];
        self.list(&scope, page).await
    }

    /// Changes an application. Disabling it ends its running streams.
    pub async fn update_application(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: ApplicationId,
        change: ApplicationChange,
    ) -> Result<Application, StoreError> {
        let mut changing = self.change().await?;
        let mut application = self
            .application_now(&mut changing, organization, id)
            .await?;
        let was_disabled = application.disabled;

        if let Some(main) = change.development_of.flatten() {
            self.require_main(&mut changing, organization, id, main)
                .await?;
        }
        application.name = change.name.unwrap_or(application.name);
        application.development_of = change.development_of.unwrap_or(application.development_of);
        application.origins = change.origins.unwrap_or(application.origins);
        application.redirect_uris = change.redirect_uris.unwrap_or(application.redirect_uris);
        application.addresses = change.addresses.unwrap_or(application.addresses);
        application.limits = change.limits.unwrap_or(application.limits);
        application.issuer = change.issuer.unwrap_or(application.issuer);
        application.require_dpop = change.require_dpop.unwrap_or(application.require_dpop);
        application.disabled = change.disabled.unwrap_or(application.disabled);
        application.row_version += 1;

        let [issuer, audience, jwks] = TrustedIssuer::columns(application.issuer.as_ref());
        sqlx::query(
            "UPDATE applications SET name = $1, origins = $2, redirect_uris = $3, addresses = $4,
                 disabled = $5, limits = $6, development_of = $7, issuer = $8,
                 issuer_audience = $9, issuer_jwks = $10, require_dpop = $11, row_version = $12,
                 mac = $13
             WHERE organization_id = $14 AND id = $15",
        )
        .bind(&application.name)
        .bind(json_list(&application.origins))
        .bind(json_list(&application.redirect_uris))
        .bind(json_list(&application.addresses))
        .bind(i64::from(application.disabled))
        .bind(application.limits.to_column())
        .bind(application.development_of.map(|main| main.to_string()))
        .bind(issuer)
        .bind(audience)
        .bind(jwks)
        .bind(i64::from(application.require_dpop))
        .bind(application.row_version)
        .bind(self.tag(&application)?)
        .bind(organization.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;

        let action = match (was_disabled, application.disabled) {
            (false, true) => Action::ApplicationDisabled,
            (true, false) => Action::ApplicationEnabled,
            _ => Action::ApplicationUpdated,
        };
        match application.disabled && !was_disabled {
            true => changing.cut(&id),
            false => changing.forget(&id),
        }
        let event = Event::new(actor, action, &id);
        changing
            .commit(event.within(organization).version(application.row_version))
            .await?;
        Ok(application)
    }

    /// Fails unless `main` can have `id` as its development application: it is another application of
    /// the organization and no development application itself, and `id` has none of its own.
    pub(crate) async fn require_main(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        id: ApplicationId,
        main: ApplicationId,
    ) -> Result<(), StoreError> {
        let found = self.application_now(changing, organization, main).await?;
        let has_own: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM applications WHERE development_of = $1")
                .bind(id.to_string())
                .fetch_one(changing.connection())
                .await?;
        match main != id && found.development_of.is_none() && has_own == 0 {
            true => Ok(()),
            false => Err(StoreError::Conflict {
                code: "not_a_main_application",
                reason: "a development application belongs to one that is not one itself"
                    .to_owned(),
            }),
        }
    }

    /// An application as it is at this point of a change.
    pub(crate) async fn application_now(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<Application, StoreError> {
        let row = sqlx::query(row::select::<Application>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("application", &id))?;
        self.checked(&row)
    }

    pub(crate) async fn insert_application(
        &self,
        connection: &mut AnyConnection,
        application: &Application,
    ) -> Result<(), StoreError> {
        let [issuer, audience, jwks] = TrustedIssuer::columns(application.issuer.as_ref());
        sqlx::query(
            "INSERT INTO applications (id, organization_id, name, client_id, public, origins,
                 redirect_uris, addresses, disabled, pepper_record, created_at, limits,
                 development_of, issuer, issuer_audience, issuer_jwks, require_dpop, row_version,
                 mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19)",
        )
        .bind(application.id.to_string())
        .bind(application.organization.to_string())
        .bind(&application.name)
        .bind(application.client_id.to_string())
        .bind(i64::from(application.public))
        .bind(json_list(&application.origins))
        .bind(json_list(&application.redirect_uris))
        .bind(json_list(&application.addresses))
        .bind(i64::from(application.disabled))
        .bind(application.pepper_record.as_slice())
        .bind(application.created_at.as_micros())
        .bind(application.limits.to_column())
        .bind(application.development_of.map(|main| main.to_string()))
        .bind(issuer)
        .bind(audience)
        .bind(jwks)
        .bind(i64::from(application.require_dpop))
        .bind(application.row_version)
        .bind(self.tag(application)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

const BY_ID: &str = "WHERE organization_id = $1 AND id = $2";
