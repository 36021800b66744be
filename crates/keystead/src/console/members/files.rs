//! The members as a file.

use axum::extract::State;

use super::{Answer, Console, Person, Refused};
use crate::{
    console::export,
    manage::{
        Paging,
        members::{self, MemberView},
        permission::right::SeeMembers,
        time::rfc3339,
    },
};

pub(super) async fn csv(State(console): State<Console>, person: Person) -> Answer {
    let columns = ["account_id", "email", "role", "disabled", "created_at"];
    let all = whole(&console, &person).await?;
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

pub(super) async fn json(State(console): State<Console>, person: Person) -> Answer {
    Ok(export::json("members", &whole(&console, &person).await?))
}

/// Every page of the list, up to what one file holds.
async fn whole(console: &Console, person: &Person) -> Result<Vec<MemberView>, Refused> {
    let may = person.may::<SeeMembers>(console).await?;
    let page = async |cursor| {
        let paging = Paging::new(Some(export::AT_ONCE), cursor);
        members::list(console.manage(), &may, &paging).await
    };
    export::whole(page).await
}
