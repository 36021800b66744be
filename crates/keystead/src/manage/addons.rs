//! AddOns: what an application's users may do with a key.

use std::collections::{HashMap, HashSet};

use keystead_providers::{About, Access, AddOnType};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Caller, List, Manage, May, Object as _, Problem, Search,
    fields::Fields,
    limits::WantedForEach,
    permission::right::{EditAddOns, SeeAddOns},
    time::Moment,
};
use crate::{
    ids::{AddOnId, ApplicationId, Handle, KeyId},
    limits::RowLimits,
    store::{AddOn, AddOnChange, Application, Key, KeySource, NewAddOn, Operations, StoreError},
};

/// An AddOn to be installed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AddOnInstall)]
pub struct Install {
    /// The application it is for.
    pub application_id: String,
    /// What it is called in addresses, unique within the application.
    pub handle: String,
    /// `text`, `translation`, `image`, `alt-text` or `any`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The key that it uses. Only with the key source `user` may it be left out.
    pub key_id: Option<String>,
    /// Whose key it uses: `application` (which is what holds if it is left out), `user` or
    /// `user-then-application`.
    pub key_source: Option<String>,
    /// The provider that its users bring keys for, where it has no key that says so.
    pub provider: Option<String>,
    /// Models that it may use; any, if empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// Operations that it may use.
    pub operations: Option<WantedOperations>,
    /// Gated features that are open to it.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Whether fields and betas that Keystead does not know are refused.
    #[serde(default)]
    pub strict: bool,
    /// The rules that hold for it.
    #[serde(default)]
    pub limits: WantedForEach,
}

/// What is to be different about an AddOn; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AddOnUpdate)]
pub struct Update {
    /// What it is called in addresses; clients that call the old one find nothing any more.
    pub handle: Option<String>,
    /// `text`, `translation`, `image`, `alt-text` or `any`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The key that it uses.
    pub key_id: Option<String>,
    /// Whose key it uses: `application`, `user` or `user-then-application`.
    pub key_source: Option<String>,
    /// The provider that its users bring keys for, where it has no key that says so.
    pub provider: Option<String>,
    /// Models that it may use; any, if empty.
    pub models: Option<Vec<String>>,
    /// Operations that it may use.
    pub operations: Option<WantedOperations>,
    /// Gated features that are open to it.
    pub allow: Option<Vec<String>>,
    /// Whether fields and betas that Keystead does not know are refused.
    pub strict: Option<bool>,
    /// The rules that hold for it, in place of those it has.
    pub limits: Option<WantedForEach>,
}

/// `"default"`, `"all"`, or a list of names.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum WantedOperations {
    /// `default`, `all`, or one name.
    Word(String),
    /// These.
    Names(Vec<String>),
}

/// Which AddOns are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those of this application.
    pub application_id: Option<String>,
    /// What the rows must have in their names or ids, in upper or lower case.
    pub q: Option<String>,
    /// In which order: `newest` first, which it is if left out, `oldest` first, or by `name`.
    pub sort: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An AddOn.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddOnView {
    /// Its id.
    pub addon_id: AddOnId,
    /// The application it is installed for.
    pub application_id: ApplicationId,
    /// What it is called in addresses.
    pub handle: Handle,
    /// What it is for; narrows the operations.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The key that it uses; none once that was deleted.
    pub key_id: Option<KeyId>,
    /// The provider of that key, or of the keys that its users bring.
    pub provider: Option<String>,
    /// Whose key it uses.
    pub key_source: KeySource,
    /// Models that it may use; any, if empty.
    pub models: Vec<String>,
    /// Operations that it may use: `default`, `all`, or a list of names.
    pub operations: OperationsView,
    /// Gated features that are open to it.
    pub allow: Vec<String>,
    /// Whether fields and betas that Keystead does not know are refused.
    pub strict: bool,
    /// The rules that hold for it.
    pub limits: RowLimits,
    /// Whether it is refused everything.
    pub disabled: bool,
    /// The base URL as the provider's official SDK wants it.
    pub base_url: Option<String>,
    /// When it was made.
    pub created_at: Moment,
}

