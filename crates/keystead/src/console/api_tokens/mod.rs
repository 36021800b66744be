//! `/console/api-tokens`: what scripts manage Keystead with.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};

use super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused, export, listing::Listing, once,
    refused::wrong, shown, time::When,
};
use crate::{
    ids::ApiTokenId,
    manage::{
        Search,
        api_tokens::{self, ApiTokenView, Create},
        permission::{
            Action,
            right::{EditApiTokens, SeeApiTokens},
        },
        time::rfc3339,
    },
    store::ApiScope,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/api-tokens", get(list).post(create))
        .route("/console/api-tokens.csv", get(csv))
        .route("/console/api-tokens.json", get(json))
        .route("/console/api-tokens/new", get(new))
        .route("/console/api-tokens/{id}/revoke", post(revoke))
}

#[derive(Template)]
#[template(path = "console/api_tokens/list.html")]
struct ListPage {
    frame: Frame,
    listing: Listing,
    rows: Vec<Row>,
    cursor: Option<String>,
    sees_others: bool,
}

struct Row {
    id: String,
    name: String,
    is_own: bool,
    scopes: String,
    made: When,
    ends: Option<When>,
    state: Standing,
}

/// What a token is good for now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Live,
    Expired,
    Revoked,
}

#[derive(Template)]
#[template(path = "console/api_tokens/new.html")]
struct NewPage {
    frame: Frame,
    form: Form,
    scopes: Vec<(&'static str, &'static str)>,
}

async fn list(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeApiTokens>(&console).await?;
    let listing = Listing::of(PATH, &[], query.as_deref());
    let found = api_tokens::list(console.manage(), &may, &listing.search(None)).await?;
    let now = console.store().clock().now();
    let row = |token: ApiTokenView| {
        let is_over = token.expires_at.is_some_and(|end| end.0 <= now);
        Row {
            id: token.api_token_id.to_string(),
            name: token.name,
            is_own: token.account_id == may.account,
            scopes: words(&token.scopes),
            made: When {
                at: token.created_at.0,
                now,
            },
            ends: token.expires_at.map(|end| When { at: end.0, now }),
            state: match (token.revoked, is_over) {
                (true, _) => Standing::Revoked,
                (false, true) => Standing::Expired,
                (false, false) => Standing::Live,
            },
        }
    };
    Ok(shown(&ListPage {
        frame: Frame::new(&person, Place::ApiTokens, "API tokens"),
        cursor: found.next_cursor,
        listing,
        rows: found.data.into_iter().map(row).collect(),
        sees_others: person.is_allowed(Action::SeeMembers),
    }))
}

async fn csv(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let columns = [
        "api_token_id",
        "account_id",
        "name",
        "scopes",
        "expires_at",
        "revoked",
        "created_at",
    ];
    let all = whole(&console, &person, query.as_deref()).await?;
    let row = |one: &ApiTokenView| {
        let scopes: Vec<_> = one.scopes.iter().map(|scope| scope.word()).collect();
        vec![
            one.api_token_id.to_string(),
            one.account_id.to_string(),
            one.name.clone(),
            scopes.join(" "),
            one.expires_at.map(|end| rfc3339(end.0)).unwrap_or_default(),
            one.revoked.to_string(),
            rfc3339(one.created_at.0),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    Ok(export::csv("api-tokens", &columns, &rows))
}

async fn json(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("api-tokens", &all))
}

/// Every page of a list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<ApiTokenView>, Refused> {
    let may = person.may::<SeeApiTokens>(console).await?;
    let search = Listing::of(PATH, &[], query).search(Some(export::AT_ONCE));
    let page = async |cursor| {
        let search = Search {
            cursor,
            ..search.clone()
        };
        api_tokens::list(console.manage(), &may, &search).await
    };
    export::whole(page).await
}

async fn new(person: Person, State(console): State<Console>) -> Answer {
    person.may::<EditApiTokens>(&console).await?;
    Ok(new_page(&person, Form::of([("days", "90")])))
}

async fn create(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditApiTokens>(&console).await?;
    let days: Option<u64> = form.value("days").parse().ok();
    if days.is_none() {
        form.mark("days", "Expected a number of days");
        return Ok(wrong(new_page(&person, form)));
    }
    let wanted = Create {
        name: form.value("name").to_owned(),
        scopes: form.all("scopes"),
        expires_in_s: days.map(|days| days.saturating_mul(86_400)),
    };
    let made = match api_tokens::create(console.manage(), &may, wanted).await {
        Ok(made) => made,
        Err(problem) => {
            form.refused(problem)?;
            form.rename("expires_in_s", "days", "Must be from 1 to 366 days");
            return Ok(wrong(new_page(&person, form)));
        }
    };
    let words = once::Words {
        purpose: "Scripts present it as `Authorization: Bearer …`, and the command line reads it \
                  from the environment.",
        lost: "If it is lost, revoke it and make another.",
        beside: vec![
            ("Name", made.about.name.clone()),
            ("May touch", words(&made.about.scopes)),
        ],
        variable: Some("KEYSTEAD_API_TOKEN"),
        next: "/console/api-tokens".to_owned(),
    };
    let frame = Frame::new(&person, Place::ApiTokens, "Your new API token");
    Ok(once::show(frame, words, &made.api_token))
}

async fn revoke(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let may = posted.person.may::<EditApiTokens>(&console).await?;
    let id: ApiTokenId = id.parse().map_err(|_| Refused::NotFound)?;
    api_tokens::revoke(console.manage(), &may, id).await?;
    Ok(Redirect::to("/console/api-tokens?done=revoked").into_response())
}

fn new_page(person: &Person, form: Form) -> Response {
    let scopes = api_tokens::grantable(person.caller());
    shown(&NewPage {
        frame: Frame::new(person, Place::ApiTokens, "New API token"),
        form,
        scopes: scopes
            .into_iter()
            .map(|scope| (scope.word(), about(scope)))
            .collect(),
    })
}

fn about(scope: ApiScope) -> &'static str {
    match scope {
        ApiScope::All => "Everything that your role may do, now and later",
        ApiScope::Read => "Look at everything that your role may see, change nothing",
        ApiScope::Applications => "Applications and their client secrets",
        ApiScope::Keys => "Provider keys: add, check, rotate, disable",
        ApiScope::AddOns => "AddOns: install, change, disable, remove",
        ApiScope::Usage => "What was used, and which limits hold",
        ApiScope::Audit => "The audit log",
    }
}

fn words(scopes: &[ApiScope]) -> String {
    let words: Vec<_> = scopes.iter().map(|scope| scope.word()).collect();
    words.join(", ")
}

const PATH: &str = "/console/api-tokens";
