//! The members as a file.

use axum::extract::{RawQuery, State};

use super::{Answer, Console, PATH, Person, Refused, people};
use crate::{
    console::export,
    manage::{
        ByRole,
        members::{self, MemberView},
        permission::right::SeeMembers,
        time::rfc3339,
    },
};

pub(super) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let columns = ["account_id", "email", "role", "disabled", "created_at"];
    let all = whole(&console, &person, query.as_deref()).await?;
    let row = |one: &MemberView| {
        vec![
            one.account_id.to_string(),
            one.email.to_string(),
            one.role.word().to_owned(),
            one.disabled.to_string(),
            rfc3339(one.created_at.0),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    Ok(export::csv("members", &columns, &rows))
}

pub(super) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    Ok(export::json(
        "members",
        &whole(&console, &person, query.as_deref()).await?,
    ))
}

/// Every page of the list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<MemberView>, Refused> {
    let may = person.may::<SeeMembers>(console).await?;
    let wanted = people(PATH, query).by_role(Some(export::AT_ONCE));
    let page = async |cursor| {
        let wanted = ByRole {
            cursor,
            ..wanted.clone()
        };
        members::list(console.manage(), &may, &wanted).await
    };
    export::whole(page).await
}
