//! Who may log in: SCRAM-SHA-256 over a port that knows the tokens.
//!
//! An unknown user goes through the same exchange with a password nobody knows, so that names
//! cannot be told from the answers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::scram::gen_salted_password;
use datafusion_postgres::pgwire::api::auth::{AuthSource, LoginInfo, Password};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use parking_lot::Mutex;

use crate::QueryRole;

/// What clients are told to hash with; stored salted passwords must use the same.
pub const SCRAM_ITERATIONS: usize = 4_096;

const SALT_BYTES: usize = 16;

/// What proves who a user is.
pub enum PgSecret {
    /// The password itself.
    Password(String),
    /// Its SCRAM form, for stores that do not keep passwords: see [`salted_password`].
    Salted { salt: Vec<u8>, salted_password: Vec<u8> },
}

pub struct PgLogin {
    pub secret: PgSecret,
    pub role: QueryRole,
}

/// Knows users by name. The name is a token's name, the password the token.
#[async_trait]
pub trait PgAuthenticator: Send + Sync {
    /// `None` for a user that does not exist or may not query.
    async fn login(&self, user: &str) -> Option<PgLogin>;

    /// Somebody whose password was right runs a query; must not wait.
    fn queried(&self, _user: &str) {}
}

/// PBKDF2-HMAC-SHA-256 with [`SCRAM_ITERATIONS`] rounds: RFC 5802's `SaltedPassword`.
pub fn salted_password(password: &str, salt: &[u8]) -> Vec<u8> {
    gen_salted_password(password, salt, SCRAM_ITERATIONS)
}

/// The user and role of the one connection it belongs to, once they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionRole(Arc<Mutex<Option<UserAndRole>>>);

type UserAndRole = (Arc<str>, QueryRole);

impl ConnectionRole {
    pub(super) fn get(&self) -> Option<UserAndRole> {
        self.0.lock().clone()
    }
}

/// Asks the port during the exchange and remembers the role.
pub(super) struct TokenSource {
    auth: Arc<dyn PgAuthenticator>,
    role: ConnectionRole,
}

impl TokenSource {
    pub(super) fn new(auth: Arc<dyn PgAuthenticator>, role: ConnectionRole) -> TokenSource {
        TokenSource { auth, role }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

#[async_trait]
impl AuthSource for TokenSource {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let user = login.user().unwrap_or_default();
        let known = self.auth.login(user).await;
        *self.role.0.lock() = known.as_ref().map(|login| (user.into(), login.role));
        let secret = match known {
            Some(login) => login.secret,
            None => PgSecret::Salted { salt: random_bytes()?, salted_password: random_bytes()? },
        };
        let (salt, salted) = match secret {
            PgSecret::Salted { salt, salted_password } => (salt, salted_password),
            PgSecret::Password(password) => {
                let salt = random_bytes()?;
                let salted = salted_password(&password, &salt);
                (salt, salted)
            }
        };
        Ok(Password::new(Some(salt), salted))
    }
}

/// A salt is no decision: it has to be unpredictable and nothing else.
fn random_bytes() -> PgWireResult<Vec<u8>> {
    let mut bytes = vec![0; SALT_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| PgWireError::ApiError(Box::new(error)))?;
    Ok(bytes)
}
