//! Everything that leaves this process, through one connector.
//!
//! Providers, key checks, and later JWKS, OIDC and webhooks: whoever needs a connection gets it
//! here, so that one place decides which addresses may be reached ([`address`]), how names become
//! addresses and how TLS is spoken ([`connect`]). Redirects are never followed, environment
//! proxies are never read.

pub mod address;
pub mod connect;
pub mod doorbell;
pub mod fetch;
pub mod h1;
pub mod pool;
pub mod sink;

pub use connect::{ConnectError, Connector, UpstreamIo};
