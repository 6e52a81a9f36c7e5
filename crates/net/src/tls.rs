//! Whom we trust: one TLS configuration for every client of the process.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};

/// Makes ring the process's crypto provider. May be called as often as one likes; the first provider stays.
///
/// [`client`](crate::client::client) does not need it, but other users of rustls in the process do.
pub fn install_crypto() {
    // A second thread that comes first at this very moment installs the same provider, so losing the race is fine.
    if CryptoProvider::get_default().is_none() && ring::default_provider().install_default().is_err() {
        tracing::debug!("A crypto provider was installed already");
    }
}

/// The configuration that all clients share: the roots are read and parsed once, and TLS sessions are resumed across
/// instances.
///
/// Roots are the system's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead. A server with a certificate
/// of the operator's own CA is trusted when the CA is in one of these places.
pub(crate) fn client_config() -> ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| trusting(system_roots())).clone()
}

/// The same for protocols that begin as HTTP/1.1 and go on as something else, which HTTP/2 does not allow so.
pub(crate) fn http1_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut config = client_config();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    });
    Arc::clone(config)
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "A root certificate could not be loaded");
    }
    let mut roots = RootCertStore::empty();
    let (added, unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        // No error: a relay whose servers are all reached by plain http needs no roots.
        tracing::warn!(
            "No root certificates were found, so no https server can be trusted: install the system's CA certificates \
             or name a file of them in SSL_CERT_FILE"
        );
    } else {
        tracing::debug!(added, unusable, "Root certificates are loaded");
    }
    roots
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // reqwest leaves a configuration that it is given as it is.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
