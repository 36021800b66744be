//! Host applications.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Caller, List, Manage, May, Problem, Search, ShownOnce,
    erasure::{self, ReceiptView},
    fields::Fields,
    issuer::{IssuerView, WantedIssuer},
    limits::WantedForEach,
    permission::right::{
        DeleteApplications, EditAddresses, EditApplications, EditClientSecrets, SeeApplications,
    },
    time::Moment,
};
use crate::{
    ids::{ApplicationId, ClientId, ClientSecretId},
    limits::RowLimits,
    store::{Application, ApplicationChange, Erasing, NewApplication},
};

/// An application to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationCreate)]
pub struct Create {
    /// What people call it.
    pub name: String,
    /// Whether it runs in browsers or on devices and can keep no secret.
    #[serde(default)]
    pub public: bool,
    /// The application beside which it is there for trying things out, if it is.
    pub development_of: Option<String>,
    /// Web origins whose pages may call the proxy, such as `https://shop.example`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Where authorization codes may be sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Address ranges that calls may come from; any, if empty.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The rules that hold for it.
    #[serde(default)]
    pub limits: WantedForEach,
    /// Whose tokens its users may exchange for tokens of this application, if they may.
    pub issuer: Option<WantedIssuer>,
    /// Whether its tokens must be bound to a key of the client (DPoP).
    #[serde(default)]
    pub require_dpop: bool,
}

/// What is to be different about an application; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationUpdate)]
pub struct Update {
    /// What people call it.
    pub name: Option<String>,
    /// The application beside which it is there for trying things out; beside none, if empty.
    pub development_of: Option<String>,
    /// Web origins whose pages may call the proxy.
    pub origins: Option<Vec<String>>,
    /// Where authorization codes may be sent.
    pub redirect_uris: Option<Vec<String>>,
    /// Address ranges that calls may come from; any, if empty.
    pub addresses: Option<Vec<String>>,
    /// The rules that hold for it, in place of those it has.
    pub limits: Option<WantedForEach>,
    /// Whose tokens its users may exchange for tokens of this application.
    pub issuer: Option<WantedIssuer>,
    /// Whether its tokens must be bound to a key of the client (DPoP).
    pub require_dpop: Option<bool>,
}

/// An application.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApplicationView {
    /// Its id.
    pub application_id: ApplicationId,
    /// What it is called in addresses and at the token endpoint.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// Whether it can keep no secret.
    pub public: bool,
    /// The application beside which it is there for trying things out, if it is.
    pub development_of: Option<ApplicationId>,
    /// Web origins whose pages may call the proxy.
    pub origins: Vec<String>,
    /// Where authorization codes may be sent.
    pub redirect_uris: Vec<String>,
    /// Address ranges that calls may come from; any, if empty.
    pub addresses: Vec<String>,
    /// The rules that hold for it.
    pub limits: RowLimits,
    /// Whose tokens its users may exchange for tokens of this application.
    pub issuer: Option<IssuerView>,
    /// Whether its tokens must be bound to a key of the client (DPoP).
    pub require_dpop: bool,
    /// Whether it is refused everything.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Moment,
}

/// An application that was just made. The one view that holds its client secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApplicationView {
    /// The application.
    #[serde(flatten)]
    pub application: ApplicationView,
    /// The client secret, shown this once; none for a public application.
    pub client_secret: Option<ShownOnce>,
    /// The client secret's id.
    pub secret_id: Option<ClientSecretId>,
}

/// What goes with an application when it is deleted, in counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct BelongingsView {
    /// Development applications; the other counts include what belongs to them.
    pub development_applications: u64,
    /// Keys.
    pub keys: u64,
    /// Keys that end users brought, whom the application alone knows.
    pub own_keys: u64,
    /// AddOns.
    pub addons: u64,
    /// Client secrets, revoked ones included.
    pub client_secrets: u64,
    /// Access tokens that have not ended.
    pub access_tokens: u64,
}

/// Makes an application. Its client secret is in this view and in no other.
pub async fn create(
    manage: &Manage,
    caller: &May<EditApplications>,
    wanted: Create,
) -> Result<NewApplicationView, Problem> {
    let mut fields = Fields::default();
    let new = NewApplication {
        name: fields.title("name", &wanted.name),
        public: wanted.public,
        development_of: main(&mut fields, wanted.development_of.as_deref()),
        origins: fields.origins("origins", &wanted.origins),
        redirect_uris: fields.redirect_uris("redirect_uris", &wanted.redirect_uris),
        addresses: fields.ranges("addresses", &wanted.addresses),
        limits: wanted.limits.read(&mut fields),
        issuer: wanted
            .issuer
            .and_then(|issuer| issuer.read(manage, &mut fields)),
        require_dpop: wanted.require_dpop,
    };
    if new.public && wanted.redirect_uris.is_empty() {
        fields.wrong(
            "redirect_uris",
            "a public application needs at least one redirect address",
        );
    }
    fields.finish()?;
    let made = manage
        .custody()
        .create_application(caller.actor, caller.organization, new)
        .await?;
    let (application, secret) = made;
    let (secret_id, client_secret) = secret
        .map(|(row, token)| (row.id, ShownOnce::from(token)))
        .unzip();
    Ok(NewApplicationView {
        application: application.into(),
        client_secret,
        secret_id,
    })
}

