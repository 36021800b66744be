//! `/console/members/invitations`: who is asked to belong to the organization.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};

use super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused, every_role, people, roles, shown,
};
use crate::{
    console::{choices::Choice, listing::Listing, once, refused::wrong, time::When},
    ids::LinkId,
    manage::{
        EmailView,
        invitations::{self, Create, InvitationView, NewInvitationView},
        permission::{
            Action,
            right::{EditMembers, SeeMembers},
        },
    },
    store::Role,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/members/invitations", get(list).post(create))
        .route("/console/members/invitations/new", get(new))
        .route("/console/members/invitations/{id}/withdraw", post(withdraw))
}

#[derive(Template)]
#[template(path = "console/members/invitations.html")]
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
    role: Role,
    is_own: bool,
    made: When,
    ends: When,
}

#[derive(Template)]
#[template(path = "console/members/invite.html")]
struct NewPage {
    frame: Frame,
    form: Form,
    roles: Vec<(Role, &'static str)>,
}

async fn list(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeMembers>(&console).await?;
    let listing = people(PATH, query.as_deref());
    let found = invitations::list(console.manage(), &may, &listing.by_role(None)).await?;
    let now = console.store().clock().now();
    let row = |one: InvitationView| Row {
        id: one.invitation_id.to_string(),
        email: one.email,
        role: one.role,
        is_own: one.made_by == may.account,
        made: When {
            at: one.created_at.0,
            now,
        },
        ends: When {
            at: one.expires_at.0,
            now,
        },
    };
    Ok(shown(&ListPage {
        frame: Frame::new(&person, Place::Members, "Open invitations"),
        rows: found.data.into_iter().map(row).collect(),
        roles: every_role(),
        cursor: found.next_cursor,
        listing,
        may_edit: person.is_allowed(Action::EditMembers),
    }))
}

async fn new(person: Person, State(console): State<Console>) -> Answer {
    person.may::<EditMembers>(&console).await?;
    let form = Form::of([("role", Role::Developer.word()), ("days", "7")]);
    Ok(new_page(&person, form))
}

async fn create(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditMembers>(&console).await?;
    // What is no number is refused with everything else that is wrong.
    let days: u64 = form.value("days").parse().unwrap_or_default();
    let wanted = Create {
        email: form.value("email").to_owned(),
        role: form.value("role").to_owned(),
        expires_in_s: Some(days.saturating_mul(86_400)),
    };
    match invitations::create(console.manage(), &may, wanted).await {
        Ok(made) => Ok(link_page(&console, &person, &made)),
        Err(problem) => {
            form.refused(problem)?;
            form.rename("expires_in_s", "days", "Must be from 1 to 30 days");
            Ok(wrong(new_page(&person, form)))
        }
    }
}

async fn withdraw(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let may = posted.person.may::<EditMembers>(&console).await?;
    let id: LinkId = id.parse().map_err(|_| Refused::NotFound)?;
    invitations::withdraw(console.manage(), &may, id).await?;
    Ok(Redirect::to("/console/members/invitations?done=withdrawn").into_response())
}

fn new_page(person: &Person, form: Form) -> Response {
    shown(&NewPage {
        frame: Frame::new(person, Place::Members, "Invite someone"),
        form,
        roles: roles(person, None),
    })
}

/// The one page that ever shows the link.
fn link_page(console: &Console, person: &Person, made: &NewInvitationView) -> Response {
    let ends = When {
        at: made.about.expires_at.0,
        now: console.store().clock().now(),
    };
    let words = once::Words {
        purpose: "Give them this link. It makes their account, or gives the one that they have its \
                  place here. Whoever opens it first gets that place, so send it where nobody else \
                  reads.",
        lost: "If it is lost, withdraw the invitation and make another.",
        beside: vec![
            ("E-mail address", made.about.email.to_string()),
            ("Role", made.about.role.word().to_owned()),
            ("Ends", ends.words()),
        ],
        variable: None,
        next: PATH.to_owned(),
    };
    let frame = Frame::new(person, Place::Members, "The link of the invitation");
    once::show(frame, words, &made.link)
}

pub(super) const PATH: &str = "/console/members/invitations";
