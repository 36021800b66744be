//! `/console`: what there is, and what to do next.

use askama::Template;

use super::{Answer, Frame, Person, Place, shown};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    frame: Frame,
}

pub(super) async fn show(person: Person) -> Answer {
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Overview, "Overview"),
    }))
}
