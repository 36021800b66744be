//! The security report: what of the set-up is weaker than it could be, the failing first.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Manage, May, Problem, permission::right::SeeSystem, time::Moment};
use crate::{
    alerts::Level,
    clock::Timestamp,
    ids::OrganizationId,
    store::{AlertFilter, LastBackup, Organization, Schema, Store, StoreError, Weakness},
};

/// How a check came out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// Something has to be done.
    Bad,
    /// Something should be thought about.
    Warning,
    /// Nothing is to be done.
    Good,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckView {
    /// A stable word.
    pub name: &'static str,
    /// How it came out.
    pub state: Verdict,
    /// What was looked at, for people.
    pub title: &'static str,
    /// What to do where it did not come out well.
    pub advice: String,
    /// Which objects it is about: ids; 100 at most.
    pub objects: Vec<String>,
}

/// What of an organization's set-up, and of this installation's, is weaker than it could be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// When it was made.
    pub at: Moment,
    /// Whether nothing has to be done.
    pub ok: bool,
    /// The failing first.
    pub checks: Vec<CheckView>,
}

/// The report on the caller's organization.
pub async fn report(manage: &Manage, caller: &May<SeeSystem>) -> Result<ReportView, Problem> {
    let store = manage.store();
    let organization = store.organization(caller.organization).await?;
    let mut checks = of_organization(store, &organization).await?;
    checks.extend(of_store(store).await?);
    checks.extend(manage.0.setting.checks());
    checks.sort_by_key(|check| check.state);
    Ok(ReportView {
        organization_id: organization.id,
        at: Moment(store.clock().now()),
        ok: checks.iter().all(|check| check.state != Verdict::Bad),
        checks,
    })
}

/// The checks of one organization, for whoever asks.
///
/// # Errors
///
/// [`StoreError`].
pub async fn of_organization(
    store: &Store,
    organization: &Organization,
) -> Result<Vec<CheckView>, StoreError> {
    let mut checks = Vec::new();
    for (weakness, objects) in store.weaknesses(organization).await? {
        let (name, grave, title, advice) = told(weakness);
        let state = match (objects.is_empty(), grave) {
            (true, _) => Verdict::Good,
            (false, true) => Verdict::Bad,
            (false, false) => Verdict::Warning,
        };
        checks.push(check(name, state, title, advice, objects));
    }
    let state = match organization.require_second_factor {
        true => Verdict::Good,
        false => Verdict::Warning,
    };
    checks.push(check(
        "second_factor_required",
        state,
        "The organization requires a second factor",
        "Require it in the settings of the organization.",
        Vec::new(),
    ));
    let filter = AlertFilter {
        with_installation: true,
        only_open: true,
    };
    let open = store.alerts_of(organization.id, filter, None, 100).await?;
    let state = match open.iter().map(|alert| alert.kind.level()).min() {
        Some(Level::Critical) => Verdict::Bad,
        Some(_) => Verdict::Warning,
        None => Verdict::Good,
    };
    checks.push(check(
        "alerts",
        state,
        "Every alert was looked at",
        "Look at them, do what their runbooks say, and acknowledge them.",
        open.iter().map(|alert| alert.id.to_string()).collect(),
    ));
    Ok(checks)
}

/// The checks of the whole store, for whoever asks.
///
/// # Errors
///
/// [`StoreError`].
pub async fn of_store(store: &Store) -> Result<Vec<CheckView>, StoreError> {
    let schema = store.schema_now().await?;
    let last = store.last_backup().await?;
    Ok(vec![migrations(schema), backups(last, store.clock().now())])
}

/// Whether the store is as this program knows it.
pub fn migrations(schema: Schema) -> CheckView {
    let Schema { found, known } = schema;
    check(
        "migrations",
        match found == known {
            true => Verdict::Good,
            false => Verdict::Bad,
        },
        "No migration of the store is pending",
        format!(
            "The store has schema {found} and this program knows {known}: run keystead db migrate \
             with the newer of the two, and start servers anew."
        ),
        Vec::new(),
    )
}

fn backups(last: Option<LastBackup>, now: Timestamp) -> CheckView {
    let days = last.map(|last| now.since(last.made_at).as_secs() / 86_400);
    let (state, age) = match days {
        Some(0..=7) => (Verdict::Good, String::new()),
        Some(days) => (
            Verdict::Warning,
            format!("The last one is {days} days old."),
        ),
        None => (
            Verdict::Warning,
            "None was made with keystead backup.".to_owned(),
        ),
    };
    check(
        "backups",
        state,
        "A backup was made within seven days",
        format!("{age} Make one, and keep it apart from the root key."),
        last.map(|last| last.id.to_string()).into_iter().collect(),
    )
}

/// A check.
pub(super) fn check(
    name: &'static str,
    state: Verdict,
    title: &'static str,
    advice: impl Into<String>,
    objects: Vec<String>,
) -> CheckView {
    CheckView {
        name,
        state,
        title,
        advice: advice.into(),
        objects,
    }
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Bad, Self::Warning, Self::Good];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Good => "good",
        }
    }
}

/// Its word, whether something has to be done, what is checked, what to do.
fn told(weakness: Weakness) -> (&'static str, bool, &'static str, &'static str) {
    match weakness {
        Weakness::KeyRefused => (
            "keys_refused",
            true,
            "Providers take all keys",
            "Check these keys, and rotate those that the provider has ended.",
        ),
        Weakness::NoSecondFactor => (
            "second_factor",
            true,
            "Every member signs in with more than a password",
            "Have them add a passkey or one-time codes.",
        ),
        Weakness::PlainOrigin => (
            "plain_origins",
            false,
            "No application lists an origin without TLS",
            "List https origins alone; http is for development.",
        ),
        Weakness::KeyOld => (
            "keys_old",
            false,
            "No key is older than its rotation age",
            "Rotate these keys.",
        ),
        Weakness::KeyUnused => (
            "keys_unused",
            false,
            "Every key was used within 90 days",
            "Delete these keys here and at the provider.",
        ),
        Weakness::KeyUnchecked => (
            "keys_unchecked",
            false,
            "Every key was checked",
            "Check these keys.",
        ),
        Weakness::EndlessApiToken => (
            "api_tokens_endless",
            false,
            "Every API token ends some day",
            "Make ones that end, and revoke these.",
        ),
        Weakness::AnyOperation => (
            "addons_any_operation",
            false,
            "No AddOn may do everything",
            "Name the operations that these AddOns need.",
        ),
        Weakness::GatedFeatures => (
            "addons_gated_features",
            false,
            "No AddOn opens gated features",
            "Close those that store, reach out or change the price, where nobody needs them.",
        ),
        Weakness::AnyModel => (
            "addons_any_model",
            false,
            "Every AddOn names its models",
            "Name the models, or whoever has a token can call the dearest one.",
        ),
        Weakness::NoBudget => (
            "budgets",
            false,
            "A budget bounds what each application spends",
            "Give the organization or these applications a budget.",
        ),
    }
}
