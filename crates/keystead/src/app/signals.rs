//! How the process is told to stop.

use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How often it was told to, by SIGTERM or SIGINT, from now on.
pub(super) fn told_to_stop(runtime: &Handle) -> watch::Receiver<u32> {
    let _within = runtime.enter();
    let listen = |kind| signal(kind).expect("signal handling is there on every Unix");
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate()),
        listen(SignalKind::interrupt()),
    );
    let (told, times) = watch::channel(0);
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            told.send_modify(|times| *times += 1);
        }
    });
    times
}
