//! What alerts there are: kinds of findings that a person must look at, each with a level, words and a
//! page in `docs/runbooks`. No store, no HTTP; [`store`](crate::store) keeps them, and what raises them
//! is wherever it shows.

mod budget;
mod finding;
mod kind;
mod rules;

pub use self::{
    budget::{nearly_used, used_up},
    finding::Finding,
    kind::{AlertKind, Freezes, Level},
    rules::AlertRules,
};
