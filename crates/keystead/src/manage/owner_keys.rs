//! The keys of organizations and people, under which everything of theirs is sealed.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Manage, May, Problem,
    permission::right::{RotateAccountKey, RotateOrganizationKey},
};
use crate::custody::Rewrapped;

/// What another key wraps now.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RewrappedView {
    /// Group keys, one of each provider key.
    pub group_keys: usize,
    /// Other records: peppers, addresses, what people sign in with.
    pub records: usize,
    /// Vaults that got a key of their own: the account's, or those of the organization's end users.
    pub vaults: usize,
}

/// Gives the organization another key, and the vaults of its end users one each. Calls go on meanwhile;
/// whoever hangs up does not stop it, for a job goes on with what was begun.
pub async fn rotate_of_organization(
    manage: &Manage,
    caller: &May<RotateOrganizationKey>,
) -> Result<RewrappedView, Problem> {
    let done = manage
        .custody()
        .rotate_organization_key(caller.actor, caller.organization);
    Ok(done.await?.into())
}

/// Gives the caller's account another key, and their vault.
pub async fn rotate_of_account(
    manage: &Manage,
    caller: &May<RotateAccountKey>,
) -> Result<RewrappedView, Problem> {
    let done = manage
        .custody()
        .rotate_account_key(caller.actor, caller.account);
    Ok(done.await?.into())
}

impl From<Rewrapped> for RewrappedView {
    fn from(done: Rewrapped) -> Self {
        Self {
            group_keys: done.group_keys,
            records: done.records,
            vaults: done.vaults,
        }
    }
}
