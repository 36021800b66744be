//! Provider keys. A key goes in; its last four characters and what the provider thinks of it come
//! out, and nothing else ever.

use std::time::Duration;

use keystead_providers::Provider;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    List, Manage, May, Object as _, Problem, Search, SecretText,
    fields::Fields,
    limits::Wanted,
    permission::right::{EditKeys, ReplaceKeys, SeeKeys},
    time::Moment,
    usage::word,
};
use crate::{
    custody::NewKey,
    ids::{ApplicationId, KeyId},
    limits::RowLimits,
    store::{Key, KeyChange, KeyFilter, KeyState, KeyStatus},
};

/// A key to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyAdd)]
pub struct Add {
    /// The application it is for.
    pub application_id: String,
    /// The provider's name, such as `openai`.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// Where it is sent, for providers whose address is the customer's own.
    pub endpoint: Option<String>,
    /// Whether the provider is not asked about it first.
    #[serde(default)]
    pub skip_check: bool,
    /// The key.
    pub key: SecretText,
}

/// A key that takes another's place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotate)]
pub struct Rotate {
    /// How long the old version is kept for calls that run with it, in seconds; 600 if left out.
    pub overlap_s: Option<u64>,
    /// Whether the provider is not asked about it first.
    #[serde(default)]
    pub skip_check: bool,
    /// The new key.
    pub key: SecretText,
}

/// What is to be different about a key; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyUpdate)]
pub struct Update {
    /// What people call it.
    pub name: Option<String>,
    /// The rules that hold for it, in place of those it has.
    pub limits: Option<Wanted>,
}

/// Which keys are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those of this application.
    pub application_id: Option<String>,
    /// Those of this provider.
    pub provider: Option<String>,
    /// Those of which the provider last said this, and that are not disabled; or `disabled`.
    pub status: Option<String>,
    /// What the rows must have in their names or ids, in upper or lower case.
    pub q: Option<String>,
    /// In which order: `newest` first, which it is if left out, `oldest` first, or by `name`.
    pub sort: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A key, without the key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id.
    pub key_id: KeyId,
    /// The application it belongs to.
    pub application_id: ApplicationId,
    /// The provider's name.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// The one place it is sent to.
    pub destination: String,
    /// Its last four characters, as entered.
    pub last4: String,
    /// What the provider last said of it.
    pub status: KeyStatus,
    /// The version in use.
    pub version: u64,
    /// Whether it is refused to every call.
    pub disabled: bool,
    /// The rules that hold for it.
    pub limits: RowLimits,
    /// When it was made.
    pub created_at: Moment,
    /// When the provider last said so.
    pub checked_at: Option<Moment>,
}

/// A key that was just entered or checked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckedKeyView {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// What is worth knowing about it; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// A key with its versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyDetailView {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// What was entered, rotation by rotation.
    pub versions: Vec<KeyVersionView>,
}

/// One version of a key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyVersionView {
    /// Its number; the first is 1.
    pub version: u64,
    /// When it was entered.
    pub created_at: Moment,
    /// When it goes, after another took its place.
    pub retires_at: Option<Moment>,
}

/// Seals a key. One that the provider refuses is not stored.
pub async fn add(
    manage: &Manage,
    caller: &May<EditKeys>,
    wanted: Add,
) -> Result<CheckedKeyView, Problem> {
    let mut fields = Fields::default();
    let application = fields.parse(
        "application_id",
        &wanted.application_id,
        "an application's id",
    );
    let provider = keystead_providers::by_name(&wanted.provider);
    if provider.is_none() {
        let known: Vec<_> = keystead_providers::ALL
            .iter()
            .map(|one| one.about().name)
            .collect();
        fields.wrong("provider", format!("expected one of {}", known.join(", ")));
    }
    let name = fields.title("name", &wanted.name);
    fields.finish()?;
    let application: ApplicationId = application.expect("finish saw no error of this field");
    let provider = provider.expect("finish saw no error of this field");
    // A typing error in the id must not cost a call to the provider.
    manage
        .store()
        .application(caller.organization, application)
        .await?;

    let entered = manage
        .0
        .entry
        .enter(provider, wanted.key, wanted.endpoint.as_deref())
        .await?;
    let asked = manage
        .0
        .entry
        .ask(provider, &entered, wanted.skip_check)
        .await?;
    let new = NewKey {
        organization: caller.organization,
        application,
        provider: provider.about().name.to_owned(),
        name,
        destination: entered.destination,
        explicit_endpoint: wanted.endpoint.is_some(),
        key: entered.key,
        status: asked.status,
    };
    let key = manage.custody().add_key(caller.actor, new).await?;
    with_notes(key, &[entered.note, asked.note])
}

/// Changes what people call a key, and the rules that hold for it.
pub async fn update(
    manage: &Manage,
    caller: &May<EditKeys>,
    id: KeyId,
    wanted: Update,
) -> Result<KeyView, Problem> {
    let mut fields = Fields::default();
    let change = KeyChange {
        name: wanted.name.map(|name| fields.title("name", &name)),
        limits: wanted.limits.map(|limits| limits.read(&mut fields)),
    };
    fields.finish()?;
    let key = manage
        .store()
        .change_key(caller.actor, caller.organization, id, change)
        .await?;
    KeyView::of(key)
}

