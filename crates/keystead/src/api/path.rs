//! Ids in paths. One that can't be an id names nothing, and the answer is that of one that doesn't.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::manage::{Object, Problem};

/// The object that a path names, `…/{id}`.
#[derive(Debug)]
pub(super) struct Id<I>(pub(super) I);

/// The object that a path names, and another that belongs to it, `…/{id}/…/{part}`.
#[derive(Debug)]
pub(super) struct Ids<I, J>(pub(super) I, pub(super) J);

impl<I: Object, S: Send + Sync> FromRequestParts<S> for Id<I> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|_| Problem::NotFound(I::WHAT))?;
        I::named(&id).map(Self)
    }
}

impl<I: Object, J: Object, S: Send + Sync> FromRequestParts<S> for Ids<I, J> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((id, part)) = path.map_err(|_| Problem::NotFound(I::WHAT))?;
        Ok(Self(I::named(&id)?, J::named(&part)?))
    }
}
