//! TLS on the public listener, from certificate files, which are read anew when they change.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::MissedTickBehavior;

use crate::config::TlsFiles;

/// Why the listener can't speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("{path} is not a readable PEM file: {reason}")]
    File {
        /// Which.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// The two files don't make a usable pair.
    #[error("the certificate and the key can't be used together: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate that is shown to clients now.
#[derive(Debug)]
pub(super) struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// How the files were when they were first read.
    begun: [Option<Stamp>; 2],
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], naming the file.
    pub(super) fn read(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // Before they are read: what changes meanwhile is seen to have changed.
        let begun = stamps(files);
        let current = RwLock::new(Arc::new(pair(files, &provider)?));
        Ok(Arc::new(Self {
            files: files.clone(),
            provider,
            current,
            begun,
        }))
    }

    /// TLS 1.2 and 1.3 on aws-lc-rs. HTTP/2 first: over HTTP/1.1 a browser opens six connections to a
    /// host and no more, so the seventh stream would wait.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pair`].
    pub(super) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Looks for ever whether the files changed, and shows what is in them from then on. What can't be
    /// used, such as one file of a pair that is only half renewed, is tried again; what was shown before
    /// is shown on. Connections that are open stay as they are.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut known, mut refused) = (self.begun, None);
        loop {
            ticks.tick().await;
            let stamps = stamps(&self.files);
            if stamps == known {
                continue;
            }
            match pair(&self.files, &self.provider) {
                Ok(renewed) => {
                    *self.current.write() = Arc::new(renewed);
                    known = stamps;
                    tracing::info!("The TLS certificate was read anew");
                }
                // Said once of each state of the files.
                Err(error) if refused.replace(stamps) != Some(stamps) => {
                    tracing::warn!(%error, "The changed TLS certificate can't be used; the one before is");
                }
                Err(_) => {}
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().clone())
    }
}

/// Of which file, how long, and last written when.
type Stamp = (u64, u64, std::time::SystemTime);

/// What changes when one of the files does.
fn stamps(files: &TlsFiles) -> [Option<Stamp>; 2] {
    [&files.certificates, &files.key].map(|path| stamp(path).ok())
}

/// Through links: renewing programs often put another file behind a name.
fn stamp(path: &Path) -> io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = fs::metadata(path)?;
    Ok((metadata.ino(), metadata.len(), metadata.modified()?))
}

fn pair(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: rustls::pki_types::pem::Error| TlsError::File {
            path,
            reason: error.to_string(),
        }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificates)
        .map_err(failed(&files.certificates))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed(&files.certificates))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

const INTERVAL: Duration = Duration::from_secs(5);
