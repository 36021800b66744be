//! Stand-ins for providers: enough of their APIs for real calls, on loopback, made of nothing.
//!
//! Each checks the key like the real one, and what they say is known beforehand.

mod deepl;
mod openai;

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

/// Where the stand-ins are, and the one key that each of them takes.
pub(super) struct StandIns {
    pub(super) openai: StandIn,
    pub(super) deepl: StandIn,
}

/// A stand-in.
pub(super) struct StandIn {
    pub(super) at: SocketAddr,
    pub(super) key: String,
}

/// Serves on free loopback ports for as long as the process runs.
///
/// # Errors
///
/// No port is free.
pub(super) async fn start() -> std::io::Result<StandIns> {
    // Keys as the providers' look like, known to the stand-ins alone.
    let openai = format!("sk-proj-demo-{}", super::random_hex::<24>());
    let deepl = format!(
        "{}-demo-{}:fx",
        super::random_hex::<8>(),
        super::random_hex::<8>()
    );
    Ok(StandIns {
        openai: serve(openai::router(&openai), openai).await?,
        deepl: serve(deepl::router(&deepl), deepl).await?,
    })
}

async fn serve(router: Router, key: String) -> std::io::Result<StandIn> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(StandIn { at, key })
}
