//! What is known about somebody, given to them, or erased: end users, accounts, organizations.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Manage, May, Object as _, Problem,
    permission::right::{
        DeleteOrganization, EraseAccount, EraseSubjects, ExportAccount, ExportSubjects,
        SeeOrganization,
    },
    time::Moment,
};
use crate::{
    custody::CustodyError,
    erasure::{ErasureError, NOT_ERASED, Receipt, counts},
    ids::{ApplicationId, ErasureId},
    store::{Email, Erasing, Subject},
};

/// An end user of an application.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndUserName)]
pub struct Wanted {
    /// The application that knows them.
    pub application_id: String,
    /// The end user, as the application names them.
    pub uid: Option<String>,
    /// The end user, as the application's own identity provider names them: the `sub` of its tokens.
    pub sub: Option<String>,
}

/// That it is meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Confirmation)]
pub struct Confirm {
    /// What is to go, as a person knows it: the organization's name, the account's e-mail address.
    pub confirm: String,
}

/// What the store has about somebody.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExportView {
    /// When it was read.
    pub at: Moment,
    /// The e-mail address, of an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// Rows by table. Keyed hashes and sealed records are left out: they say nothing to anyone.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// What was erased.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// What the erasure is called in the audit log.
    pub erasure_id: ErasureId,
    /// When it was done.
    pub at: Moment,
    /// What was erased, in counts.
    #[schema(value_type = Object)]
    pub erased: Value,
    /// What was not erased, and by whom it can be.
    pub not_erased: &'static [&'static str],
    /// The receipt: a signed note, which says as well what was not erased.
    pub receipt: String,
    /// What it is verified by.
    pub verifier: String,
}

/// What goes with an organization when it is deleted, in counts.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct OrganizationBelongingsView {
    /// Applications, development applications included.
    pub applications: u64,
    /// Keys.
    pub keys: u64,
    /// Keys that end users of its applications brought.
    pub own_keys: u64,
    /// AddOns.
    pub addons: u64,
    /// Members; their accounts stay.
    pub members: u64,
    /// API tokens.
    pub api_tokens: u64,
    /// Access tokens that have not ended.
    pub access_tokens: u64,
}

/// What is known about an end user.
pub async fn export_subject(
    manage: &Manage,
    caller: &May<ExportSubjects>,
    wanted: Wanted,
) -> Result<ExportView, Problem> {
    let subject = subject(manage, caller, wanted).await?;
    let data = manage.store().rows_of_subject(&subject).await?;
    Ok(ExportView {
        at: Moment(manage.store().clock().now()),
        email: None,
        data,
    })
}

/// Erases an end user: what they may do ends, and what was used says no more that they did.
pub async fn erase_subject(
    manage: &Manage,
    caller: &May<EraseSubjects>,
    wanted: Wanted,
) -> Result<ReceiptView, Problem> {
    let subject = subject(manage, caller, wanted).await?;
    erase(manage, caller, Erasing::Subject(subject)).await
}

/// What is known about the caller's own account.
pub async fn export_account(
    manage: &Manage,
    caller: &May<ExportAccount>,
) -> Result<ExportView, Problem> {
    let account = manage.store().account(caller.account).await?;
    let email = manage.custody().email_of(&account).await?;
    Ok(ExportView {
        at: Moment(manage.store().clock().now()),
        email: Some(email.expose().to_owned()),
        data: manage.store().rows_of_account(caller.account).await?,
    })
}

/// Erases the caller's own account, everywhere.
pub async fn erase_account(
    manage: &Manage,
    caller: &May<EraseAccount>,
    wanted: &Confirm,
) -> Result<ReceiptView, Problem> {
    let account = manage.store().account(caller.account).await?;
    let email = manage.custody().email_of(&account).await?;
    let typed = Email::parse(&wanted.confirm).ok();
    if typed.is_none_or(|typed| typed.expose() != email.expose()) {
        let detail = "must be the account's e-mail address";
        return Err(Problem::field("confirm", detail));
    }
    erase(manage, caller, Erasing::Account(caller.account)).await
}

/// What belongs to the organization, and would go with it.
pub async fn organization_belongings(
    manage: &Manage,
    caller: &May<SeeOrganization>,
) -> Result<OrganizationBelongingsView, Problem> {
    let counts = manage
        .store()
        .organization_belongings(caller.organization)
        .await?;
    let [
        applications,
        keys,
        own_keys,
        addons,
        members,
        api_tokens,
        access_tokens,
    ] = counts;
    Ok(OrganizationBelongingsView {
        applications,
        keys,
        own_keys,
        addons,
        members,
        api_tokens,
        access_tokens,
    })
}

/// Deletes the organization with everything that belongs to it. Accounts stay, for they are people.
pub async fn delete_organization(
    manage: &Manage,
    caller: &May<DeleteOrganization>,
    wanted: &Confirm,
) -> Result<ReceiptView, Problem> {
    let organization = manage.store().organization(caller.organization).await?;
    if wanted.confirm.trim() != organization.name {
        return Err(Problem::field("confirm", "must be the organization's name"));
    }
    erase(manage, caller, Erasing::Organization(organization.id)).await
}

/// Erases, with a tombstone before it.
pub(super) async fn erase(
    manage: &Manage,
    caller: &super::Caller,
    erasing: Erasing,
) -> Result<ReceiptView, Problem> {
    let erased = manage
        .erasure()
        .erase(caller.actor, Some(caller.organization), erasing);
    Ok(erased.await?.into())
}

async fn subject(
    manage: &Manage,
    caller: &super::Caller,
    wanted: Wanted,
) -> Result<Subject, Problem> {
    let id = ApplicationId::named(&wanted.application_id)?;
    let application = manage.store().application(caller.organization, id).await?;
    let custody = manage.custody();
    let hash = match (&wanted.uid, &wanted.sub, &application.issuer) {
        (Some(uid), None, _) if !uid.is_empty() => {
            custody.subject(&application, "host", "", uid).await?
        }
        (None, Some(sub), Some(issuer)) if !sub.is_empty() => {
            custody
                .subject(&application, "oidc", &issuer.name, sub)
                .await?
        }
        (None, Some(_), None) => {
            let detail = "this application has no identity provider of its own";
            return Err(Problem::field("sub", detail));
        }
        _ => {
            return Err(Problem::field(
                "uid",
                "name one end user, by `uid` or by `sub`",
            ));
        }
    };
    Ok(Subject {
        organization: caller.organization,
        application: id,
        hash,
    })
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        Self {
            erasure_id: receipt.id,
            at: Moment(receipt.at),
            erased: counts(&receipt.erased),
            not_erased: NOT_ERASED,
            receipt: receipt.note,
            verifier: receipt.verifier,
        }
    }
}

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Custody(CustodyError::Store(error)) => error.into(),
            ErasureError::Custody(error) => error.into(),
            ErasureError::Place(_) => Self::TombstoneNotKept,
        }
    }
}
