//! A panic ends its own request and nothing else.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

/// Waits for `future`; `None` when it panicked. The panic hook has counted it by then.
///
/// What the future shared with other calls is either atomic or behind locks that don't poison, and
/// is left as after a call that was dropped.
pub(super) fn unwound<F: Future>(
    mut future: Pin<&mut F>,
) -> impl Future<Output = Option<F::Output>> {
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    })
}
