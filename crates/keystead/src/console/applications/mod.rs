//! Applications: the list, a new one, and the pages of one, each tab an address of its own.

mod addresses;
mod consent;
mod credentials;
mod danger;
mod details;
mod limits;
mod list;
mod new;
mod origins;
mod quick_start;
mod sign_in;
mod snippets;

use axum::{
    Router,
    routing::{get, post},
};

use super::{Console, Person, Refused};
use crate::{
    ids::ApplicationId,
    manage::{
        Object as _, Search,
        applications::{self, ApplicationView},
        permission::{Action, right::SeeApplications},
    },
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/applications", get(list::show))
        .route("/console/applications.csv", get(list::csv))
        .route("/console/applications.json", get(list::json))
        .route(
            "/console/applications/new",
            get(new::show).post(new::create),
        )
        .route("/console/applications/{id}", get(quick_start::show))
        .route(
            "/console/applications/{id}/details",
            get(details::show).post(details::change),
        )
        .route(
            "/console/applications/{id}/credentials",
            get(credentials::show),
        )
        .route(
            "/console/applications/{id}/credentials/new",
            get(credentials::ask).post(credentials::make),
        )
        .route(
            "/console/applications/{id}/credentials/{secret}/revoke",
            get(credentials::ask_revoke).post(credentials::revoke),
        )
        .route(
            "/console/applications/{id}/origins",
            get(origins::show).post(origins::change),
        )
        .route("/console/applications/{id}/addresses", get(addresses::show))
        .route(
            "/console/applications/{id}/addresses/edit",
            get(addresses::edit).post(addresses::change),
        )
        .route("/console/applications/{id}/sign-in", get(sign_in::show))
        .route(
            "/console/applications/{id}/sign-in/edit",
            get(sign_in::edit).post(sign_in::change),
        )
        .route("/console/applications/{id}/consent", get(consent::show))
        .route(
            "/console/applications/{id}/consent/new",
            get(consent::ask).post(consent::write),
        )
        .route(
            "/console/applications/{id}/limits",
            get(limits::show).post(limits::change),
        )
        .route("/console/applications/{id}/danger", get(danger::show))
        .route("/console/applications/{id}/disable", post(danger::disable))
        .route("/console/applications/{id}/enable", post(danger::enable))
        .route(
            "/console/applications/{id}/delete",
            get(danger::ask_delete).post(danger::delete),
        )
}

/// What the pages of one application have in common.
#[derive(Debug)]
struct Head {
    id: String,
    client_id: String,
    name: String,
    public: bool,
    disabled: bool,
    is_development: bool,
    /// The application that this one is a development application of: id and name.
    main: Option<(String, String)>,
    may_edit: bool,
    here: Tab,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tab {
    QuickStart,
    Details,
    Credentials,
    Origins,
    Addresses,
    SignIn,
    Consent,
    Limits,
    Danger,
}

/// A link to a tab.
#[derive(Debug)]
struct TabLink {
    href: String,
    label: &'static str,
    current: bool,
}

const TABS: &[(Tab, &str, &str)] = &[
    (Tab::QuickStart, "", "Quick start"),
    (Tab::Details, "/details", "Details"),
    (Tab::Credentials, "/credentials", "Credentials"),
    (Tab::Origins, "/origins", "Origins & CSP"),
    (Tab::Addresses, "/addresses", "Addresses"),
    (Tab::SignIn, "/sign-in", "Sign-in"),
    (Tab::Consent, "/consent", "Consent"),
    (Tab::Limits, "/limits", "Limits"),
    (Tab::Danger, "/danger", "Danger zone"),
];

impl Head {
    fn tabs(&self) -> Vec<TabLink> {
        let link = |(tab, path, label): &(Tab, &str, &'static str)| TabLink {
            href: format!("/console/applications/{}{path}", self.id),
            label,
            current: *tab == self.here,
        };
        let is_offered = |tab: &&(Tab, _, _)| self.may_edit || tab.0 != Tab::Danger;
        TABS.iter().filter(is_offered).map(link).collect()
    }

    /// What stands before the title.
    fn crumbs(&self, tab: &str) -> Vec<(String, String)> {
        let own = format!("/console/applications/{}", self.id);
        vec![
            (
                "/console/applications".to_owned(),
                "Applications".to_owned(),
            ),
            (format!("{own}{tab}"), self.name.clone()),
        ]
    }
}

/// The application of a page, with what stands above its tabs.
async fn open(
    console: &Console,
    person: &Person,
    id: &str,
    here: Tab,
) -> Result<(ApplicationView, Head), Refused> {
    let may = person.may::<SeeApplications>(console).await?;
    let id = ApplicationId::named(id)?;
    let found = applications::show(console.manage(), &may, id).await?;
    let main = match found.development_of {
        Some(main) => {
            let main = applications::show(console.manage(), &may, main).await?;
            Some((main.application_id.to_string(), main.name))
        }
        None => None,
    };
    let head = Head {
        id: found.application_id.to_string(),
        client_id: found.client_id.to_string(),
        name: found.name.clone(),
        public: found.public,
        disabled: found.disabled,
        is_development: found.development_of.is_some(),
        main,
        may_edit: person.is_allowed(Action::EditApplications),
        here,
    };
    Ok((found, head))
}

/// The applications that a development application can belong to, by name: id and name. Those that
/// are development applications themselves are none, and neither is `but`.
async fn mains(
    console: &Console,
    person: &Person,
    but: Option<ApplicationId>,
) -> Result<Vec<(String, String)>, Refused> {
    let may = person.may::<SeeApplications>(console).await?;
    let search = Search {
        limit: Some(200),
        sort: Some("name".to_owned()),
        ..Search::default()
    };
    let found = applications::list(console.manage(), &may, &search).await?;
    let is_main =
        |one: &ApplicationView| one.development_of.is_none() && Some(one.application_id) != but;
    let mains = found.data.into_iter().filter(is_main);
    Ok(mains
        .map(|one| (one.application_id.to_string(), one.name))
        .collect())
}
