//! Stage 6: prepare. The outgoing request is built anew, from allow-lists; nothing of the client's
//! goes on because nobody thought of it.

use http::{HeaderValue, header};

use super::{call::Call, decide::Permit, open::OpenedKey, refusal::Refusal};
use crate::net::h1::RequestHead;

/// Builds the head of the request for one attempt.
///
/// # Errors
///
/// [`Refusal::Integrity`] when the stored key can't stand in a header, which entry checks.
pub(super) fn prepare(
    permit: &Permit,
    call: &Call,
    key: &OpenedKey,
) -> Result<RequestHead, Refusal> {
    let stored = permit.key();
    let about = stored.provider.about();

    let prefix = stored.destination.prefix.as_str();
    let (mark, query) = call.query().map_or(("", ""), |query| ("?", query));
    let target = [prefix, call.path(), mark, query];
    let mut head = RequestHead::new(&call.parts.method, &target).map_err(|_| Refusal::Internal)?;
    head.add(&header::HOST, &stored.host);
    for (name, value) in &call.parts.headers {
        if about.request_headers.contains(name) {
            head.add(name, value);
        }
    }
    head.add(
        &header::ACCEPT_ENCODING,
        &HeaderValue::from_static("identity"),
    );
    // No credential is on a list of headers, so this is the only one.
    let form = about.leaves_in(permit.form());
    let (name, value) = key.header(form).ok_or(Refusal::Integrity)?.line();
    head.add(name, value);
    Ok(head)
}
