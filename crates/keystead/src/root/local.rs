//! A root key that this process holds.

use std::future::ready;

use keystead_vault::{Context, SealingKey};
use zeroize::Zeroizing;

use super::{Answer, RootKey, WrapError};

/// A root key in memory, from a file or a passphrase.
#[derive(Debug)]
pub(super) struct LocalRootKey(SealingKey);

impl LocalRootKey {
    pub(super) fn new(key: SealingKey) -> Self {
        Self(key)
    }
}

impl RootKey for LocalRootKey {
    fn wrap<'a>(&'a self, context: &'a Context<'a>, key: &'a [u8]) -> Answer<'a, Vec<u8>> {
        Box::pin(ready(Ok(self.0.seal(context, key))))
    }

    fn unwrap<'a>(
        &'a self,
        context: &'a Context<'a>,
        record: &'a [u8],
    ) -> Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(ready(self.0.open(context, record).map_err(WrapError::from)))
    }
}
