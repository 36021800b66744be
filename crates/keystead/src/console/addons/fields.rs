//! The fields that an AddOn's form has when it is installed and when it is changed.

use keystead_providers::{About, Access, AddOnType, FEATURES};

use crate::{
    console::Form,
    manage::addons::{AddOnView, OperationsView, WantedOperations},
};

/// What there is to choose from, at one provider.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub(super) model_label: &'static str,
    pub(super) model_hint: &'static str,
    pub(super) operations: Vec<Operation>,
    pub(super) features: Vec<Feature>,
}

/// An operation that can be named.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
}

/// A feature that can be opened.
#[derive(Debug)]
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) opens: &'static str,
}

impl Choices {
    /// For an AddOn of this type.
    pub(super) fn of(about: Option<&'static About>, kind: AddOnType) -> Self {
        let Some(about) = about else {
            return Self {
                model_label: "Models",
                ..Self::default()
            };
        };
        let mut operations: Vec<Operation> = Vec::new();
        for one in &about.operations {
            let fits = kind == AddOnType::Any || one.types.contains(&kind);
            let known = operations.iter().any(|other| other.name == one.name);
            if one.access != Access::Denied && fits && !known {
                operations.push(Operation {
                    name: one.name,
                    purpose: one.purpose,
                });
            }
        }
        let own = about.features();
        let features = FEATURES.iter().filter(|(name, _)| own.contains(name));
        let models = about.guidance.models.as_ref();
        Self {
            model_label: models.map_or("Models", |words| words.label),
            model_hint: models.map_or(
                "One a line, for calls that name a model. Leave it empty to allow any.",
                |words| words.hint,
            ),
            operations,
            features: features
                .map(|&(name, opens)| Feature { name, opens })
                .collect(),
        }
    }
}

/// The operations that were chosen.
pub(super) fn operations(form: &Form) -> WantedOperations {
    match form.value("operations") {
        "chosen" => WantedOperations::Names(form.all("operation")),
        word => WantedOperations::Word(word.to_owned()),
    }
}

/// Shows an AddOn in its form.
pub(super) fn fill(form: &mut Form, addon: &AddOnView) {
    form.put("handle", addon.handle.to_string());
    form.put("type", addon.kind);
    form.put(
        "key_id",
        addon.key_id.map(|id| id.to_string()).unwrap_or_default(),
    );
    form.put("key_source", addon.key_source.word());
    form.put("models", addon.models.join("\n"));
    match &addon.operations {
        OperationsView::Word(word) => form.put("operations", *word),
        OperationsView::Names(names) => {
            form.put("operations", "chosen");
            for name in names {
                form.put("operation", name.as_str());
            }
        }
    }
    for feature in &addon.allow {
        form.put("allow", feature.as_str());
    }
    if addon.strict {
        form.put("strict", "yes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_to_choose_fits_the_type() {
        let about = keystead_providers::by_name("openai").unwrap().about();
        let names = |kind| {
            let operations = Choices::of(Some(about), kind).operations;
            operations.iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert!(names(AddOnType::Image).contains(&"images.generations"));
        assert!(!names(AddOnType::Image).contains(&"chat.completions"));
        assert!(names(AddOnType::Any).contains(&"files"), "opt-in as well");
        assert!(!names(AddOnType::Any).contains(&"administration"));
        let features = Choices::of(Some(about), AddOnType::Text).features;
        assert_eq!(features.len(), about.features().len());
    }
}
