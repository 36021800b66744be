//! What people agree to before an application gets anything of theirs: which text it is, and whether they
//! did. No pages, no HTTP.
//!
//! An application writes its own text, version by version. Until it has, the text that Keystead brings along
//! holds, filled in with who is involved; it is version 0. A yes is to one text, and to no other: a new
//! version, or another name in the text, is asked for again.

mod builtin;
mod language;

use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use keystead_vault::SubjectHash;

pub use self::language::{Language, Languages};
use crate::{
    audit::Actor,
    config::Config,
    ids::AccountId,
    store::{Application, Consent, ConsentText, NewConsent, Store, StoreError},
};

/// A text that people are asked to agree to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// Its version; 0 is the text that Keystead brings along.
    pub version: u32,
    /// The tag of its language.
    pub language: String,
    /// The text itself.
    pub markdown: String,
}

/// Texts and yeses. Clones share it.
#[derive(Clone, Debug)]
pub struct Consents {
    store: Store,
    setting: Arc<Setting>,
}

/// What the text that Keystead brings along is filled in with.
#[derive(Debug)]
struct Setting {
    /// The host that people enter keys at.
    place: String,
    /// How many days single calls stay in the ledger.
    days: Option<NonZeroU16>,
}

impl Text {
    /// What stands for it where it is agreed to: SHA-256.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.markdown.as_bytes()).as_ref());
        hash
    }

    /// Whether that yes is to this text, in whichever of its languages.
    fn is_what_was_agreed_to(consent: &Consent, all: &[Self]) -> bool {
        all.iter().any(|text| {
            (text.version, &text.language) == (consent.version, &consent.language)
                && text.hash() == consent.hash
        })
    }
}

impl Consents {
    /// The texts and yeses of one installation.
    pub fn new(config: &Config, store: Store) -> Self {
        Self {
            store,
            setting: Arc::new(Setting {
                place: config.server.connect_url.host(),
                days: config.retention.usage,
            }),
        }
    }

    /// Whether the application has written a text of its own.
    pub async fn has_own(&self, application: &Application) -> Result<bool, StoreError> {
        let newest = self.store.newest_consent_text(application.id).await?;
        Ok(newest.is_some())
    }

    /// What an application's users are asked to agree to now, in the language that suits them best.
    pub async fn text(
        &self,
        application: &Application,
        wanted: &Languages,
    ) -> Result<Text, StoreError> {
        let mut all = self.current(application).await?;
        let tags: Vec<&str> = all.iter().map(|text| text.language.as_str()).collect();
        let best = wanted.best_of(&tags);
        Ok(all.swap_remove(best))
    }

    /// Whether someone has agreed to what an application's users are asked to agree to now.
    pub async fn has_agreed(
        &self,
        application: &Application,
        subject: &SubjectHash,
    ) -> Result<bool, StoreError> {
        let newest = self.store.newest_consent(application.id, subject).await?;
        let Some(consent) = newest else {
            return Ok(false);
        };
        let all = self.current(application).await?;
        Ok(Text::is_what_was_agreed_to(&consent, &all))
    }

    /// Notes that somebody agrees to a text.
    pub async fn agree(
        &self,
        actor: Actor,
        application: &Application,
        account: Option<AccountId>,
        subject: SubjectHash,
        text: &Text,
    ) -> Result<Consent, StoreError> {
        let new = NewConsent {
            account,
            subject,
            version: text.version,
            language: text.language.clone(),
            hash: text.hash(),
        };
        self.store.add_consent(actor, application, new).await
    }

    /// The text that Keystead brings along, as an application's users would read it.
    pub async fn builtin(
        &self,
        application: &Application,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let organization = self.store.organization(application.organization).await?;
        let Setting { place, days } = &*self.setting;
        let names = [place, &application.name, &organization.name].map(String::as_str);
        Ok(builtin::filled(names, *days))
    }

    /// The current version, in all its languages: at least one.
    pub async fn current(&self, application: &Application) -> Result<Vec<Text>, StoreError> {
        let newest = self.store.newest_consent_text(application.id).await?;
        let (version, texts) = match newest {
            Some(ConsentText { version, texts, .. }) => (version, texts),
            None => (0, self.builtin(application).await?),
        };
        let texts = texts.into_iter().map(|(language, markdown)| Text {
            version,
            language,
            markdown,
        });
        Ok(texts.collect())
    }
}
