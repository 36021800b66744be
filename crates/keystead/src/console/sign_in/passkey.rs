//! `/console/sign-in/passkey`: what a passkey is asked, for the page's script.

use axum::{extract::State, response::Response};

use super::entrance::asked;
use crate::console::Console;

pub(super) async fn ask(State(console): State<Console>) -> Response {
    asked(console.people().ask_for_passkey())
}
