//! States that views show by their stable words.

/// Lets a type with `ALL` and `word` be shown, serialised and described.
macro_rules! shown_by_word {
    ($($name:ident)*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let words = Self::ALL.iter().map(|one| one.word());
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .enum_values(Some(words))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

use super::posture::Verdict;
use crate::{
    alerts::{AlertKind, Level},
    audit::Outcome,
    store::{ApiScope, AttemptEnd, DeliveryState, KeySource, KeyStatus, Role, SignInMethod},
};

shown_by_word! { Verdict DeliveryState AlertKind Level ApiScope AttemptEnd KeySource KeyStatus Outcome Role SignInMethod }
