//! Everything that leaves this process, through one connector.
//!
//! Providers, key checks, and later JWKS, OIDC and webhooks: whoever needs a connection gets it
//! here, so that one place decides which addresses may be reached ([`address`]), how names become
//! addresses and how TLS is spoken ([`connect`]). Redirects are never followed, environment
//! proxies are never read.

pub mod address;
pub mod connect;
pub mod fetch;
pub mod pool;

use std::net::IpAddr;

pub use connect::{ConnectError, Connector, UpstreamIo};

/// The address of the client, as the listener found it: the peer, or the last untrusted hop of
/// X-Forwarded-For behind a trusted proxy. The listener puts it into each request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);