/// `"default"`, `"all"`, or a list of names.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OperationsView {
    /// `default` or `all`.
    Word(&'static str),
    /// These.
    Names(Vec<String>),
}

/// Activates an AI capability. The answer says which base URL the provider's SDK wants.
pub async fn install(
    manage: &Manage,
    caller: &May<EditAddOns>,
    wanted: Install,
) -> Result<AddOnView, Problem> {
    let mut fields = Fields::default();
    let application = fields.parse(
        "application_id",
        &wanted.application_id,
        "an application's id",
    );
    let key_id: Option<KeyId> = wanted
        .key_id
        .as_deref()
        .and_then(|id| fields.parse("key_id", id, "a key's id"));
    let handle = fields.parse("handle", &wanted.handle, HANDLES);
    let kind = kind(&mut fields, &wanted.kind);
    let source = wanted.key_source.as_deref().unwrap_or("application");
    let key_source = fields.parse("key_source", source, KEY_SOURCES);
    let models = fields.words("models", &wanted.models);
    let provider = known_provider(&mut fields, wanted.provider);
    if wanted.key_id.is_none() && key_source.is_some_and(|source| source != KeySource::User) {
        fields.wrong(
            "key_id",
            "an AddOn that uses the application's key names it",
        );
    }
    let (Some(application), Some(handle), Some(kind), Some(key_source)) =
        (application, handle, kind, key_source)
    else {
        return Err(fields.finish().expect_err("a missing value left an error"));
    };

    let application = manage
        .store()
        .application(caller.organization, application)
        .await?;
    let key = match key_id {
        Some(id) => Some(manage.store().key(caller.organization, id).await?),
        None => None,
    };
    let about = about_of(key.as_ref(), provider.as_deref());
    let operations = operations(&mut fields, about, wanted.operations);
    let allow = features(&mut fields, about, wanted.allow);
    let limits = wanted.limits.read(&mut fields);
    fields.finish()?;
    let new = NewAddOn {
        application: application.id,
        handle,
        kind,
        key: key.as_ref().map(|key| key.id),
        key_source,
        provider,
        models,
        operations,
        allow,
        strict: wanted.strict,
        limits,
    };
    let addon = manage
        .store()
        .install_addon(caller.actor, caller.organization, new)
        .await?;
    Ok(view(manage, addon, &application, key.as_ref()))
}

/// Changes an AddOn.
pub async fn update(
    manage: &Manage,
    caller: &May<EditAddOns>,
    id: AddOnId,
    wanted: Update,
) -> Result<AddOnView, Problem> {
    let old = manage.store().addon(caller.organization, id).await?;
    let mut fields = Fields::default();
    let key_id: Option<KeyId> = wanted
        .key_id
        .and_then(|id| fields.parse("key_id", &id, "a key's id"));
    let key_source: Option<KeySource> = wanted
        .key_source
        .and_then(|word| fields.parse("key_source", &word, KEY_SOURCES));
    let key = match key_id {
        Some(key) => Some(manage.store().key(caller.organization, key).await?),
        None => key_of(manage, &old).await?,
    };
    let provider = known_provider(&mut fields, wanted.provider);
    let named = provider.as_deref().or(old.provider.as_deref());
    let about = about_of(key.as_ref(), named);
    let change = AddOnChange {
        key: key_id,
        key_source,
        provider,
        models: wanted.models.map(|models| fields.words("models", &models)),
        operations: wanted
            .operations
            .map(|all| operations(&mut fields, about, Some(all))),
        allow: wanted
            .allow
            .map(|allow| features(&mut fields, about, allow)),
        strict: wanted.strict,
        limits: wanted.limits.map(|limits| limits.read(&mut fields)),
        disabled: None,
        handle: wanted
            .handle
            .and_then(|handle| fields.parse("handle", &handle, HANDLES)),
        kind: wanted.kind.and_then(|word| kind(&mut fields, &word)),
    };
    fields.finish()?;
    changed(manage, caller, old.id, change).await
}