/// Puts a new key in a key's place. Calls that start after this answer use it.
pub async fn rotate(
    manage: &Manage,
    caller: &May<ReplaceKeys>,
    id: KeyId,
    wanted: Rotate,
) -> Result<CheckedKeyView, Problem> {
    let overlap = Duration::from_secs(wanted.overlap_s.unwrap_or(OVERLAP_S));
    if overlap > Duration::from_secs(OVERLAP_AT_MOST_S) {
        return Err(Problem::field(
            "overlap_s",
            format!("must be at most {OVERLAP_AT_MOST_S}"),
        ));
    }
    let old = manage.store().key(caller.organization, id).await?;
    let provider = adapter(&old)?;
    let endpoint = old.explicit_endpoint.then(|| old.destination.to_string());
    let entered = manage
        .0
        .entry
        .enter(provider, wanted.key, endpoint.as_deref())
        .await?;
    if old.destination != entered.destination {
        return Err(Problem::DestinationDiffers);
    }
    let asked = manage
        .0
        .entry
        .ask(provider, &entered, wanted.skip_check)
        .await?;
    let key = manage
        .custody()
        .rotate_key(
            caller.actor,
            caller.organization,
            old.id,
            entered.key,
            asked.status,
            overlap,
        )
        .await?;
    with_notes(key, &[entered.note, asked.note])
}

/// Asks the provider about a stored key. The opening is on the audit record first.
pub async fn check(
    manage: &Manage,
    caller: &May<EditKeys>,
    id: KeyId,
) -> Result<CheckedKeyView, Problem> {
    let key = manage.store().key(caller.organization, id).await?;
    let provider = adapter(&key)?;
    let opened = manage
        .custody()
        .open_key(caller.actor, caller.organization, key.id, "check")
        .await?;
    let said = manage
        .0
        .entry
        .verdict(provider, &opened.key, &key.destination);
    let said = said.await;
    drop(opened);
    if said.status != KeyStatus::Unchecked {
        manage
            .store()
            .set_key_status(caller.organization, key.id, said.status)
            .await?;
    }
    let key = manage.store().key(caller.organization, key.id).await?;
    with_notes(key, &[None, said.note])
}

/// The organization's keys.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeKeys>,
    filter: Filter,
) -> Result<List<KeyView>, Problem> {
    let state = match filter.status.as_deref() {
        None => None,
        Some("disabled") => Some(KeyState::Disabled),
        Some(word) => {
            let status = word.parse().map_err(|()| {
                Problem::field("status", "expected `disabled` or a status that keys show")
            })?;
            Some(KeyState::Live(status))
        }
    };
    let wanted = KeyFilter {
        application: ApplicationId::named_if_any(filter.application_id.as_deref())?,
        provider: word("provider", filter.provider)?,
        state,
    };
    let search = Search {
        q: filter.q,
        sort: filter.sort,
        limit: filter.limit,
        cursor: filter.cursor,
    };
    let page = search.page::<KeyId>()?;
    let listed = manage
        .store()
        .keys(caller.organization, &wanted, &page)
        .await?;
    let next = listed.next();
    let data = listed.rows.into_iter().map(KeyView::of);
    let data = data.collect::<Result<_, _>>()?;
    Ok(List::sorted(data, &page, next))
}

/// Those of these keys that there are, in any order.
pub async fn named(
    manage: &Manage,
    caller: &May<SeeKeys>,
    ids: &[KeyId],
) -> Result<Vec<KeyView>, Problem> {
    let found = manage.store().keys_with_ids(caller.organization, ids);
    found.await?.into_iter().map(KeyView::of).collect()
}

/// One key, with its versions.
pub async fn show(
    manage: &Manage,
    caller: &May<SeeKeys>,
    id: KeyId,
) -> Result<KeyDetailView, Problem> {
    let key = manage.store().key(caller.organization, id).await?;
    let versions = manage.store().key_versions(caller.organization, id).await?;
    let versions = versions.into_iter().map(|version| KeyVersionView {
        version: version.n,
        created_at: Moment(version.created_at),
        retires_at: version.retires_at.map(Moment),
    });
    Ok(KeyDetailView {
        key: KeyView::of(key)?,
        versions: versions.collect(),
    })
}

/// Refuses a key to every call, or gives it back. Running streams end.
pub async fn set_disabled(
    manage: &Manage,
    caller: &May<EditKeys>,
    id: KeyId,
    disabled: bool,
) -> Result<KeyView, Problem> {
    let store = manage.store();
    let key = store
        .set_key_disabled(caller.actor, caller.organization, id, disabled)
        .await?;
    KeyView::of(key)
}

/// Deletes a key, its versions with it. Nothing brings it back.
pub async fn remove(manage: &Manage, caller: &May<ReplaceKeys>, id: KeyId) -> Result<(), Problem> {
    let store = manage.store();
    store
        .delete_key(caller.actor, caller.organization, id)
        .await?;
    Ok(())
}

fn adapter(key: &Key) -> Result<&'static dyn Provider, Problem> {
    keystead_providers::by_name(&key.provider).ok_or(Problem::NotFound("provider"))
}

impl KeyView {
    /// A person's own key is nobody else's to see: as if there were none.
    fn of(key: Key) -> Result<Self, Problem> {
        let application = key.owner.application();
        Ok(Self {
            key_id: key.id,
            application_id: application.ok_or(Problem::NotFound("key"))?,
            provider: key.provider,
            name: key.name,
            destination: key.destination.to_string(),
            last4: key.last4,
            status: key.status,
            version: key.version,
            disabled: key.disabled,
            limits: key.limits,
            created_at: Moment(key.created_at),
            checked_at: key.checked_at.map(Moment),
        })
    }
}

fn with_notes(key: Key, notes: &[Option<String>]) -> Result<CheckedKeyView, Problem> {
    let notes: Vec<_> = notes.iter().flatten().map(String::as_str).collect();
    Ok(CheckedKeyView {
        key: KeyView::of(key)?,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    })
}

/// As long as the longest call that may run with the old version (the SDKs wait ten minutes).
const OVERLAP_S: u64 = 600;
const OVERLAP_AT_MOST_S: u64 = 7 * 86_400;
