//! A secret can't be printed, cloned, compared or serialised: a derive too many does not compile.

use std::{
    borrow::Borrow,
    fmt::{Display, LowerHex},
    hash::Hash,
    ops::Deref,
};

use keystead_vault::{
    Canonical, MacKey, Pepper, ProviderKey, SealingKey, SubjectHash, Token, TokenHash, TokenKind,
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// Fails to compile when `$type` has one of the traits: then two impls of `Has` fit, and which one
/// `mark` names can't be inferred.
macro_rules! lacks {
    ($type:ty: $($bound:path),+ $(,)?) => {
        $(const _: fn() = || {
            struct Present;
            trait Has<A> {
                fn mark() {}
            }
            impl<T: ?Sized> Has<()> for T {}
            impl<T: ?Sized + $bound> Has<Present> for T {}
            let _ = <$type as Has<_>>::mark;
        };)+
    };
}

macro_rules! is_secret {
    ($($type:ty),+ $(,)?) => {
        $(lacks!($type: Clone, Copy, Display, LowerHex, Serialize, DeserializeOwned, Default,
            PartialEq, PartialOrd, Hash, Deref, ToString, AsRef<str>, AsRef<[u8]>, Borrow<str>,
            Into<String>, Into<Vec<u8>>, Iterator);)+
    };
}

is_secret!(ProviderKey, SealingKey, MacKey, Pepper, Token);

// Not secrets, but each stands for a person or a session.
lacks!(TokenHash: Display, LowerHex, Serialize);
lacks!(SubjectHash: Display, LowerHex, Serialize);

#[test]
fn debug_shows_the_name_and_nothing_else() {
    let canary = "canary-4f1d";
    let bytes = || Zeroizing::new(*b"canary-4f1d-canary-4f1d-canary-4");
    let token = Token::generate(TokenKind::Access);
    let row = Canonical::new("row").text(canary);

    for (shown, expected) in [
        (
            format!("{:?}", ProviderKey::new(canary.to_owned().into())),
            "ProviderKey(..)",
        ),
        (
            format!("{:#?}", ProviderKey::new(canary.to_owned().into())),
            "ProviderKey(..)",
        ),
        (
            format!("{:?}", SealingKey::from_bytes(bytes())),
            "SealingKey(..)",
        ),
        (format!("{:?}", MacKey::from_bytes(bytes())), "MacKey(..)"),
        (format!("{:?}", Pepper::from_bytes(bytes())), "Pepper(..)"),
        (format!("{token:?}"), "Token(..)"),
        (format!("{:?}", token.lookup()), "TokenHash(..)"),
        (
            format!("{:?}", SubjectHash::from_bytes(*bytes())),
            "SubjectHash(..)",
        ),
        (format!("{row:?}"), "Canonical(24 bytes)"),
    ] {
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_refused_token_is_not_in_the_refusal() {
    let refused = Token::parse("kst1_canary-4f1d").unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("canary"));
}
