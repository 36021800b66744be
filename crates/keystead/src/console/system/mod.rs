//! `/console/system`: how the installation is.

use askama::Template;
use axum::{Router, extract::State, routing::get};

use super::{Answer, Console, Frame, Person, Place, shown};
use crate::manage::{
    permission::right::SeeSystem,
    system::{self, SystemView},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/console/system", get(show))
}

#[derive(Template)]
#[template(path = "console/system/show.html")]
struct Page {
    frame: Frame,
    system: SystemView,
}

async fn show(person: Person, State(console): State<Console>) -> Answer {
    let may = person.may::<SeeSystem>(&console).await?;
    let system = system::show(console.manage(), &may).await?;
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::System, "System"),
        system,
    }))
}
