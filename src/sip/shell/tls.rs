//! Certificates: ours, which is read again without dropping a connection, and the authorities whose certificates we believe
//! when we call over TLS. rustls with ring, TLS 1.2 and 1.3.

use super::SipConfig;
use crate::sip::certificate::{Validity, validity};
use rsipstack::transport::tls::TlsConfig;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where systems keep the authorities that they believe: Debian and Alpine, Fedora, SUSE.
const SYSTEM_CA: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Our certificate chain and its private key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, our own certificate first.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
}

/// What is wrong with the files for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or not ours to read.
    #[error("{what} {} cannot be read: {source}; correct [sip] {key} or the rights of the file", file.display())]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// The configuration's key.
        key: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No certificate in it.
    #[error(
        "{} holds no certificate in PEM form; [sip] {key} needs \"-----BEGIN CERTIFICATE-----\", for tls_cert the whole chain with our own first",
        file.display()
    )]
    NoCertificate {
        /// The file.
        file: PathBuf,
        /// The configuration's key.
        key: &'static str,
    },
    /// No key in it, or one that cannot be used.
    #[error(
        "{} holds no private key that can be used ({why}); [sip] tls_key needs an unencrypted PEM key (PKCS#8, PKCS#1 or SEC1)",
        file.display()
    )]
    NoKey {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key {} does not belong to the certificate {}; give the pair that was made together as [sip] tls_cert and tls_key",
        files.key.display(), files.certificate.display()
    )]
    Mismatch {
        /// Both.
        files: TlsFiles,
    },
    /// Too late, or too early.
    #[error("the certificate {} is good from {from} until {until} (UTC) and not now; renew it, or set this machine's clock", file.display())]
    NotNow {
        /// The file.
        file: PathBuf,
        /// First day and time.
        from: String,
        /// Last day and time.
        until: String,
    },
    /// `tls` without certificate.
    #[error("SIP over TLS needs a certificate; set [sip] tls_cert and tls_key, or tls = \"off\"")]
    NoFiles,
}

/// Both sides of TLS of one endpoint.
#[derive(Debug)]
pub(super) struct Tls {
    files: Option<TlsFiles>,
    ca: Option<PathBuf>,
    /// Read by handshakes, replaced by a reload: short and rare, so a lock.
    ours: Arc<Ours>,
    believed: RwLock<Arc<RootCertStore>>,
    provider: Arc<CryptoProvider>,
}

/// The certificate that the next handshake shows.
#[derive(Debug, Default)]
struct Ours(RwLock<Option<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Ours {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tls {
    /// Reads the files that are configured.
    pub(super) fn load(cfg: &SipConfig) -> Result<Tls, TlsError> {
        if cfg.tls.is_some() && cfg.tls_files.is_none() {
            return Err(TlsError::NoFiles);
        }
        let tls = Tls {
            files: cfg.tls_files.clone(),
            ca: cfg.tls_ca.clone(),
            ours: Arc::default(),
            believed: RwLock::new(Arc::new(RootCertStore::empty())),
            provider: Arc::new(ring::default_provider()),
        };
        tls.reload()?;
        Ok(tls)
    }

    /// Reads them again; with a mistake in one everything stays.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let now = chrono::Utc::now().timestamp();
        let ours = self.files.as_ref().map(|files| read_pair(files, &self.provider, now)).transpose()?;
        let believed = read_authorities(self.ca.as_deref())?;
        *self.ours.0.write().unwrap_or_else(PoisonError::into_inner) = ours;
        *self.believed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(believed);
        Ok(())
    }

    /// For those who call us.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        let versions = ServerConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions();
        let config = versions.ok()?.with_no_client_auth().with_cert_resolver(self.ours.clone());
        Some(TlsAcceptor::from(Arc::new(config)))
    }

    /// The authorities as the crate wants them, for connections that it opens again by itself in the middle of a dialog.
    pub(super) fn for_the_crate(&self) -> TlsConfig {
        let system = || SYSTEM_CA.iter().find_map(|file| std::fs::read(file).ok());
        let ca_certs = self.ca.as_ref().map_or_else(system, |file| std::fs::read(file).ok());
        TlsConfig { ca_certs, ..TlsConfig::default() }
    }

    /// For calls of ours, and the name that the far end's certificate must bear.
    ///
    /// # Errors
    /// Why there can be none.
    pub(super) fn connector(&self, name: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
        let roots = self.believed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if roots.is_empty() {
            return Err("no authority's certificate is believed here; set [sip] tls_ca".to_string());
        }
        let name = server_name(name)?;
        let versions = ClientConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions();
        let config = versions.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth();
        Ok((TlsConnector::from(Arc::new(config)), name))
    }
}

/// The name that a certificate is to bear: an IPv6 address stands in brackets in a URI, and there in none.
fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    let bare = name.trim_start_matches('[').trim_end_matches(']').to_string();
    ServerName::try_from(bare).map_err(|_| format!("{name:?} is no name that a certificate could bear"))
}

/// Whether a certificate (one that was believed) bears this name, too.
pub(super) fn bears(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(certificate), server_name(name)) else { return false };
    verify_server_name(&certificate, &name).is_ok()
}

fn read_pair(files: &TlsFiles, provider: &CryptoProvider, now: i64) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = read_certificates(&files.certificate, "the TLS certificate", "tls_cert")?;
    let pem = read(&files.key, "the TLS key", "tls_key")?;
    let no_key = |why: String| TlsError::NoKey { file: files.key.clone(), why };
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| no_key(e.to_string()))?;
    let key = provider.key_provider.load_private_key(key).map_err(|e| no_key(e.to_string()))?;
    if let Some(Validity { from, until }) = chain.first().and_then(|own| validity(own))
        && !(from..=until).contains(&now)
    {
        let (from, until) = (day(from), day(until));
        return Err(TlsError::NotNow { file: files.certificate.clone(), from, until });
    }
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Err(tokio_rustls::rustls::Error::InconsistentKeys(kind)) if kind != tokio_rustls::rustls::InconsistentKeys::Unknown => {
            Err(TlsError::Mismatch { files: files.clone() })
        }
        _ => Ok(Arc::new(pair)),
    }
}

/// The authorities in this file, or those of the system; none of those is no error before somebody is called.
fn read_authorities(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca {
        Some(file) => read_certificates(file, "the file of authorities", "tls_ca")?,
        None => {
            let system =
                SYSTEM_CA.iter().find_map(|file| read_certificates(Path::new(file), "the file of authorities", "tls_ca").ok());
            system.unwrap_or_default()
        }
    };
    let (taken, _) = roots.add_parsable_certificates(certificates);
    match ca {
        Some(file) if taken == 0 => Err(TlsError::NoCertificate { file: file.to_path_buf(), key: "tls_ca" }),
        _ => Ok(roots),
    }
}

fn read_certificates(file: &Path, what: &'static str, key: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(file, what, key)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    match certificates.is_empty() {
        true => Err(TlsError::NoCertificate { file: file.to_path_buf(), key }),
        false => Ok(certificates),
    }
}

fn read(file: &Path, what: &'static str, key: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::Unreadable { what, file: file.to_path_buf(), key, source })
}

fn day(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string())
}
