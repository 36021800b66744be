//! Everything that leaves this process, through one connector.
//!
//! Providers, key checks, and later JWKS, OIDC and webhooks: whoever needs a connection gets it
//! here, so that one place decides which addresses may be reached ([`address`]), how names become
//! addresses and how TLS is spoken ([`connect`]). Redirects are never followed, environment
//! proxies are never read.
//!
//! Beside it lies what the sockets of clients share with those of providers: when what is written goes out
//! ([`held`]), and who is woken ([`doorbell`]).

pub mod address;
mod aside;
pub mod connect;
pub mod doorbell;
pub mod fetch;
pub mod h1;
pub mod held;
pub mod pool;
pub mod sink;
mod wiped;

pub use connect::{ConnectError, Connector, UpstreamIo};
