//! Who is calling, and what they may do.
//!
//! Cast: a *token* is a named secret with a role, for programs; a *session* is a browser's cookie;
//! a *login link* turns into a session once; the *bootstrap token* comes from the configuration and
//! lives in memory alone, so that taking it out of the configuration takes it away. All four end in
//! a [`Caller`]: a name and a [`Role`]. An *integration key* ends in none: it travels in a body and
//! speaks for one service.
//!
//! Invariants: a secret is 256 random bits (an integration key 128; the bootstrap token: what the
//! operator chose, at least [`BOOTSTRAP_CHARS_MIN`] characters) and only its SHA-256 is stored; nothing here tells a wrong
//! secret from a missing one. It does not know routes: what each needs is written in `routes.rs`.

mod credentials;
mod guard;
mod integration;
mod last_use;
mod login_link;
mod ports;
mod role;
mod same_origin;
mod scram;
mod secret;
mod session;
mod throttle;
mod token;

use std::sync::Arc;

use arc_swap::ArcSwap;
use db::Store;
use telemetry::{Clock, Timestamp};

pub(crate) use guard::{AccessMap, Guard};
pub use integration::NewIntegrationKey;
pub use login_link::LoginLink;
pub use ports::{IngestTokens, PgPasswords};
pub use role::{Access, Role};
pub use scram::ScramVerifier;
pub use secret::Secret;
pub use session::NewSession;
pub use token::{NewToken, TokenInfo};

pub(crate) use session::{session_cookie, session_secret};

use crate::config::AuthConfig;
use throttle::LoginThrottle;
use token::TokenTable;

/// The bootstrap token's name: the user to give to `psql`, the actor in timelines.
pub const BOOTSTRAP_NAME: &str = "admin";

/// Fewer characters than this are guessable over a network.
pub const BOOTSTRAP_CHARS_MIN: usize = 16;

/// Somebody whose secret was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
    pub role: Role,
    pub via: Via,
}

/// What the caller showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Token,
    /// A cookie: the browser sends it by itself, so changes need a same-origin check as well.
    Session,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the bootstrap token has {0} characters, at least {BOOTSTRAP_CHARS_MIN} are needed")]
    BootstrapTooShort(usize),
    #[error("the bootstrap token contains characters other than visible ASCII")]
    BootstrapCharacters,
    #[error("token name {0:?}: use 1 to 63 letters, digits, `-`, `_` or `.`, and not {BOOTSTRAP_NAME:?}")]
    TokenName(String),
    #[error("there is a token named {0:?} already")]
    TokenExists(String),
    #[error("there are {0} tokens, more are not kept (web.auth.tokens_max): revoke some")]
    TooManyTokens(usize),
    #[error("there is no token named {0:?}")]
    NoSuchToken(String),
    #[error("{0:?} is not the name of a service")]
    ServiceName(String),
    #[error("{0:?} is not a role: ingest, viewer, responder or admin")]
    UnknownRole(String),
    #[error("the login link is unknown, used or expired")]
    LinkInvalid,
    #[error("the token is unknown, revoked or expired")]
    SecretInvalid,
    #[error("too many failed logins from this address")]
    Throttled { retry_after: std::time::Duration },
    #[error("the system has no randomness to give")]
    Randomness(#[from] getrandom::Error),
    #[error("the store of tokens and sessions failed")]
    Store(#[from] db::DbError),
    #[error("the store of tokens and sessions failed")]
    Sql(#[from] sqlx::Error),
}

/// Tokens, sessions and login links over the workflow store. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    config: AuthConfig,
    bootstrap: Option<Bootstrap>,
    throttle: LoginThrottle,
    tokens: ArcSwap<TokenTable>,
    refreshing: tokio::sync::Mutex<()>,
}

struct Bootstrap {
    hash: secret::SecretHash,
    verifier: ScramVerifier,
}

impl Auth {
    /// `bootstrap` is the admin token of the configuration (`EVENKEEL_ADMIN_TOKEN`).
    pub async fn open(
        store: Store,
        config: AuthConfig,
        bootstrap: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Auth, AuthError> {
        let bootstrap = bootstrap.map(bootstrap_token).transpose()?;
        let throttle = LoginThrottle::new(&config);
        let (tokens, refreshing) = Default::default();
        let auth = Auth(Arc::new(Inner { store, clock, config, bootstrap, throttle, tokens, refreshing }));
        auth.refresh().await?;
        Ok(auth)
    }

    pub(crate) fn config(&self) -> &AuthConfig {
        &self.0.config
    }

    /// Whether anybody could log in without a login link.
    pub fn has_tokens(&self) -> bool {
        self.0.bootstrap.is_some() || self.tokens().iter().any(|token| token.service.is_none())
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn store(&self) -> &Store {
        &self.0.store
    }
}

fn bootstrap_token(text: &str) -> Result<Bootstrap, AuthError> {
    if text.len() < BOOTSTRAP_CHARS_MIN {
        return Err(AuthError::BootstrapTooShort(text.len()));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AuthError::BootstrapCharacters);
    }
    Ok(Bootstrap { hash: secret::SecretHash::of(text), verifier: ScramVerifier::of(text)? })
}

#[cfg(test)]
pub(crate) mod tests;
