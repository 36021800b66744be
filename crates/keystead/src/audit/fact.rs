//! What a row of the log may say besides who did what to which object: ids, numbers, stable words. A text
//! that a person typed is none of these, and does not compile.

use std::fmt::Display;

use crate::{
    alerts::AlertKind,
    ids::{
        AccountId, AddOnId, AlertId, ApiTokenId, ApplicationId, ClientSecretId, FamilyId, GrantId,
        KeyGrantId, KeyId, OrganizationId, TokenId, VaultId,
    },
};

/// An id, a number or a stable word. Texts that are made while the program runs are none.
pub trait Fact: Display + sealed::Sealed {}

mod sealed {
    /// Nobody else says what is a fact.
    pub trait Sealed {}
}

/// A provider's name as the word that the registry has for it.
#[must_use]
pub fn provider_word(name: &str) -> &'static str {
    keystead_providers::by_name(name).map_or("unknown", |provider| provider.about().name)
}

macro_rules! facts {
    ($($fact:ty),* $(,)?) => {$(
        impl sealed::Sealed for $fact {}
        impl Fact for $fact {}
    )*};
}

facts! {
    // Words of the program: they are there when it is compiled.
    &'static str,
    AlertKind,
    bool,
    i32,
    i64,
    u16,
    u32,
    u64,
    usize,
    AccountId,
    AddOnId,
    AlertId,
    ApiTokenId,
    ApplicationId,
    ClientSecretId,
    FamilyId,
    GrantId,
    KeyGrantId,
    KeyId,
    OrganizationId,
    TokenId,
    VaultId,
}