/// The organization's applications.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeApplications>,
    search: &Search,
) -> Result<List<ApplicationView>, Problem> {
    let page = search.page::<ApplicationId>()?;
    let store = manage.store();
    let listed = store.applications(caller.organization, &page).await?;
    let next = listed.next();
    let data = listed.rows.into_iter().map(ApplicationView::from).collect();
    Ok(List::sorted(data, &page, next))
}

/// One application.
pub async fn show(
    manage: &Manage,
    caller: &May<SeeApplications>,
    id: ApplicationId,
) -> Result<ApplicationView, Problem> {
    let application = manage.store().application(caller.organization, id).await?;
    Ok(application.into())
}

/// Changes an application. Whence calls may come, and whose word is taken of its users, is changed by
/// someone who proved anew who they are.
pub async fn update(
    manage: &Manage,
    caller: &May<EditApplications>,
    id: ApplicationId,
    wanted: Update,
) -> Result<ApplicationView, Problem> {
    let mut fields = Fields::default();
    let change = ApplicationChange {
        name: wanted.name.map(|name| fields.title("name", &name)),
        development_of: wanted
            .development_of
            .map(|id| main(&mut fields, Some(id.as_str()))),
        origins: wanted.origins.map(|all| fields.origins("origins", &all)),
        redirect_uris: wanted
            .redirect_uris
            .map(|all| fields.redirect_uris("redirect_uris", &all)),
        addresses: wanted.addresses.map(|all| fields.ranges("addresses", &all)),
        limits: wanted.limits.map(|limits| limits.read(&mut fields)),
        issuer: wanted.issuer.map(|issuer| issuer.read(manage, &mut fields)),
        require_dpop: wanted.require_dpop,
        disabled: None,
    };
    fields.finish()?;
    let old = manage.store().application(caller.organization, id).await?;
    if change
        .addresses
        .as_ref()
        .is_some_and(|new| old.addresses != *new)
    {
        caller.may::<EditAddresses>(manage).await?;
    }
    // Who may speak for its users can do what a client secret can.
    if change.issuer.as_ref().is_some_and(|new| old.issuer != *new) {
        caller.may::<EditClientSecrets>(manage).await?;
    }
    changed(manage, caller, id, change).await
}

/// Refuses every call of an application, or lets them pass again. Running streams end.
pub async fn set_disabled(
    manage: &Manage,
    caller: &May<EditApplications>,
    id: ApplicationId,
    disabled: bool,
) -> Result<ApplicationView, Problem> {
    let change = ApplicationChange {
        disabled: Some(disabled),
        ..ApplicationChange::default()
    };
    changed(manage, caller, id, change).await
}

/// What belongs to an application, and would go with it.
pub async fn belongings(
    manage: &Manage,
    caller: &May<SeeApplications>,
    id: ApplicationId,
) -> Result<BelongingsView, Problem> {
    let found = manage.store().belongings(caller.organization, id).await?;
    Ok(BelongingsView {
        development_applications: found.development_applications,
        keys: found.keys,
        own_keys: found.own_keys,
        addons: found.addons,
        client_secrets: found.client_secrets,
        access_tokens: found.access_tokens,
    })
}

/// Deletes an application with its keys, AddOns, client secrets and access tokens. Its calls end;
/// what was used stays in the books. Nothing brings it back.
pub async fn remove(
    manage: &Manage,
    caller: &May<DeleteApplications>,
    id: ApplicationId,
) -> Result<ReceiptView, Problem> {
    let erasing = Erasing::Application(caller.organization, id);
    erasure::erase(manage, caller, erasing).await
}

/// The application that is to be the main one, if one is.
fn main(fields: &mut Fields, id: Option<&str>) -> Option<ApplicationId> {
    let id = id.filter(|id| !id.is_empty())?;
    fields.parse("development_of", id, "an application's id")
}

async fn changed(
    manage: &Manage,
    caller: &Caller,
    id: ApplicationId,
    change: ApplicationChange,
) -> Result<ApplicationView, Problem> {
    let store = manage.store();
    let application = store
        .update_application(caller.actor, caller.organization, id, change)
        .await?;
    Ok(application.into())
}

impl From<Application> for ApplicationView {
    fn from(application: Application) -> Self {
        let addresses = application.addresses.iter();
        Self {
            application_id: application.id,
            client_id: application.client_id,
            name: application.name,
            public: application.public,
            development_of: application.development_of,
            addresses: addresses.map(ToString::to_string).collect(),
            origins: application.origins,
            redirect_uris: application.redirect_uris,
            limits: application.limits,
            issuer: application.issuer.map(IssuerView::from),
            require_dpop: application.require_dpop,
            disabled: application.disabled,
            created_at: Moment(application.created_at),
        }
    }
}
