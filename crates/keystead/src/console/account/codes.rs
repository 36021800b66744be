//! `/console/account/codes`: one-time codes and recovery codes.

use askama::Template;
use axum::{extract::State, response::Response};
use http::header::SET_COOKIE;
use qrcode::{QrCode, render::svg};
use zeroize::Zeroizing;

use super::after;
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        refused::shown,
        sign_in::{session_cookie, trouble},
    },
    people::{NotProven, RecoveryCode, TotpEnrolment},
    store::SignInMethod,
};

#[derive(Template)]
#[template(path = "console/account/codes.html")]
struct Page {
    frame: Frame,
    form: Form,
    ticket: String,
    secret: Zeroizing<String>,
    /// The same for a camera, as SVG of ours.
    picture: String,
}

#[derive(Template)]
#[template(path = "console/account/recovery.html")]
struct RecoveryPage {
    frame: Frame,
    codes: Vec<Zeroizing<String>>,
}

pub(super) async fn begin(State(console): State<Console>, person: Person) -> Answer {
    match console.people().begin_totp(&person.signed_in).await {
        Ok(enrolment) => Ok(page(&person, enrolment, Form::default())),
        Err(NotProven::ProveAgain) => Err(Refused::ProveAgain("/console/account/codes".to_owned())),
        Err(error) => {
            trouble(&mut Form::default(), "code", error)?;
            Err(Refused::NotFound)
        }
    }
}

pub(super) async fn enrol(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let (ticket, code) = (form.take("ticket"), form.take("code"));
    let (people, signed_in) = (console.people(), &person.signed_in);
    match people.enrol_totp(signed_in, &ticket, &code).await {
        Ok(codes) => {
            let hash = signed_in.session.hash;
            let method = SignInMethod::PasswordAndCode;
            let (_, token) = console.store().prove_session(&hash, method).await?;
            let mut response = recovery_page(&person, &codes);
            let cookie = session_cookie(&console, &token);
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(error) => {
            let status = trouble(&mut form, "code", error)?;
            let Ok(enrolment) = people.totp_again(signed_in, &ticket).await else {
                let outcome = Err(NotProven::Expired);
                return after(&console, &person, outcome, "changed", "code").await;
            };
            let mut response = page(&person, enrolment, form);
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

pub(super) async fn remove(State(console): State<Console>, posted: Posted) -> Answer {
    let person = posted.person;
    let outcome = console.people().remove_totp(&person.signed_in).await;
    after(&console, &person, outcome, "removed", "code").await
}

pub(super) async fn recovery(State(console): State<Console>, posted: Posted) -> Answer {
    let person = posted.person;
    let people = console.people();
    match people.make_recovery_codes(&person.signed_in).await {
        Ok(codes) => Ok(recovery_page(&person, &codes)),
        Err(error) => after(&console, &person, Err(error), "changed", "code").await,
    }
}

fn page(person: &Person, enrolment: TotpEnrolment, form: Form) -> Response {
    let code = QrCode::new(enrolment.address.as_bytes());
    let picture = code.map(|code| {
        code.render::<svg::Color<'_>>()
            .min_dimensions(220, 220)
            .dark_color(svg::Color("#000000"))
            .light_color(svg::Color("#ffffff"))
            .build()
    });
    // Without the declaration of an XML document, which has no place within a page.
    let picture = picture.unwrap_or_default();
    let picture = picture
        .find("<svg")
        .map_or("", |at| &picture[at..])
        .to_owned();
    shown(&Page {
        frame: Frame::new(person, Place::Account, "Set up one-time codes"),
        form,
        ticket: enrolment.ticket,
        secret: enrolment.secret,
        picture,
    })
}

fn recovery_page(person: &Person, codes: &[RecoveryCode]) -> Response {
    shown(&RecoveryPage {
        frame: Frame::new(person, Place::Account, "Recovery codes"),
        codes: codes.iter().map(RecoveryCode::expose).collect(),
    })
}
