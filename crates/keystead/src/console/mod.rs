//! The Developer Console: pages for people with an account, drawn on the server.
//!
//! | path | what |
//! |---|---|
//! | `/` | leads to `/console` |
//! | `/console` | overview |
//! | `/console/…` | a folder or file here for each page, its template beside it |
//! | `/oauth/authorize` | an application asks a person to let it act for them |
//! | `/connect/…` | people's own keys |
//! | `/console/assets/{hash}/{name}` | styles, scripts and the icon, kept by browsers for good |
//!
//! A page reads: who is it ([`Person`]), may they ([`Person::may`]), act by
//! [`manage`](crate::manage), show. The REST API goes through the same acts, so that neither of the
//! two can do what the other refuses. Every page works without scripts, but for copying, live answers and passkeys.

mod account;
mod addons;
mod alerts;
mod api_tokens;
mod applications;
mod assets;
mod audit;
mod authorize;
mod chart;
mod choices;
mod confirm;
mod connect;
mod consent;
mod daily;
mod done;
mod export;
mod form;
mod frame;
mod guard;
mod home;
mod limits;
mod listing;
mod markdown;
mod members;
mod numbers;
mod once;
mod organization;
mod overview;
mod person;
mod privacy;
mod providers;
mod refused;
mod requests;
mod security;
mod sign_in;
mod system;
mod time;
mod turned_away;
mod usage;
mod warnings;

use std::{fmt, num::NonZeroU16, sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{any, get},
};
use http::HeaderValue;
use url::form_urlencoded::byte_serialize;

use crate::{
    config::{BaseUrl, Config},
    connect::Connect,
    custody::Custody,
    manage::{Manage, Problem},
    oauth::OAuth,
    people::{People, cookie_name},
    store::Store,
};

use self::{
    form::Form,
    frame::{Frame, Place},
    markdown::Markdown,
    person::{Person, Posted},
    refused::{Answer, Refused, shown},
    warnings::Warning,
};

/// What the pages work with. Clones share it.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    manage: Manage,
    people: People,
    oauth: OAuth,
    connect: Connect,
    settings: crate::config::Console,
    /// The address that people reach the console at.
    place: BaseUrl,
    /// The address that people enter keys of their own at.
    connect_place: BaseUrl,
    /// How many days single calls stay in the ledger.
    days: Option<u16>,
    /// Where `/` leads.
    home: String,
    policy: HeaderValue,
    warnings: Vec<Warning>,
    statement: Markdown,
    /// Of pages that call the proxy.
    trial_policy: HeaderValue,
}

impl Console {
    /// The console of one process.
    pub fn new(
        config: &Config,
        manage: Manage,
        people: People,
        oauth: OAuth,
        connect: Connect,
    ) -> Self {
        Self(Arc::new(Inner {
            manage,
            people,
            oauth,
            connect,
            settings: config.console.clone(),
            place: config.server.console_url.clone(),
            connect_place: config.server.connect_url.clone(),
            days: config.retention.usage.map(NonZeroU16::get),
            home: home::address(&config.server),
            policy: HeaderValue::from_static(POLICY),
            warnings: warnings::of_settings(config),
            statement: privacy::statement(&config.console),
            trial_policy: addons::trial_policy(POLICY, &config.server.public_url.to_string()),
        }))
    }

    fn manage(&self) -> &Manage {
        &self.0.manage
    }

    fn custody(&self) -> &Custody {
        self.0.manage.custody()
    }

    fn people(&self) -> &People {
        &self.0.people
    }

    fn oauth(&self) -> &OAuth {
        &self.0.oauth
    }

    fn store(&self) -> &Store {
        self.0.manage.store()
    }

    fn place(&self) -> &BaseUrl {
        &self.0.place
    }

    /// Where people enter keys of their own.
    fn connect_place(&self) -> &BaseUrl {
        &self.0.connect_place
    }

    fn connect(&self) -> &Connect {
        &self.0.connect
    }

    /// How many days single calls stay in the ledger; for ever, if there is no number.
    fn retention_days(&self) -> Option<u16> {
        self.0.days
    }

    fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    fn statement(&self) -> &Markdown {
        &self.0.statement
    }

    fn session_idle(&self) -> Duration {
        self.0.settings.session_idle
    }

    fn cookie_name(&self) -> &'static str {
        cookie_name(self.place())
    }
}

/// Nothing runs on a page but files of ours, nothing is sent but to us, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A page to sign in at, which leads back to `next`.
fn sign_in_path(page: &str, next: Option<&str>) -> String {
    match next {
        None | Some("/console") => page.to_owned(),
        Some(next) => {
            let next: String = byte_serialize(next.as_bytes()).collect();
            format!("{page}?next={next}")
        }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console(..)")
    }
}

/// Every route, `/` and `/console` included.
pub fn router(console: Console) -> Router {
    let guarded = Router::new()
        .route("/console", get(overview::show))
        .merge(providers::routes())
        .merge(addons::routes())
        .merge(applications::routes())
        .merge(organization::routes())
        .merge(privacy::routes())
        .merge(sign_in::routes())
        .merge(sign_in::set_up_routes())
        .merge(account::routes())
        .merge(authorize::routes())
        .merge(connect::routes())
        .merge(usage::routes())
        .route("/console/requests", get(requests::show))
        .route("/console/requests.csv", get(requests::files::csv))
        .route("/console/requests.json", get(requests::files::json))
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(api_tokens::routes())
        .merge(members::routes())
        .merge(system::routes())
        .merge(security::routes())
        .route("/console/{*rest}", any(|| async { Refused::NotFound }))
        .layer(middleware::from_fn_with_state(
            console.clone(),
            guard::guard,
        ));
    Router::new()
        .route(
            "/",
            get(home::lead).fallback(|| async { Problem::NoSuchRoute }),
        )
        .route("/console/assets/{hash}/{name}", get(assets::serve))
        .merge(guarded)
        .with_state(console)
}
