//! One's own account and organization: what is known, taken away as a file; and their end.

use axum::{extract::State, response::Response};

use super::receipt;
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        confirm::{Confirm, counted, is_typed},
        export,
    },
    manage::{
        erasure::{self, Confirm as Wanted},
        permission::right::{DeleteOrganization, EraseAccount, ExportAccount, SeeOrganization},
    },
};

pub(super) async fn export(State(console): State<Console>, person: Person) -> Answer {
    let may = person.may::<ExportAccount>(&console).await?;
    let found = erasure::export_account(console.manage(), &may).await?;
    Ok(export::object("my-data", &found))
}

/// Asks before an account is erased, of someone who proved anew who they are.
pub(super) async fn ask_erase(State(console): State<Console>, person: Person) -> Answer {
    person.may::<EraseAccount>(&console).await?;
    asked_erase(&console, &person, Form::default()).await
}

pub(super) async fn erase(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EraseAccount>(&console).await?;
    let email = console
        .custody()
        .email_of(&person.signed_in.account)
        .await?;
    if !is_typed(&mut form, email.expose()) {
        return asked_erase(&console, &person, form).await;
    }
    let wanted = Wanted {
        confirm: form.value("confirm").to_owned(),
    };
    match erasure::erase_account(console.manage(), &may, &wanted).await {
        Ok(done) => Ok(receipt(&console, done, None)),
        Err(problem) => {
            form.refused(problem)?;
            asked_erase(&console, &person, form).await
        }
    }
}

async fn asked_erase(console: &Console, person: &Person, form: Form) -> Result<Response, Refused> {
    let email = console
        .custody()
        .email_of(&person.signed_in.account)
        .await?;
    Ok(Confirm {
        frame: Frame::new(person, Place::Account, "Erase your account"),
        crumbs: vec![("/console/account".to_owned(), "Your account".to_owned())],
        question: "Erase your account?".to_owned(),
        effects: vec![
            "Your e-mail address, password, passkeys and codes are destroyed, with the key that they are \
             sealed under."
                .to_owned(),
            "You leave every organization. API tokens that you made stop working at once.".to_owned(),
            "Applications no longer act for you, and what you used through them no longer says that it \
             was you."
                .to_owned(),
            "Keys of your own that you brought are destroyed, with the key over them; delete them at the \
             provider as well."
                .to_owned(),
            "The audit log keeps what you did, under an id that leads to nobody.".to_owned(),
            "It can't be undone. A backup from before holds it until that backup is destroyed.".to_owned(),
        ],
        typed: Some(email.expose().to_owned()),
        button: "Erase for good",
        is_danger: true,
        action: "/console/account/erase".to_owned(),
        form,
    }
    .ask())
}

/// Asks before the organization is deleted, with counts.
pub(super) async fn ask_delete(State(console): State<Console>, person: Person) -> Answer {
    person.may::<DeleteOrganization>(&console).await?;
    asked_delete(&console, &person, Form::default()).await
}

pub(super) async fn delete(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<DeleteOrganization>(&console).await?;
    let name = person.signed_in.organization.name.clone();
    if !is_typed(&mut form, &name) {
        return asked_delete(&console, &person, form).await;
    }
    let wanted = Wanted { confirm: name };
    let done = erasure::delete_organization(console.manage(), &may, &wanted).await?;
    Ok(receipt(&console, done, None))
}

async fn asked_delete(console: &Console, person: &Person, form: Form) -> Result<Response, Refused> {
    let may = person.may::<SeeOrganization>(console).await?;
    let goes = erasure::organization_belongings(console.manage(), &may).await?;
    let name = person.signed_in.organization.name.clone();
    Ok(Confirm {
        frame: Frame::new(person, Place::Organization, "Delete the organization"),
        crumbs: vec![(
            "/console/organization".to_owned(),
            "Organization".to_owned(),
        )],
        question: format!("Delete {name}?"),
        effects: vec![
            format!(
                "{} with everything that is its own.",
                counted(goes.applications, "application goes", "applications go")
            ),
            format!(
                "{} destroyed: nobody can get a key back from here.",
                counted(goes.keys, "provider key is", "provider keys are")
            ),
            format!(
                "{} destroyed as well.",
                counted(
                    goes.own_keys,
                    "key that an end user brought is",
                    "keys that end users brought are"
                )
            ),
            format!(
                "{} removed.",
                counted(goes.addons, "AddOn is", "AddOns are")
            ),
            format!(
                "{} at once, and running answers are cut within a second.",
                counted(
                    goes.access_tokens,
                    "token that still works ends",
                    "tokens that still work end"
                )
            ),
            format!(
                "{} working.",
                counted(goes.api_tokens, "API token stops", "API tokens stop")
            ),
            format!(
                "{} here; accounts stay, for they are people's.",
                counted(
                    goes.members,
                    "member loses their place",
                    "members lose their places"
                )
            ),
            "What was used goes with it, the books included. The audit log stays.".to_owned(),
            "It can't be undone. A backup from before holds it until that backup is destroyed."
                .to_owned(),
        ],
        typed: Some(name),
        button: "Delete for good",
        is_danger: true,
        action: "/console/organization/delete".to_owned(),
        form,
    }
    .ask())
}
