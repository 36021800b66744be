//! Where a key may be sent, as the columns of its row pin it.

use keystead_providers::{Destination, Scheme};

use super::{Columns, Unfit};

/// Reads `scheme, host, port, path_prefix`.
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Destination, Unfit> {
    let scheme = match columns.text()?.as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(Unfit),
    };
    Ok(Destination {
        scheme,
        host: columns.text()?,
        port: columns.count()?,
        prefix: columns.text()?,
    })
}
