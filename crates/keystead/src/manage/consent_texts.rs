//! What an application's users agree to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    List, Manage, May, Paging, Problem,
    fields::Fields,
    permission::right::{EditApplications, SeeApplications},
    time::Moment,
};
use crate::{consent::Language, ids::ApplicationId, store::ConsentText};

/// The longest text, in characters.
const LONGEST: usize = 20_000;

/// In how many languages a text can be.
const MOST: usize = 20;

/// The next version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentTextWrite, example = json!({
    "texts": {"en": "Your key is used for **letters** alone.", "de": "Ihr Schlüssel dient allein **Briefen**."}
}))]
pub struct Write {
    /// The text in Markdown, by the tag of its language. HTML in it is shown as text; links lead to https
    /// and e-mail addresses.
    pub texts: BTreeMap<String, String>,
}

/// One version of what an application's users agree to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentTextView {
    /// Its number; 0 is the text that Keystead brings along, which holds until there is another.
    pub version: u32,
    /// Whether people are asked for this one now.
    pub current: bool,
    /// The text in Markdown, by the tag of its language.
    pub texts: BTreeMap<String, String>,
    /// When it was written; not known of the one that Keystead brings along.
    pub created_at: Option<Moment>,
}

/// Writes the next version. Everybody is asked again from now on.
pub async fn write(
    manage: &Manage,
    caller: &May<EditApplications>,
    application: ApplicationId,
    wanted: Write,
) -> Result<ConsentTextView, Problem> {
    let texts = checked(wanted.texts)?;
    let written = manage
        .store()
        .write_consent_text(caller.actor, caller.organization, application, texts)
        .await?;
    Ok(ConsentTextView::of(written, true))
}

/// Every version, the one that Keystead brings along first.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeApplications>,
    application: ApplicationId,
    paging: &Paging,
) -> Result<List<ConsentTextView>, Problem> {
    let all = all(manage, caller, application).await?;
    let after: Option<u32> = paging.after()?;
    let mut rows = all
        .into_iter()
        .rev()
        .filter(|text| after.is_none_or(|last| text.version > last));
    let limit = usize::from(paging.limit()?);
    let data: Vec<ConsentTextView> = rows.by_ref().take(limit).collect();
    let has_more = rows.next().is_some();
    let last = data.last().map(|text| text.version.to_string());
    Ok(List::part(data, has_more, last))
}

/// Every version, the newest first.
pub async fn all(
    manage: &Manage,
    caller: &May<SeeApplications>,
    application: ApplicationId,
) -> Result<Vec<ConsentTextView>, Problem> {
    let store = manage.store();
    let found = store.application(caller.organization, application).await?;
    let written = store
        .consent_texts(caller.organization, application)
        .await?;
    let builtin = ConsentTextView {
        version: 0,
        current: written.is_empty(),
        texts: manage.consents().builtin(&found).await?,
        created_at: None,
    };
    let written = written.into_iter().enumerate();
    let written = written.map(|(at, text)| ConsentTextView::of(text, at == 0));
    Ok(written.chain([builtin]).collect())
}

/// What is wrong with texts, if anything is.
pub fn checked(wanted: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let mut fields = Fields::default();
    if !(1..=MOST).contains(&wanted.len()) {
        fields.wrong("texts", format!("expected 1 to {MOST} languages"));
    }
    let mut texts = BTreeMap::new();
    for (tag, text) in wanted {
        let expected = "the tag of a language, such as `en` or `pt-BR`";
        if tag.parse::<Language>().is_err() {
            // What was sent may be anything, so it names no field.
            fields.wrong("texts", format!("each text goes by {expected}"));
        }
        let text = text.replace("\r\n", "\n").trim().to_owned();
        let is_control = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
        if !(1..=LONGEST).contains(&text.chars().count()) || text.contains(is_control) {
            let place = format!("texts/{tag}");
            let place = if tag.parse::<Language>().is_ok() {
                place.as_str()
            } else {
                "texts"
            };
            fields.wrong(place, format!("must have 1 to {LONGEST} characters"));
        }
        texts.insert(tag, text);
    }
    fields.finish()?;
    Ok(texts)
}

impl ConsentTextView {
    fn of(text: ConsentText, current: bool) -> Self {
        Self {
            version: text.version,
            current,
            texts: text.texts,
            created_at: Some(Moment(text.created_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(texts: &[(&str, &str)]) -> Vec<String> {
        let texts = texts
            .iter()
            .map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()));
        match checked(texts.collect()) {
            Ok(_) => Vec::new(),
            Err(Problem::Invalid(errors)) => errors.into_iter().map(|one| one.pointer).collect(),
            Err(_) => panic!("only fields can be wrong"),
        }
    }

    #[test]
    fn texts_are_in_languages_and_have_an_end() {
        assert!(wrong(&[("en", "Text\n\n- more"), ("pt-BR", "Texto")]).is_empty());
        assert_eq!(wrong(&[]), ["#/texts"]);
        assert_eq!(wrong(&[("english", "Text")]), ["#/texts"]);
        assert_eq!(wrong(&[("en", " \r\n ")]), ["#/texts/en"]);
        assert_eq!(wrong(&[("en", "a\u{7}")]), ["#/texts/en"]);
        assert_eq!(wrong(&[("en", &"x".repeat(20_001))]), ["#/texts/en"]);
    }
}