/// The organization's AddOns.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeAddOns>,
    filter: Filter,
) -> Result<List<AddOnView>, Problem> {
    let application = ApplicationId::named_if_any(filter.application_id.as_deref())?;
    let search = Search {
        q: filter.q,
        sort: filter.sort,
        limit: filter.limit,
        cursor: filter.cursor,
    };
    let page = search.page::<AddOnId>()?;
    let listed = manage
        .store()
        .addons(caller.organization, application, &page)
        .await?;
    let next = listed.next();
    let data = views(manage, caller, listed.rows).await?;
    Ok(List::sorted(data, &page, next))
}

/// One AddOn.
pub async fn show(
    manage: &Manage,
    caller: &May<SeeAddOns>,
    id: AddOnId,
) -> Result<AddOnView, Problem> {
    let addon = manage.store().addon(caller.organization, id).await?;
    view_one(manage, addon).await
}

/// Refuses every call of an AddOn, or lets them pass again. Running streams end.
pub async fn set_disabled(
    manage: &Manage,
    caller: &May<EditAddOns>,
    id: AddOnId,
    disabled: bool,
) -> Result<AddOnView, Problem> {
    let change = AddOnChange {
        disabled: Some(disabled),
        ..AddOnChange::default()
    };
    changed(manage, caller, id, change).await
}

/// Removes an AddOn. Its calls end.
pub async fn remove(manage: &Manage, caller: &May<EditAddOns>, id: AddOnId) -> Result<(), Problem> {
    let store = manage.store();
    store
        .remove_addon(caller.actor, caller.organization, id)
        .await?;
    Ok(())
}

async fn changed(
    manage: &Manage,
    caller: &Caller,
    id: AddOnId,
    change: AddOnChange,
) -> Result<AddOnView, Problem> {
    let addon = manage
        .store()
        .update_addon(caller.actor, caller.organization, id, change)
        .await?;
    view_one(manage, addon).await
}

fn kind(fields: &mut Fields, word: &str) -> Option<AddOnType> {
    let found = AddOnType::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word);
    if found.is_none() {
        let known: Vec<_> = AddOnType::ALL.iter().map(|kind| kind.as_str()).collect();
        fields.wrong("type", format!("expected one of {}", known.join(", ")));
    }
    found
}

fn operations(
    fields: &mut Fields,
    about: Option<&'static About>,
    wanted: Option<WantedOperations>,
) -> Operations {
    let names = match wanted {
        None => return Operations::Default,
        Some(WantedOperations::Word(word)) if word == "default" => return Operations::Default,
        Some(WantedOperations::Word(word)) if word == "all" => return Operations::All,
        Some(WantedOperations::Word(word)) => vec![word],
        Some(WantedOperations::Names(names)) => names,
    };
    let open = about.into_iter().flat_map(|about| &about.operations);
    let mut known: Vec<_> = open
        .filter(|one| one.access != Access::Denied)
        .map(|one| one.name)
        .collect();
    known.sort_unstable();
    known.dedup();
    for (index, name) in names.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let detail = format!("expected `default`, `all` or some of: {}", known.join(", "));
            fields.wrong(&format!("operations/{index}"), detail);
        }
    }
    if names.is_empty() {
        fields.wrong(
            "operations",
            "must name at least one, or be `default` or `all`",
        );
    }
    Operations::Named(names)
}

/// Features of any provider: the key may be exchanged for another provider's later.
fn features(fields: &mut Fields, about: Option<&'static About>, allow: Vec<String>) -> Vec<String> {
    let own = about.map(About::features).unwrap_or_default();
    let is_known = |name: &String| {
        let of_any = || {
            keystead_providers::ALL
                .iter()
                .any(|one| one.about().features().contains(&name.as_str()))
        };
        own.contains(&name.as_str()) || of_any()
    };
    for (index, name) in allow.iter().enumerate() {
        if !is_known(name) {
            let detail = format!("no such feature; this provider has: {}", own.join(", "));
            fields.wrong(&format!("allow/{index}"), detail);
        }
    }
    allow
}

