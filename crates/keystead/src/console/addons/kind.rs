//! The types of AddOn, in words for someone who meets them for the first time.

use keystead_providers::{ALL, AddOnType};

/// What is said of one type.
#[derive(Clone, Copy, Debug)]
pub(in crate::console) struct KindWords {
    /// `text`.
    pub(in crate::console) word: &'static str,
    /// `Writing and chat`.
    pub(in crate::console) title: &'static str,
    /// What it does, in a sentence.
    pub(in crate::console) text: &'static str,
    /// What its handle is unless somebody says otherwise.
    pub(in crate::console) handle: &'static str,
    kind: AddOnType,
}

impl KindWords {
    /// Every type, in the order people are shown them.
    pub(in crate::console) fn all() -> impl Iterator<Item = Self> {
        AddOnType::ALL.into_iter().map(Self::of)
    }

    /// The type of this word.
    pub(in crate::console) fn named(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.word == word)
    }

    /// What is said of a type.
    pub(in crate::console) fn of(kind: AddOnType) -> Self {
        let (title, text, handle) = match kind {
            AddOnType::Text => (
                "Writing and chat",
                "Answers questions, drafts and rewrites text: what a writing assistant needs.",
                "ai-writing",
            ),
            AddOnType::Translation => (
                "Translation",
                "Takes text in one language and gives it back in another.",
                "ai-translation",
            ),
            AddOnType::Image => (
                "Images",
                "Makes pictures from a description, and changes pictures.",
                "ai-images",
            ),
            AddOnType::AltText => (
                "Alt text",
                "Looks at a picture and says in words what is to be seen.",
                "ai-alt-text",
            ),
            AddOnType::Any => (
                "Everything a provider offers",
                "All of the provider’s ordinary operations, for programs that use its own SDK in \
                 many ways.",
                "ai",
            ),
        };
        Self {
            word: kind.as_str(),
            title,
            text,
            handle,
            kind,
        }
    }

    /// The titles of the providers that can do it.
    pub(in crate::console) fn providers(&self) -> Vec<&'static str> {
        let able = ALL.iter().filter(|one| self.is_of(one.about().name));
        able.map(|one| one.about().title).collect()
    }

    /// Whether a provider can do it.
    pub(in crate::console) fn is_of(&self, provider: &str) -> bool {
        let provider = keystead_providers::by_name(provider);
        provider.is_some_and(|provider| provider.about().trial(self.kind).is_some())
    }

    /// The type itself.
    pub(in crate::console) fn kind(&self) -> AddOnType {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Handle;

    #[test]
    fn every_type_has_a_provider_and_a_handle() {
        for kind in KindWords::all() {
            assert!(!kind.providers().is_empty(), "{}", kind.word);
            assert!(kind.handle.parse::<Handle>().is_ok(), "{}", kind.handle);
            assert_eq!(KindWords::named(kind.word).unwrap().title, kind.title);
        }
        assert!(KindWords::named("video").is_none());
        assert!(!KindWords::of(AddOnType::Image).is_of("anthropic"));
    }
}
