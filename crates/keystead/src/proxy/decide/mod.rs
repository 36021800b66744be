//! Stage 3: decide. [`Caller`] in, [`Route`] and then [`Permit`] out; pure, so the same inputs
//! always give the same answer.
//!
//! In two steps, because what decides may lie in the body, and how a body is to be read depends
//! on the operation: [`route`] judges what the head shows, [`decide`] what the body says.

use std::sync::Arc;

use keystead_providers::{
    Access, AddOnType, BodyPolicy, CredentialForm, Envelope, Facts, ModelFrom, ObjectRef,
    Operation, Provider, Usage,
};

use super::{
    authenticate::Caller,
    call::Call,
    refusal::Refusal,
    session::{Session, SessionKey, Source},
};
use crate::{
    clock::Timestamp,
    ids::RequestId,
    store::{AddOn, Operations, Units, UsageRow, is_model_name},
};

/// A call whose head is allowed: its AddOn, key and operation are settled.
#[derive(Debug)]
pub struct Route {
    session: Arc<Session>,
    form: CredentialForm,
    operation: &'static Operation,
    path_object: Option<ObjectRef>,
    path_model: Option<Arc<str>>,
}

/// Proof that policy said yes to one call. Only [`decide`] makes one, and a key is opened for
/// nothing else, so no path to a key skips policy.
#[derive(Debug)]
pub struct Permit {
    session: Arc<Session>,
    form: CredentialForm,
    operation: &'static Operation,
    model: Option<Arc<str>>,
    settles: Option<Box<ObjectRef>>,
    request_id: RequestId,
}

/// Judges what the head of a call shows.
///
/// # Errors
///
/// The refusal that applies first, from the widest to the narrowest.
pub(super) fn route(caller: &Caller, call: &Call, now: Timestamp) -> Result<Route, Refusal> {
    let session = caller.session();
    let key = usable_key(caller, call, now)?;
    let about = key.provider.about();
    let (method, path) = (&call.parts.method, call.path());
    let Some(found) = about.classify(method, path) else {
        return Err(match about.denied(method, path) {
            Some(operation) => Refusal::OperationNotAllowed {
                operation: operation.name,
            },
            None => Refusal::NotFound,
        });
    };
    if !offers(&session.addon, found.operation) {
        return Err(Refusal::OperationNotAllowed {
            operation: found.operation.name,
        });
    }
    Ok(Route {
        session: session.clone(),
        form: caller.form(),
        operation: found.operation,
        path_object: found.object(),
        path_model: found.model().map(Arc::from),
    })
}

/// The key that the caller may use from here, whatever for.
///
/// # Errors
///
/// The refusal that applies first, from the widest to the narrowest.
pub(super) fn usable_key<'a>(
    caller: &'a Caller,
    call: &Call,
    now: Timestamp,
) -> Result<&'a SessionKey, Refusal> {
    let session = caller.session();
    if session.application.disabled {
        return Err(Refusal::ApplicationDisabled);
    }
    check_client(caller, call)?;
    if session.addon.disabled {
        return Err(Refusal::AddOnDisabled);
    }
    let key = match session.source {
        Source::User => own_key(session, now)?,
        Source::Application => session
            .key
            .as_ref()
            .filter(|key| !key.row.disabled)
            .ok_or(Refusal::KeyDisabled)?,
    };
    if key.is_displaced {
        return Err(Refusal::DestinationChanged);
    }
    Ok(key)
}

/// The user's own key, if it may be used now. There is no other in its place: a user who let theirs rest
/// is not made to use somebody else's.
fn own_key(session: &Session, now: Timestamp) -> Result<&SessionKey, Refusal> {
    let grant = session.own.as_ref().ok_or(Refusal::UserKeyMissing)?;
    let key = session.key.as_ref().ok_or(Refusal::UserKeyMissing)?;
    if grant.paused || grant.suspended || key.row.disabled {
        return Err(Refusal::UserKeyPaused);
    }
    match grant.terms.ends_at.is_none_or(|end| now < end) {
        true => Ok(key),
        false => Err(Refusal::UserKeyEnded),
    }
}

