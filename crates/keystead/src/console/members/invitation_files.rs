//! The open invitations as a file; their links are in none.

use axum::extract::{RawQuery, State};

use super::{Answer, Console, Person, Refused, invitations::PATH, people};
use crate::{
    console::export,
    manage::{
        ByRole,
        invitations::{self, InvitationView},
        permission::right::SeeMembers,
        time::rfc3339,
    },
};

pub(super) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let columns = [
        "invitation_id",
        "email",
        "role",
        "made_by",
        "created_at",
        "expires_at",
    ];
    let all = whole(&console, &person, query.as_deref()).await?;
    let row = |one: &InvitationView| {
        vec![
            one.invitation_id.to_string(),
            one.email.to_string(),
            one.role.word().to_owned(),
            one.made_by.to_string(),
            rfc3339(one.created_at.0),
            rfc3339(one.expires_at.0),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    Ok(export::csv("invitations", &columns, &rows))
}

pub(super) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("invitations", &all))
}

/// Every page of the list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<InvitationView>, Refused> {
    let may = person.may::<SeeMembers>(console).await?;
    let wanted = people(PATH, query).by_role(Some(export::AT_ONCE));
    let page = async |cursor| {
        let wanted = ByRole {
            cursor,
            ..wanted.clone()
        };
        invitations::list(console.manage(), &may, &wanted).await
    };
    export::whole(page).await
}
