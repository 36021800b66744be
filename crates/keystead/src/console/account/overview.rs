//! `/console/account`.

use askama::Template;
use axum::extract::State;

use crate::{
    clock::Timestamp,
    console::{
        Answer, Console, Form, Frame, Person, Place, consent::Agreed, refused::shown, time::When,
    },
    ids::GrantId,
    manage::{
        permission::right::SeeSessions,
        sessions::{self, SessionView},
    },
    people::Credentials,
    store::SignInMethod,
};

#[derive(Template)]
#[template(path = "console/account/overview.html")]
struct Page {
    frame: Frame,
    form: Form,
    email: String,
    has: Credentials,
    sessions: Vec<SessionView>,
    grants: Vec<Granted>,
    agreed: Vec<Agreed>,
    has_passkeys: bool,
    provider: Option<String>,
    /// The organization asks for more than this session was made with.
    lacks: bool,
    now: Timestamp,
}

/// An application that acts for them.
struct Granted {
    id: GrantId,
    application: String,
    /// The AddOns' handles; none stands for all.
    addons: Vec<String>,
    given_at: Timestamp,
}

pub(super) async fn show(State(console): State<Console>, person: Person) -> Answer {
    page(&console, &person, Form::default()).await
}

pub(super) async fn page(console: &Console, person: &Person, form: Form) -> Answer {
    let (people, signed_in) = (console.people(), &person.signed_in);
    let may = person.may::<SeeSessions>(console).await?;
    let sessions = sessions::list(console.manage(), &may).await?;
    let grants = console.store().grants(signed_in.account.id).await?;
    let grants = grants.into_iter().map(|(grant, application)| Granted {
        id: grant.id,
        application: application.name,
        addons: grant.scope.iter().map(ToString::to_string).collect(),
        given_at: grant.given_at,
    });
    let email = people.custody().email_of(&signed_in.account).await?;
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Account, "Your account"),
        form,
        email: email.expose().to_owned(),
        has: people.credentials(signed_in).await?,
        sessions: sessions.data,
        grants: grants.collect(),
        agreed: Agreed::by(console, signed_in.account.id).await?,
        has_passkeys: people.has_passkeys(),
        provider: people.provider_name().map(ToOwned::to_owned),
        lacks: signed_in.lacks_second_factor(),
        now: console.store().clock().now(),
    }))
}

impl Page {
    fn when(&self, at: &Timestamp) -> When {
        When {
            at: *at,
            now: self.now,
        }
    }

    fn method(&self, session: &SessionView) -> &'static str {
        match session.method {
            SignInMethod::Password => "Password",
            SignInMethod::PasswordAndCode => "Password and code",
            SignInMethod::PasswordAndRecoveryCode => "Password and recovery code",
            SignInMethod::Passkey => "Passkey",
            SignInMethod::Oidc => "Your organization",
        }
    }
}
