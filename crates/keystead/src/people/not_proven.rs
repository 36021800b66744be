//! Why someone is not signed in.

use std::time::Duration;

use super::{WeakPassword, hasher::Busy};
use crate::{custody::CustodyError, oidc::OidcError, store::StoreError};

/// Why nobody is signed in, or nothing was changed. Texts are for the person who tried; which of
/// several things was wrong is not among what they say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotProven {
    /// Unknown, or not what belongs to it.
    #[error("this is not right")]
    Wrong,
    /// Too many tries: so long to wait.
    #[error("too many tries; wait {} s", .0.as_secs().max(1))]
    Wait(Duration),
    /// Too many people at once.
    #[error("too many people sign in at this moment; try again")]
    Busy,
    /// The form lay too long, or was used.
    #[error("this took too long, or was done already; begin again")]
    Expired,
    /// The link is unknown, used, taken back or too old.
    #[error("this link can't be used; ask for another")]
    LinkOver,
    /// The account has no organization.
    #[error("this account belongs to no organization")]
    NoOrganization,
    /// A fresh proof is wanted first.
    #[error("show again who you are")]
    ProveAgain,
    /// This would leave the account without a way to sign in.
    #[error("this is the only way left to sign in")]
    LastWay,
    /// The invitation is for someone else.
    #[error("this invitation is for another e-mail address")]
    OtherAddress,
    /// The invitation's address has an account: its owner is to sign in.
    #[error("there is an account for this address already; sign in, then open the link again")]
    HasAccount,
    /// Not an e-mail address.
    #[error("expected an e-mail address")]
    NoEmail,
    /// A name that can't be one.
    #[error("expected a name of 1 to 100 characters")]
    NoName,
    /// Unknown, and newcomers are not let in.
    #[error("you have no account here; ask for an invitation")]
    NotInvited,
    /// There is no provider to sign in by.
    #[error("nothing is set up to sign in by here")]
    NoProvider,
    /// This identity is an account's already.
    #[error("this sign-in belongs to an account already")]
    IdentityKnown,
    /// The OpenID provider did not say what it should.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// Passkeys need a host name, and this console has none.
    #[error("passkeys need a console with a host name and HTTPS, or localhost")]
    NoPasskeys,
    /// The password that was chosen is not good enough.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Custody, or the store.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl From<StoreError> for NotProven {
    fn from(error: StoreError) -> Self {
        Self::Custody(error.into())
    }
}

impl From<Busy> for NotProven {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}
