//! Who may log in: SCRAM-SHA-256 over a port that knows the tokens.
//!
//! An unknown user goes through the same exchange with a password nobody knows, so that names
//! cannot be told from the answers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::scram::gen_salted_password;
use datafusion_postgres::pgwire::api::auth::{AuthSource, LoginInfo, Password, StartupHandler};
use datafusion_postgres::pgwire::api::{ClientInfo, PgWireConnectionState};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::Sink;
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

/// The user and role of the one connection it belongs to, once they are proven.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionRole(Arc<Mutex<Claim>>);

#[derive(Debug, Default)]
struct Claim {
    by: Option<UserAndRole>,
    is_proven: bool,
}

type UserAndRole = (Arc<str>, QueryRole);

impl ConnectionRole {
    pub(super) fn get(&self) -> Option<UserAndRole> {
        let claim = self.0.lock();
        claim.by.clone().filter(|_| claim.is_proven)
    }

    fn claim(&self, by: Option<UserAndRole>) {
        *self.0.lock() = Claim { by, is_proven: false };
    }
}

/// The library's exchange, which says when it has succeeded. After one that failed the library goes on
/// reading statements, so that nothing else may count as a login.
pub(super) struct Login<S> {
    pub exchange: S,
    pub role: ConnectionRole,
}

#[async_trait]
impl<S: StartupHandler> StartupHandler for Login<S> {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.exchange.on_startup(client, message).await?;
        if matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            self.role.0.lock().is_proven = true;
        }
        Ok(())
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
        self.role.claim(known.as_ref().map(|login| (user.into(), login.role)));
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
