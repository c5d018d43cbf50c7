//! The web side's certificate, which is read again without dropping a connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in it.
    #[error("{} holds no certificate in PEM form ({why}); [web] certificate needs the whole chain, our own first", file.display())]
    NoCertificate {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// No key in it.
    #[error("{} holds no private key in PEM form ({why}); [web] key needs an unencrypted one", file.display())]
    NoKey {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// They cannot be used, or not together.
    #[error("{} and {} cannot be used together ({why}); give the pair that was made together", certificate.display(), key.display())]
    Unusable {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        why: String,
    },
}

/// TLS for those who call us. Cheap to clone; all clones show the same certificate.
#[derive(Clone)]
pub struct Tls {
    files: Arc<(PathBuf, PathBuf)>,
    /// Read by handshakes, replaced by a reload: short and rare, so a lock.
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads the certificate's chain and its key, both PEM.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Tls, TlsError> {
        let config = Arc::new(RwLock::new(Arc::new(read(&certificate, &key)?)));
        Ok(Tls { files: Arc::new((certificate, key)), config })
    }

    /// Reads them again; with a mistake in one everything stays.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(read(&self.files.0, &self.files.1)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let no_certificate = |why: String| TlsError::NoCertificate { file: certificate.to_path_buf(), why };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|e| no_certificate(e.to_string()))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|e| no_certificate(e.to_string()))?;
    if chain.is_empty() {
        return Err(no_certificate("it holds something else".to_string()));
    }
    let secret = PrivateKeyDer::from_pem_file(key);
    let secret = secret.map_err(|e| TlsError::NoKey { file: key.to_path_buf(), why: e.to_string() })?;
    let unusable = |e: tokio_rustls::rustls::Error| TlsError::Unusable {
        certificate: certificate.to_path_buf(),
        key: key.to_path_buf(),
        why: e.to_string(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
