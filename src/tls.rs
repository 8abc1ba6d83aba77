//! Encryption: which cryptography rustls uses, and the certificates of listeners.
//!
//! Two providers are linked (our own choice and that of the Delta kernel), so rustls cannot choose by
//! itself.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

/// Makes ring the provider of the process; safe to call again.
pub fn install() {
    // An error says that a provider is installed already.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

/// Where a listener's certificate is, as PEM files that are read at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, and those that it was signed with after it.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

impl TlsFiles {
    /// For a listener that speaks one protocol, named as in a TLS handshake.
    pub fn server_config(&self, protocol: &[u8]) -> anyhow::Result<Arc<ServerConfig>> {
        install();
        let (cert_file, key_file) = (self.cert_file.display(), self.key_file.display());
        let chain: Vec<CertificateDer> = CertificateDer::pem_file_iter(&self.cert_file)
            .and_then(Iterator::collect)
            .with_context(|| format!("the certificate {cert_file} cannot be read"))?;
        anyhow::ensure!(!chain.is_empty(), "{cert_file} holds no certificate");
        let key = PrivateKeyDer::from_pem_file(&self.key_file)
            .with_context(|| format!("the private key {key_file} cannot be read"))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| format!("{cert_file} and {key_file} cannot be used together"))?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (cert_file, key_file) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        let files = TlsFiles { cert_file: cert_file.clone(), key_file };
        let error = |files: &TlsFiles| format!("{:#}", files.server_config(b"postgresql").unwrap_err());
        assert!(error(&files).contains("cert.pem cannot be read"), "{}", error(&files));
        std::fs::write(cert_file, "no certificate").unwrap();
        assert!(error(&files).contains("cert.pem holds no certificate"), "{}", error(&files));
    }
}
