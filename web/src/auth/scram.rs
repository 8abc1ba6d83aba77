//! What the PostgreSQL listener needs to check a password it never sees: the salted password of
//! RFC 5802, made when the token is made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::AuthError;

const SALT_BYTES: usize = 16;

/// A SCRAM-SHA-256 verifier for `query::pgwire`.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    pub salt: Vec<u8>,
    pub salted_password: Vec<u8>,
}

impl ScramVerifier {
    pub(super) fn of(password: &str) -> Result<ScramVerifier, AuthError> {
        let mut salt = vec![0_u8; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let salted_password = query::pgwire::salted_password(password, &salt);
        Ok(ScramVerifier { salt, salted_password })
    }

    pub(super) fn from_columns(salt: &str, salted: &str) -> Option<ScramVerifier> {
        Some(ScramVerifier {
            salt: STANDARD.decode(salt).ok()?,
            salted_password: STANDARD.decode(salted).ok()?,
        })
    }

    pub(super) fn salt_text(&self) -> String {
        STANDARD.encode(&self.salt)
    }

    pub(super) fn salted_text(&self) -> String {
        STANDARD.encode(&self.salted_password)
    }
}
