//! TLS on the public listener, from certificate files.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

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

/// TLS 1.2 and 1.3 on aws-lc-rs. HTTP/2 first: over HTTP/1.1 a browser opens six connections to a
/// host and no more, so the seventh stream would wait.
///
/// # Errors
///
/// [`TlsError`], naming the file.
pub(super) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
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
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
