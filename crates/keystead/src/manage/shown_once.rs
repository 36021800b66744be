//! A secret of ours in the one view that shows it.

use std::fmt;

use keystead_vault::Token;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};
use zeroize::Zeroizing;

/// A secret of ours that was just made: a token, a link, a webhook's secret. It serialises, since its
/// maker must see it, and does not print.
pub struct ShownOnce(Zeroizing<String>);

impl ShownOnce {
    /// A link: the token stands behind the `#`, which browsers send to nobody.
    pub(super) fn link(page: &str, token: &Token) -> Self {
        Self(Zeroizing::new(format!("{page}#{}", token.expose())))
    }

    /// The secret, for the page that shows it.
    pub fn expose(&self) -> Zeroizing<String> {
        self.0.clone()
    }
}

impl From<Zeroizing<String>> for ShownOnce {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl From<Token> for ShownOnce {
    fn from(token: Token) -> Self {
        Self(Zeroizing::new(token.expose().to_owned()))
    }
}

impl Serialize for ShownOnce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
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
