//! Where a key may be sent, as its row pins it.

/// Scheme, host, port and path prefix of a provider's address.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// `https`, or `http` where private upstreams are allowed.
    pub scheme: String,
    /// Lower-case host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What every path begins with: empty, or `/x/y` without a closing slash.
    pub prefix: String,
}
