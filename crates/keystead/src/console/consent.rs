//! What people are asked to agree to, as a part of a page.

use http::{HeaderMap, header};
use keystead_vault::SubjectHash;

use super::{Console, Form, Refused, markdown::Markdown, time::When};
use crate::{
    consent::{Languages, Text},
    ids::AccountId,
    store::{Application, Consent, StoreError},
};

/// A text to be shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) version: u32,
    pub(super) language: String,
    pub(super) html: Markdown,
    /// What the form carries, so that the text that was read is the text that is agreed to.
    pub(super) hash: String,
    /// The beginning of it, for people.
    pub(super) mark: String,
}

impl From<&Text> for Shown {
    fn from(text: &Text) -> Self {
        let hash = hex(&text.hash());
        Self {
            version: text.version,
            language: text.language.clone(),
            html: Markdown::of(&text.markdown),
            mark: hash[..12].to_owned(),
            hash,
        }
    }
}

/// Something that somebody agreed to.
pub(super) struct Agreed {
    pub(super) application: String,
    pub(super) version: u32,
    pub(super) language: String,
    /// The beginning of the text's hash, and the whole of it.
    pub(super) mark: String,
    pub(super) hash: String,
    pub(super) given: When,
}

impl Agreed {
    /// All that an account agreed to, the newest first.
    pub(super) async fn by(console: &Console, account: AccountId) -> Result<Vec<Self>, Refused> {
        let all = console.store().consents_of(account).await?.into_iter();
        let shown = |(consent, application): (Consent, Application)| {
            Self::of(console, consent, &application)
        };
        Ok(all.map(shown).collect())
    }

    /// All that a user of an application agreed to there, the newest first.
    pub(super) async fn at(
        console: &Console,
        application: &Application,
        subject: &SubjectHash,
    ) -> Result<Vec<Self>, StoreError> {
        let all = console.store().consents(application.id, subject).await?;
        let shown = |consent| Self::of(console, consent, application);
        Ok(all.into_iter().map(shown).collect())
    }

    fn of(console: &Console, consent: Consent, application: &Application) -> Self {
        let hash = hex(&consent.hash);
        Self {
            application: application.name.clone(),
            version: consent.version,
            language: consent.language,
            mark: hash[..12].to_owned(),
            hash,
            given: When {
                at: consent.given_at,
                now: console.store().clock().now(),
            },
        }
    }
}

/// What someone is asked to agree to, in a language of theirs.
pub(super) async fn text_for(
    console: &Console,
    application: &Application,
    headers: &HeaderMap,
) -> Result<Text, Refused> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE);
    let accepted = accepted.and_then(|value| value.to_str().ok());
    let wanted = Languages::accepted(accepted.unwrap_or_default());
    let consents = console.manage().consents();
    Ok(consents.text(application, &wanted).await?)
}

/// The text that was agreed to by this form; `None`, and the form says why, where none was.
pub(super) async fn agreed_by(
    console: &Console,
    application: &Application,
    form: &mut Form,
) -> Result<Option<Text>, Refused> {
    let consents = console.manage().consents();
    let all = consents.current(application).await?;
    let sent = form.value("consent_text");
    let Some(text) = all.into_iter().find(|text| hex(&text.hash()) == sent) else {
        form.mark("consent", "The text changed just now: read it once more");
        return Ok(None);
    };
    if !form.has("consent", "yes") {
        form.mark("consent", "Tick this, if you agree");
        return Ok(None);
    }
    Ok(Some(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
