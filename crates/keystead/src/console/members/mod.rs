//! `/console/members`: who belongs to the organization, and as what.
//!
//! | path | what |
//! |---|---|
//! | `/console/members`, `….csv`, `….json` | who belongs to it |
//! | `…/{id}`, `…/{id}/remove` | another role, or the end |
//! | `…/invitations`, `…/invitations/new`, `…/invitations/{id}/withdraw` | who is asked to |

mod files;
mod invitation_files;
mod invitations;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};

use super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused,
    choices::Choice,
    confirm::{Confirm, is_typed},
    listing::Listing,
    refused::wrong,
    shown,
    time::When,
};
use crate::{
    ids::AccountId,
    manage::{
        EmailView,
        members::{self, MemberView, Update},
        permission::{
            Action,
            right::{EditMembers, SeeMembers},
        },
    },
    store::Role,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/members", get(list))
        .route("/console/members.csv", get(files::csv))
        .route("/console/members.json", get(files::json))
        .route(
            "/console/members/invitations.csv",
            get(invitation_files::csv),
        )
        .route(
            "/console/members/invitations.json",
            get(invitation_files::json),
        )
        .route("/console/members/{id}", get(show).post(update))
        .route("/console/members/{id}/remove", get(ask).post(remove))
        .merge(invitations::routes())
}

#[derive(Template)]
#[template(path = "console/members/list.html")]
struct ListPage {
    frame: Frame,
    listing: Listing,
    roles: Vec<Choice>,
    rows: Vec<Row>,
    cursor: Option<String>,
    may_edit: bool,
}

struct Row {
    id: String,
    email: EmailView,
    is_oneself: bool,
    role: Role,
    since: When,
    disabled: bool,
}

#[derive(Template)]
#[template(path = "console/members/show.html")]
struct ShowPage {
    frame: Frame,
    form: Form,
    row: Row,
    roles: Vec<(Role, &'static str)>,
}

async fn list(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeMembers>(&console).await?;
    let listing = people(PATH, query.as_deref());
    let found = members::list(console.manage(), &may, &listing.by_role(None)).await?;
    let rows = found.data.into_iter();
    Ok(shown(&ListPage {
        frame: Frame::new(&person, Place::Members, "Members"),
        rows: rows.map(|member| row(&console, &person, member)).collect(),
        roles: every_role(),
        cursor: found.next_cursor,
        may_edit: person.is_allowed(Action::EditMembers),
        listing,
    }))
}

/// What is asked of a list of people: in the order in which they came, if nothing is said.
fn people(path: &'static str, query: Option<&str>) -> Listing {
    Listing::of(path, &["role"], query).oldest_first()
}

/// What the lists of people can be narrowed to.
fn every_role() -> Vec<Choice> {
    let choice = |role: Role| Choice {
        id: role.word().to_owned(),
        name: role.word().to_owned(),
        of: None,
    };
    Role::ALL.map(choice).into()
}

async fn show(person: Person, State(console): State<Console>, Path(id): Path<String>) -> Answer {
    person.may::<EditMembers>(&console).await?;
    let may = person.may::<SeeMembers>(&console).await?;
    let member = members::show(console.manage(), &may, parse(&id)?).await?;
    let form = Form::of([("role", member.role.word())]);
    Ok(page(&console, &person, member, form))
}

async fn update(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let (may, id) = (person.may::<EditMembers>(&console).await?, parse(&id)?);
    let wanted = Update {
        role: form.value("role").to_owned(),
    };
    if let Err(problem) = members::update(console.manage(), &may, id, wanted).await {
        form.refused(problem)?;
        let may = person.may::<SeeMembers>(&console).await?;
        let member = members::show(console.manage(), &may, id).await?;
        let page = page(&console, &person, member, form);
        return Ok(wrong(page));
    }
    Ok(Redirect::to("/console/members?done=changed").into_response())
}

async fn ask(person: Person, State(console): State<Console>, Path(id): Path<String>) -> Answer {
    person.may::<EditMembers>(&console).await?;
    let may = person.may::<SeeMembers>(&console).await?;
    let member = members::show(console.manage(), &may, parse(&id)?).await?;
    Ok(asked(&person, &member, Form::default()))
}

async fn remove(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let (may, id) = (person.may::<EditMembers>(&console).await?, parse(&id)?);
    let sees = person.may::<SeeMembers>(&console).await?;
    let member = members::show(console.manage(), &sees, id).await?;
    if is_typed(&mut form, &member.email.to_string()) {
        match members::remove(console.manage(), &may, id).await {
            Ok(()) => return Ok(Redirect::to("/console/members?done=removed").into_response()),
            Err(problem) => form.refused(problem)?,
        }
    }
    Ok(asked(&person, &member, form))
}

fn asked(person: &Person, member: &MemberView, form: Form) -> Response {
    Confirm {
        frame: Frame::new(person, Place::Members, "Remove a member"),
        crumbs: vec![
            ("/console/members".to_owned(), "Members".to_owned()),
            (
                format!("/console/members/{}", member.account_id),
                member.email.to_string(),
            ),
        ],
        question: format!("Remove {} from the organization?", member.email),
        effects: vec![
            "Their sessions and API tokens here are refused from the next request on.".to_owned(),
            "What they made stays: applications, keys and AddOns belong to the organization."
                .to_owned(),
            "Their account stays, and their place in other organizations.".to_owned(),
        ],
        typed: Some(member.email.to_string()),
        button: "Remove",
        is_danger: true,
        action: format!("/console/members/{}/remove", member.account_id),
        form,
    }
    .ask()
}

fn page(console: &Console, person: &Person, member: MemberView, form: Form) -> Response {
    let roles = roles(person, Some(member.role));
    shown(&ShowPage {
        frame: Frame::new(person, Place::Members, "A member"),
        form,
        row: row(console, person, member),
        roles,
    })
}

/// The roles that this person may give, and the one that a member has.
fn roles(person: &Person, has: Option<Role>) -> Vec<(Role, &'static str)> {
    let mut roles = vec![
        (Role::Owner, "Everything, owners included"),
        (Role::Admin, "Everything but owners"),
        (Role::Developer, "Applications, keys, AddOns and usage"),
        (Role::Auditor, "Looks at everything, changes nothing"),
    ];
    if !person.is_allowed(Action::EditOwners) {
        roles.retain(|(role, _)| *role != Role::Owner || has == Some(Role::Owner));
    }
    roles
}

fn row(console: &Console, person: &Person, member: MemberView) -> Row {
    Row {
        id: member.account_id.to_string(),
        email: member.email,
        is_oneself: member.account_id == person.signed_in.account.id,
        role: member.role,
        since: When {
            at: member.created_at.0,
            now: console.store().clock().now(),
        },
        disabled: member.disabled,
    }
}

/// An id that can't be one names no member.
fn parse(id: &str) -> Result<AccountId, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}

const PATH: &str = "/console/members";
