//! Which files the settings name: everything else is given up before anything is served.

use std::path::Path;

use url::Url;

use super::{Config, RootKeySource};
use crate::{hardening::Reach, net::sink::SinkPlace, store::StoreUrl};

impl Config {
    /// What serving reads and writes. A setting that names a file has its line here.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        reach.written.push(self.data_dir.clone());
        match &self.store.url {
            StoreUrl::Sqlite(file) => reach.write(file),
            StoreUrl::Postgres(address) => read_by_driver(address, &mut reach),
        }
        match &self.root_key {
            // Made at the first start.
            RootKeySource::File(file) => reach.write(file),
            RootKeySource::PassphraseFile(file) => reach.read.push(file.clone()),
        }
        if let Some(tls) = &self.server.tls {
            reach.read_again(&tls.certificates);
            reach.read_again(&tls.key);
        }
        if let Some(SinkPlace::File(file)) = &self.audit.checkpoints {
            reach.write(file);
        }
        if let SinkPlace::File(file) = &self.erasure.tombstones {
            reach.write(file);
        }
        if let Some(file) = &self.console.privacy_file {
            reach.read.push(file.clone());
        }
        if let Some(admin) = &self.init.admin {
            reach.read.push(admin.password_file.clone());
        }
        reach
    }
}

/// Certificates and keys that an address of PostgreSQL names, for each new connection.
fn read_by_driver(address: &str, reach: &mut Reach) {
    let Ok(url) = Url::parse(address) else { return };
    for (name, value) in url.query_pairs() {
        let is_file = [
            "sslrootcert",
            "sslcert",
            "sslkey",
            "ssl-ca",
            "ssl-cert",
            "ssl-key",
        ];
        if is_file.contains(&name.as_ref()) {
            reach.read_again(Path::new(value.as_ref()));
        }
    }
}
