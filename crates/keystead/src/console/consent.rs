//! What people are asked to agree to, as a part of a page.

use http::{HeaderMap, header};

use super::{Console, Form, Refused, markdown::Markdown};
use crate::{
    consent::{Languages, Text},
    store::Application,
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

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
