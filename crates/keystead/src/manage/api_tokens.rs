//! API tokens: what scripts present in an account's name.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Caller, List, Manage, May, Problem, Search, ShownOnce,
    fields::Fields,
    permission::{
        Action,
        right::{EditApiTokens, EditMembers, SeeApiTokens},
    },
    time::Moment,
};
use crate::{
    clock::Timestamp,
    ids::{AccountId, ApiTokenId},
    store::{ApiScope, ApiToken, NewApiToken, Role},
};

/// An API token to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiTokenCreate)]
pub struct Create {
    /// What people call it.
    pub name: String,
    /// What it may touch: `all`, `read`, `applications`, `keys`, `addons`, `usage`, `audit`. Never
    /// more than its maker may.
    pub scopes: Vec<String>,
    /// How long it lasts, in seconds: up to 366 days; 90 days if left out. One that an API token
    /// makes ends with it at the latest.
    pub expires_in_s: Option<u64>,
}

/// An API token, without the token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiTokenView {
    /// Its id.
    pub api_token_id: ApiTokenId,
    /// The account that it works for.
    pub account_id: AccountId,
    /// What people call it.
    pub name: String,
    /// What it may touch.
    pub scopes: Vec<ApiScope>,
    /// When it ends; none for never.
    pub expires_at: Option<Moment>,
    /// Whether it was ended before.
    pub revoked: bool,
    /// When it was made.
    pub created_at: Moment,
}

/// An API token that was just made. The one view that holds it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiTokenView {
    /// The API token.
    #[serde(flatten)]
    pub about: ApiTokenView,
    /// The token itself, shown this once.
    pub api_token: ShownOnce,
}

/// The API tokens that the caller may see: everybody's, for those who see members; else their own.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeApiTokens>,
    search: &Search,
) -> Result<List<ApiTokenView>, Problem> {
    let page = search.page::<ApiTokenId>()?;
    let store = manage.store();
    let listed = match caller.is_offered(Action::SeeMembers) {
        true => store.api_tokens(caller.organization, &page).await?,
        false => {
            let (organization, account) = (caller.organization, caller.account);
            store.api_tokens_of(organization, account, &page).await?
        }
    };
    let next = listed.next();
    let data = listed.rows.into_iter().map(ApiTokenView::from).collect();
    Ok(List::sorted(data, &page, next))
}

/// Makes an API token for the caller's own account. It is in this view and in no other.
pub async fn create(
    manage: &Manage,
    caller: &May<EditApiTokens>,
    wanted: Create,
) -> Result<NewApiTokenView, Problem> {
    let mut fields = Fields::default();
    let name = fields.title("name", &wanted.name);
    let scopes = scopes(&mut fields, caller, &wanted.scopes);
    let expires_at = end(&mut fields, manage, caller, wanted.expires_in_s);
    fields.finish()?;
    let new = NewApiToken {
        organization: caller.organization,
        account: caller.account,
        name,
        scopes,
        expires_at: Some(expires_at),
    };
    let made = manage.store().create_api_token(caller.actor, new).await?;
    let (row, token) = made;
    Ok(NewApiTokenView {
        about: row.into(),
        api_token: token.into(),
    })
}

/// Ends an API token: one's own, or anyone's for those who change members.
pub async fn revoke(
    manage: &Manage,
    caller: &May<EditApiTokens>,
    id: ApiTokenId,
) -> Result<(), Problem> {
    let store = manage.store();
    let token = store.api_token(caller.organization, id).await?;
    if token.account != caller.account {
        // Whoever may not see it learns nothing of it.
        match caller.is_offered(Action::SeeMembers) {
            true => drop(caller.may::<EditMembers>(manage).await?),
            false => return Err(Problem::NotFound("api_token")),
        }
    }
    store
        .revoke_api_token(caller.actor, caller.organization, id)
        .await?;
    Ok(())
}

/// The scopes that a token of this caller's may have.
pub fn grantable(caller: &Caller) -> Vec<ApiScope> {
    let in_role = |scope: &ApiScope| match caller.role {
        Role::Owner | Role::Admin => true,
        Role::Developer => *scope != ApiScope::Audit,
        Role::Auditor => [ApiScope::Read, ApiScope::Usage, ApiScope::Audit].contains(scope),
    };
    let own =
        |scope: &ApiScope| caller.scopes.contains(&ApiScope::All) || caller.scopes.contains(scope);
    let all = ApiScope::ALL.into_iter();
    all.filter(|scope| in_role(scope) && own(scope)).collect()
}

fn scopes(fields: &mut Fields, caller: &Caller, wanted: &[String]) -> Vec<ApiScope> {
    let grantable = grantable(caller);
    let words: Vec<_> = grantable.iter().map(|scope| scope.word()).collect();
    let expected = format!("some of {}", words.join(", "));
    if wanted.is_empty() {
        fields.wrong("scopes", format!("expected {expected}"));
    }
    let mut scopes = Vec::new();
    for (index, word) in wanted.iter().enumerate() {
        let place = format!("scopes/{index}");
        let Some(scope) = fields.parse::<ApiScope>(&place, word, &expected) else {
            continue;
        };
        match grantable.contains(&scope) {
            true if scopes.contains(&scope) => {}
            true => scopes.push(scope),
            false => fields.wrong(&place, format!("expected {expected}")),
        }
    }
    scopes
}

fn end(fields: &mut Fields, manage: &Manage, caller: &Caller, wanted: Option<u64>) -> Timestamp {
    let now = manage.store().clock().now();
    let lasts = Duration::from_secs(wanted.unwrap_or(LASTS_S));
    if !(SHORTEST_S..=LONGEST_S).contains(&lasts.as_secs()) {
        let detail = format!("must be from {SHORTEST_S} to {LONGEST_S}");
        fields.wrong("expires_in_s", detail);
    }
    let end = now + lasts;
    match caller.until {
        Some(until) if until < end && wanted.is_some() => {
            let detail = "must end no later than the API token that makes it";
            fields.wrong("expires_in_s", detail);
            until
        }
        Some(until) => end.min(until),
        None => end,
    }
}

impl From<ApiToken> for ApiTokenView {
    fn from(token: ApiToken) -> Self {
        Self {
            api_token_id: token.id,
            account_id: token.account,
            name: token.name,
            scopes: token.scopes,
            expires_at: token.expires_at.map(Moment),
            revoked: token.revoked,
            created_at: Moment(token.created_at),
        }
    }
}

const SHORTEST_S: u64 = 60;
const LASTS_S: u64 = 90 * 86_400;
const LONGEST_S: u64 = 366 * 86_400;