pub(super) fn about(key: &Key) -> Option<&'static About> {
    keystead_providers::by_name(&key.provider).map(|provider| provider.about())
}

/// What is known of the provider of an AddOn: its key's, or the one that its users bring keys for.
fn about_of(key: Option<&Key>, named: Option<&str>) -> Option<&'static About> {
    let name = key.map(|key| key.provider.as_str()).or(named)?;
    keystead_providers::by_name(name).map(|provider| provider.about())
}

/// A provider's name.
fn known_provider(fields: &mut Fields, name: Option<String>) -> Option<String> {
    let name = name?;
    if keystead_providers::by_name(&name).is_none() {
        let all = keystead_providers::ALL.iter();
        let known: Vec<_> = all.map(|one| one.about().name).collect();
        fields.wrong("provider", format!("expected one of {}", known.join(", ")));
    }
    Some(name)
}

/// AddOns as they are shown; their applications and keys are asked for in two statements.
async fn views(
    manage: &Manage,
    caller: &Caller,
    addons: Vec<AddOn>,
) -> Result<Vec<AddOnView>, Problem> {
    let (store, organization) = (manage.store(), caller.organization);
    let of: HashSet<_> = addons.iter().map(|addon| addon.application).collect();
    let by: HashSet<_> = addons.iter().filter_map(|addon| addon.key).collect();
    let (of, by): (Vec<_>, Vec<_>) = (of.into_iter().collect(), by.into_iter().collect());
    let applications = store.applications_with_ids(organization, &of).await?;
    let keys = store.keys_with_ids(organization, &by).await?;
    let applications: HashMap<_, _> = applications.iter().map(|one| (one.id, one)).collect();
    let keys: HashMap<_, _> = keys.iter().map(|one| (one.id, one)).collect();
    // One whose application was deleted meanwhile is gone too.
    let shown = addons.into_iter().filter_map(|addon| {
        let application = applications.get(&addon.application)?;
        let key = addon.key.and_then(|id| keys.get(&id).copied());
        Some(view(manage, addon, application, key))
    });
    Ok(shown.collect())
}

async fn view_one(manage: &Manage, addon: AddOn) -> Result<AddOnView, Problem> {
    let application = manage
        .store()
        .application(addon.organization, addon.application)
        .await?;
    let key = key_of(manage, &addon).await?;
    Ok(view(manage, addon, &application, key.as_ref()))
}

/// The key of an AddOn, unless it was deleted.
pub(super) async fn key_of(manage: &Manage, addon: &AddOn) -> Result<Option<Key>, Problem> {
    let Some(id) = addon.key else { return Ok(None) };
    match manage.store().key(addon.organization, id).await {
        Ok(key) => Ok(Some(key)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn view(manage: &Manage, addon: AddOn, application: &Application, key: Option<&Key>) -> AddOnView {
    // Each SDK appends its paths to another part of the address.
    let about = about_of(key, addon.provider.as_deref());
    let base_url = about.map(|about| {
        let path = format!("/proxy/{}/{}", application.client_id, addon.handle);
        manage.0.public_url.join(&(path + about.sdk_base_path))
    });
    AddOnView {
        addon_id: addon.id,
        application_id: addon.application,
        handle: addon.handle,
        kind: addon.kind.as_str(),
        key_id: key.map(|key| key.id),
        provider: about.map(|about| about.name.to_owned()),
        key_source: addon.key_source,
        models: addon.models,
        operations: match addon.operations {
            Operations::Default => OperationsView::Word("default"),
            Operations::All => OperationsView::Word("all"),
            Operations::Named(names) => OperationsView::Names(names),
        },
        allow: addon.allow,
        strict: addon.strict,
        limits: addon.limits,
        disabled: addon.disabled,
        base_url,
        created_at: Moment(addon.created_at),
    }
}

const HANDLES: &str = "1 to 64 lower-case letters, digits and hyphens, no hyphen first";
const KEY_SOURCES: &str = "application, user or user-then-application";
