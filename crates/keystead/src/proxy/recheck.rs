//! Between attempts a call waits, and what it rests on may change: the permit is looked at again before
//! anything goes out on it.

use std::sync::Arc;

use keystead_providers::Facts;

use super::{
    authenticate::{Caller, find_again},
    call::Call,
    decide::{Permit, decide, route},
    plane::Plane,
    refusal::Refusal,
};
use crate::clock::Timestamp;

/// What a permit was given on.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub call: &'a Call,
    pub facts: &'a Facts,
    /// The count of changes at which its caller was known.
    pub generation: u64,
    /// When the call came: one that has begun outlives its token's time.
    pub at: Timestamp,
}

impl Basis<'_> {
    /// Whether anything has changed since, whatever it is.
    pub(super) fn may_have_changed(&self, plane: &Plane) -> bool {
        plane.catch_up() != self.generation
    }

    /// Asks anew for what was permitted.
    ///
    /// # Errors
    ///
    /// The refusal that applies by now; [`Refusal::Revoked`] where the call would have another key.
    pub(super) async fn still_permits(
        &self,
        plane: &Plane,
        permit: &Permit,
    ) -> Result<(), Refusal> {
        let known = permit.session();
        let session = find_again(plane, self.call, self.at).await?;
        if Arc::ptr_eq(&session, known) {
            return Ok(());
        }
        let caller = Caller::again(session, permit.form(), self.generation);
        // Whose an object is never changes.
        let route = route(&caller, self.call, self.at)?;
        let again = decide(route, self.facts, true, permit.request_id())?;
        if again.key().row.id == permit.key().row.id {
            Ok(())
        } else {
            Err(Refusal::Revoked)
        }
    }
}