/// Judges what the body says. `known` tells whether every object that the call fetches was caused
/// by this application, AddOn, key and subject.
///
/// # Errors
///
/// The refusal that applies first.
pub(super) fn decide(
    route: Route,
    facts: &Facts,
    known: bool,
    request_id: RequestId,
) -> Result<Permit, Refusal> {
    let addon = &route.session.addon;
    if let Some(feature) = route
        .operation
        .gate
        .filter(|feature| !allows(addon, feature))
    {
        let field = route.operation.name.to_owned();
        return Err(Refusal::FeatureNotAllowed { feature, field });
    }
    if !facts.unknown_tools.is_empty() {
        return Err(Refusal::UnknownTool);
    }
    if addon.strict && !facts.unknown_fields.is_empty() {
        return Err(Refusal::UnknownField);
    }
    if let Some(gated) = facts
        .gated
        .iter()
        .find(|gated| !allows(addon, gated.feature))
    {
        let (feature, field) = (gated.feature, gated.field.clone());
        return Err(Refusal::FeatureNotAllowed { feature, field });
    }
    let model = route.model(facts);
    if !addon.models.is_empty() && route.operation.model != ModelFrom::None {
        let model = model.as_deref().ok_or(Refusal::ModelNotAllowed)?;
        if !addon.models.iter().any(|listed| listed == model) {
            return Err(Refusal::ModelNotAllowed);
        }
    }
    let granted = route.session.own.as_ref();
    let granted = granted.map_or(&[][..], |own| &own.terms.models);
    if !granted.is_empty() && route.operation.model != ModelFrom::None {
        let model = model.as_deref().ok_or(Refusal::UserKeyModel)?;
        if !granted.iter().any(|listed| listed == model) {
            return Err(Refusal::UserKeyModel);
        }
    }
    if !known {
        return Err(Refusal::ObjectUnknown);
    }
    let settles = route
        .path_object
        .filter(|object| route.operation.settles == Some(object.kind));
    Ok(Permit {
        session: route.session,
        form: route.form,
        operation: route.operation,
        model,
        settles: settles.map(Box::new),
        request_id,
    })
}

impl Route {
    /// What the call rests on.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// What the call does.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// How the body is to be read.
    #[must_use]
    pub fn body_policy(&self, query: Option<&str>) -> BodyPolicy {
        let addon = &self.session.addon;
        self.operation.body_policy(allows(addon, "store"), query)
    }

    /// Every provider-side object that the call reaches for.
    pub fn objects<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a ObjectRef> {
        self.path_object.iter().chain(&facts.fetches)
    }

    /// The model that the call names: where the operation says it stands, or the one that the
    /// provider takes where none is named.
    fn model(&self, facts: &Facts) -> Option<Arc<str>> {
        let named = match self.operation.model {
            ModelFrom::Path => &self.path_model,
            ModelFrom::Body | ModelFrom::Query | ModelFrom::None => &facts.model,
        };
        let default = || self.operation.default_model.map(Arc::from);
        named.clone().or_else(default)
    }
}

impl Permit {
    /// What the call rests on.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The header that the client's credential came in.
    #[must_use]
    pub fn form(&self) -> CredentialForm {
        self.form
    }

    /// What the call does.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The model that the call names.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The object whose usage the answer reports, if it may be reported again.
    #[must_use]
    pub fn settles(&self) -> Option<&ObjectRef> {
        self.settles.as_deref()
    }

    /// The name of the call.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The key that the call may use.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        self.session
            .key
            .as_ref()
            .expect("route lets no call pass whose AddOn has no key")
    }

    /// The provider that the key is for.
    #[must_use]
    pub fn provider(&self) -> &'static dyn Provider {
        self.key().provider
    }

    /// The form of this provider's errors.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        self.provider().about().envelope
    }

    /// The most that the call may use: what is reserved for it, and booked where the provider does
    /// not say what it used.
    #[must_use]
    pub fn reservation(&self, facts: &Facts, body_bytes: u64) -> Usage {
        self.operation.reservation(facts, self.model(), body_bytes)
    }

    /// The ledger row of one attempt (from 1), yet to be completed.
    #[must_use]
    pub fn usage_row(&self, at: Timestamp, key_version: u64, attempt: u32) -> UsageRow {
        let (session, key) = (&self.session, self.key());
        UsageRow {
            request: self.request_id,
            attempt,
            at,
            organization: session.application.organization,
            application: session.application.id,
            addon: session.addon.id,
            key: Some(key.booked_as),
            key_version: Some(key_version),
            token: Some(session.token.id),
            subject: Some(session.token.subject),
            provider: key.provider.about().name,
            operation: self.operation.name,
            model: self.model.clone().filter(|name| is_model_name(name)),
            status: None,
            outcome: "",
            duration_us: 0,
            first_byte_us: None,
            units: Units::default(),
            is_estimated: false,
            cost_micro_usd: None,
            is_priced: false,
            takes_back: false,
            settles: None,
        }
    }
}

/// Whence the call may come. Without an Origin it is no page that calls; CORS binds browsers only.
fn check_client(caller: &Caller, call: &Call) -> Result<(), Refusal> {
    let application = &caller.session().application;
    if let Some(origin) = call.origin()
        && (origin == "null" || !application.origins.iter().any(|listed| listed == origin))
    {
        return Err(Refusal::OriginNotAllowed);
    }
    match application.takes_calls_from(call.client.address) {
        true => Ok(()),
        false => Err(Refusal::AddressNotAllowed),
    }
}

/// Whether the AddOn offers an operation: its list, narrowed by its type.
pub(super) fn offers(addon: &AddOn, operation: &Operation) -> bool {
    let listed = match &addon.operations {
        Operations::Default => operation.access == Access::Default,
        Operations::All => operation.access != Access::Denied,
        Operations::Named(names) => names.iter().any(|name| name == operation.name),
    };
    listed && (addon.kind == AddOnType::Any || operation.types.contains(&addon.kind))
}

fn allows(addon: &AddOn, feature: &str) -> bool {
    addon.allow.iter().any(|allowed| allowed == feature)
}

#[cfg(test)]
mod tests;
