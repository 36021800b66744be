//! Query parameters that gate, name a model, or are billed.

use super::{BodyError, Facts, form::learn_pairs};
use crate::Operation;

impl Operation {
    /// Takes in the query. Parameters that look like keys are the proxy's affair, before this.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it cannot be read in one way only.
    pub fn inspect_query(&self, query: Option<&str>, facts: &mut Facts) -> Result<(), BodyError> {
        match query {
            Some(query) => learn_pairs(query, self.query, facts).map(|_| ()),
            None => Ok(()),
        }
    }
}
