//! A secret of ours in the one view that shows it.

use std::fmt;

use keystead_vault::Token;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A client secret or an API token that was just made. It serialises, since its maker must see it,
/// and does not print.
pub struct ShownOnce(Token);

impl ShownOnce {
    /// The secret, for the page that shows it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<Token> for ShownOnce {
    fn from(token: Token) -> Self {
        Self(token)
    }
}

impl Serialize for ShownOnce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl PartialSchema for ShownOnce {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .into()
    }
}

impl ToSchema for ShownOnce {}

impl fmt::Debug for ShownOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownOnce(..)")
    }
}
