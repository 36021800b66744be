//! An e-mail address in a view of someone who may see it.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};
use zeroize::Zeroizing;

use crate::store::Email;

/// An e-mail address. It serialises and is shown, since the reader may see it; what prints values
/// for debugging does not print it.
#[derive(Clone)]
pub struct EmailView(Zeroizing<String>);

impl From<&Email> for EmailView {
    fn from(email: &Email) -> Self {
        Self(Zeroizing::new(email.expose().to_owned()))
    }
}

impl fmt::Display for EmailView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailView(..)")
    }
}

impl Serialize for EmailView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for EmailView {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .into()
    }
}

impl ToSchema for EmailView {}
