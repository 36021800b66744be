//! Stage 6: prepare. The outgoing request is built anew, from allow-lists; nothing of the client's
//! goes on because nobody thought of it.

use http::{HeaderMap, HeaderValue, Request, header};

use super::{body::Outgoing, call::Call, decide::Permit, open::OpenedKey, refusal::Refusal};

/// Builds the request for one attempt.
///
/// # Errors
///
/// [`Refusal::Integrity`] when the stored key can't stand in a header, which entry checks.
pub(super) fn prepare(
    permit: &Permit,
    call: &Call,
    key: &OpenedKey,
    body: Outgoing,
) -> Result<Request<Outgoing>, Refusal> {
    let stored = permit.key();
    let about = stored.provider.about();

    let mut headers = HeaderMap::with_capacity(call.parts.headers.len() + 4);
    headers.insert(header::HOST, stored.host.clone());
    for (name, value) in &call.parts.headers {
        if about.request_headers.contains(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    let form = about.leaves_in(permit.form());
    let key_header = key.header(form).ok_or(Refusal::Integrity)?;
    key_header.set(&mut headers);

    let (prefix, path) = (stored.destination.prefix.as_str(), call.path());
    let query = call.query();
    let mut target =
        String::with_capacity(prefix.len() + path.len() + query.map_or(0, |query| query.len() + 1));
    target.push_str(prefix);
    target.push_str(path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    let mut request = Request::new(body);
    *request.method_mut() = call.parts.method.clone();
    *request.uri_mut() = target.try_into().map_err(|_| Refusal::Internal)?;
    *request.headers_mut() = headers;
    Ok(request)
}
