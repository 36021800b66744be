//! A request to the control plane is handed over when all of it is there.
//!
//! Who asks is found out by its handler, so after the last byte came: nobody can show who they are,
//! hold a body open, and have it acted on once they may not any more.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::proxy::{body::Share, refusal::Refusal};

/// Longer than any body that a handler takes, in bytes; what is cut off here is refused there.
const AT_MOST: usize = 64 * 1024 + 1;

/// The body, as soon as all of it has come; wiped once it was read, since it may hold a key.
///
/// Anybody may send one, so what all of them hold together is counted: in `share`.
pub(super) async fn arrived(
    body: Incoming,
    patience: Duration,
    share: &mut Share,
) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    share.grow(AT_MOST as u64)?;
    let arrived = timeout(patience, collect(body)).await;
    let bytes = arrived.map_err(|_| Refusal::BodyTimeout)??;
    Ok(Bytes::from_owner(bytes))
}

async fn collect(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    // Of full size from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(AT_MOST));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::malformed("the body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let fits = data.remaining().min(AT_MOST - bytes.len());
        bytes.extend_from_slice(&data[..fits]);
        if bytes.len() == AT_MOST {
            break;
        }
    }
    Ok(bytes)
}
