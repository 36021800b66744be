//! Why the server could not start.

use std::{io, net::SocketAddr};

use super::tls::TlsError;
use crate::{custody::CustodyError, people::NotProven, store::StoreError};

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No threads are to be had.
    #[error("the runtime could not be started")]
    Runtime(#[source] io::Error),
    /// A listener's address is taken, or not this machine's.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The certificate files can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The root key is missing or wrong, or what it protects can't be opened.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// Passkeys of another host name would be of no use here.
    #[error("passkeys were made for `{known}`, and `server.rp_id` is now `{configured}`")]
    OtherRpId {
        /// The host name that they were made for.
        known: String,
        /// The one that is configured.
        configured: String,
    },
    /// The first account can't be made: its address.
    #[error("`init.admin_email` is no e-mail address")]
    InitEmail,
    /// The first account can't be made: its password's file.
    #[error("`init.admin_password_file` can't be read: {0}")]
    InitPassword(#[source] io::Error),
    /// The first account can't be made, or the link to make it with.
    #[error(transparent)]
    People(#[from] NotProven),
}
