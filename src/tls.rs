//! Which cryptography rustls uses. Two providers are linked (our own choice and that of the Delta
//! kernel), so rustls cannot choose by itself.

/// Makes ring the provider of the process; safe to call again.
pub fn install() {
    // An error says that a provider is installed already.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}
