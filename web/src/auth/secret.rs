//! 256 random bits as text (an integration key: 128), and the hash that is kept of them. SHA-256 without salt and stretching is
//! enough for random bits; the bootstrap token's hash never leaves memory.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::AuthError;

/// Bytes of randomness in a token, a session and a login link.
const SECRET_BYTES: usize = 32;
/// Bytes of randomness in an integration key.
const INTEGRATION_KEY_BYTES: usize = ingest::pagerduty::ROUTING_KEY_CHARS / 2;

/// A secret in the clear: shown once, never stored, never logged (`Debug` hides it).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Starts with `prefix`, so that secret scanners and people recognise it.
    pub(super) fn random(prefix: &str) -> Result<Secret, AuthError> {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Secret(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// 128 bits as 32 characters, the length that PagerDuty's clients insist on.
    pub(super) fn integration_key() -> Result<Secret, AuthError> {
        let mut bytes = [0_u8; INTEGRATION_KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Secret(hex::encode(bytes)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// SHA-256 of a secret.
#[derive(Clone)]
pub(super) struct SecretHash([u8; 32]);

impl SecretHash {
    pub(super) fn of(secret: &str) -> SecretHash {
        SecretHash(Sha256::digest(secret.as_bytes()).into())
    }

    /// Compares with another hash's text, in constant time.
    pub(super) fn is(&self, hex: &str) -> bool {
        self.to_hex().as_bytes().ct_eq(hex.as_bytes()).into()
    }

    pub(super) fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_do_not_show_in_debug_output() {
        let (one, other) = (Secret::random("ek_").unwrap(), Secret::random("ek_").unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), "ek_".len() + 43);
        assert_eq!(format!("{one:?}"), "Secret(..)");
        assert!(one.hash().is(&SecretHash::of(one.expose()).to_hex()));
        assert!(!one.hash().is(&other.hash().to_hex()));
    }
}
