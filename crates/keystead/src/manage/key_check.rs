//! Asking a provider whether it takes a key: the seam between the API and the network.

use std::{fmt, pin::Pin};

use keystead_providers::{CheckOutcome, Destination, Provider};
use keystead_vault::ProviderKey;

/// Makes a provider's cheapest calls with a key. The program gives the API one that goes through
/// its connector; tests give one that says what they want.
pub trait KeyChecker: fmt::Debug + Send + Sync {
    /// Whether a key may be sent to `destination` at all: its name resolves to no address that is
    /// forbidden. A name that does not resolve now is no reason; connecting checks again.
    ///
    /// # Errors
    ///
    /// Why not, for the one who entered the endpoint.
    fn admit<'a>(
        &'a self,
        destination: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send + 'a>>;

    /// What the provider says of the key.
    fn ask<'a>(
        &'a self,
        provider: &'static dyn Provider,
        key: &'a ProviderKey,
        destination: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>>;
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The provider's word.
    Said(CheckOutcome),
    /// It could not be reached.
    Unreachable,
}
