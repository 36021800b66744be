//! What people are asked to agree to, as a part of a page.

use http::{HeaderMap, header};

use super::{Console, Form, Refused, markdown::Markdown};
use crate::{
    clock::Timestamp,
    consent::{Languages, Text},
    ids::AccountId,
    store::{Application, Consent},
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

/// Something that an account agreed to.
pub(super) struct Agreed {
    pub(super) application: String,
    pub(super) version: u32,
    pub(super) language: String,
    /// The beginning of the text's hash, and the whole of it.
    pub(super) mark: String,
    pub(super) hash: String,
    pub(super) given_at: Timestamp,
}

impl Agreed {
    /// All of it, the newest first.
    pub(super) async fn by(console: &Console, account: AccountId) -> Result<Vec<Self>, Refused> {
        let all = console.store().consents_of(account).await?.into_iter();
        let shown = |(consent, application): (Consent, Application)| {
            let hash = hex(&consent.hash);
            Self {
                application: application.name,
                version: consent.version,
                language: consent.language,
                mark: hash[..12].to_owned(),
                hash,
                given_at: consent.given_at,
            }
        };
        Ok(all.map(shown).collect())
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
