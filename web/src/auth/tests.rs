//! Tokens, sessions and links over a real store, with a clock that stands still.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use telemetry::ManualClock;

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const BOOTSTRAP: &str = "bootstrap-token-of-tests";

pub(crate) struct Fixture {
    pub auth: Auth,
    pub clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("evenkeel.db"), &[crate::MIGRATIONS]).await.unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000)));
    let auth = Auth::open(store, AuthConfig::default(), Some(BOOTSTRAP), clock.clone()).await.unwrap();
    Fixture { auth, clock, _dir: dir }
}

fn token(name: &str, role: Role) -> NewToken {
    NewToken { name: name.into(), role, expires_at: None }
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let Fixture { auth, .. } = &fixture().await;
    let secret = auth.create_token(token("ci", Role::Ingest), "admin").await.unwrap();
    let caller = auth.caller_by_token(secret.expose()).unwrap();
    assert_eq!((caller.name.as_str(), caller.role, caller.via), ("ci", Role::Ingest, Via::Token));
    assert_eq!(auth.tokens()[0].created_by, "admin");
    assert_eq!(auth.caller_by_token("ek_wrong"), None);
    assert!(matches!(
        auth.create_token(token("ci", Role::Admin), "admin").await,
        Err(AuthError::TokenExists(name)) if name == "ci"
    ));
    auth.revoke_token("ci").await.unwrap();
    assert_eq!(auth.caller_by_token(secret.expose()), None);
    assert!(matches!(auth.revoke_token("ci").await, Err(AuthError::NoSuchToken(_))));
}

#[tokio::test]
async fn a_token_ends_when_it_expires() {
    let Fixture { auth, clock, .. } = &fixture().await;
    let expires_at = Some(clock.now().plus(Duration::from_secs(60)));
    let new = NewToken { expires_at, ..token("brief", Role::Viewer) };
    let secret = auth.create_token(new, "admin").await.unwrap();
    assert!(auth.caller_by_token(secret.expose()).is_some());
    assert!(auth.scram_verifier("brief").is_some());
    clock.advance(Duration::from_secs(60));
    assert_eq!(auth.caller_by_token(secret.expose()), None);
    assert!(auth.scram_verifier("brief").is_none());
}

#[tokio::test]
async fn names_are_plain_and_admin_is_taken() {
    let Fixture { auth, .. } = &fixture().await;
    for name in ["", "admin", "a b", "a;b", &"x".repeat(64)] {
        let refused = auth.create_token(token(name, Role::Viewer), "admin").await;
        assert!(matches!(refused, Err(AuthError::TokenName(_))), "{name:?}");
    }
}

#[tokio::test]
async fn the_bootstrap_token_is_admin_and_must_be_long() {
    let Fixture { auth, .. } = &fixture().await;
    let caller = auth.caller_by_token(BOOTSTRAP).unwrap();
    assert_eq!((caller.name.as_str(), caller.role), ("admin", Role::Admin));
    assert_eq!(auth.scram_verifier("admin").unwrap().0, Role::Admin);
    assert!(matches!(bootstrap_token("short"), Err(AuthError::BootstrapTooShort(5))));
    assert!(matches!(bootstrap_token("sixteen chars or more"), Err(AuthError::BootstrapCharacters)));
}

#[tokio::test]
async fn a_session_ends_with_its_token_its_lifetime_or_a_logout() {
    let Fixture { auth, clock, .. } = &fixture().await;
    let secret = auth.create_token(token("ada", Role::Responder), "admin").await.unwrap();
    let open = || auth.open_session(secret.expose(), ADDRESS);
    let is_open =
        async |session: &NewSession| auth.caller_by_session(session.secret.expose()).await.unwrap().is_some();

    let closed = open().await.unwrap();
    assert_eq!(closed.caller, Caller { name: "ada".into(), role: Role::Responder, via: Via::Session });
    assert!(is_open(&closed).await);
    auth.close_session(closed.secret.expose()).await.unwrap();
    assert!(!is_open(&closed).await);

    let expired = open().await.unwrap();
    clock.advance(auth.config().session_lifetime);
    assert!(!is_open(&expired).await);
    assert_eq!(auth.sweep().await.unwrap(), 1);

    let orphaned = open().await.unwrap();
    auth.revoke_token("ada").await.unwrap();
    assert!(!is_open(&orphaned).await);
}

#[tokio::test]
async fn a_login_link_works_once_and_looking_at_it_uses_nothing_up() {
    let Fixture { auth, clock, .. } = &fixture().await;
    let link = auth.create_login_link("admin", Role::Admin).await.unwrap();
    let secret = link.secret.expose();
    assert!(auth.login_link_is_valid(secret).await.unwrap());
    assert!(auth.login_link_is_valid(secret).await.unwrap());
    let session = auth.use_login_link(secret, ADDRESS).await.unwrap();
    assert_eq!(session.caller.role, Role::Admin);
    assert!(auth.caller_by_session(session.secret.expose()).await.unwrap().is_some());
    assert!(!auth.login_link_is_valid(secret).await.unwrap());
    assert!(matches!(auth.use_login_link(secret, ADDRESS).await, Err(AuthError::LinkInvalid)));

    let late = auth.create_login_link("admin", Role::Admin).await.unwrap();
    clock.advance(auth.config().login_link_lifetime);
    assert!(matches!(auth.use_login_link(late.secret.expose(), ADDRESS).await, Err(AuthError::LinkInvalid)));
}

#[tokio::test]
async fn failed_logins_are_limited_per_address() {
    let Fixture { auth, clock, .. } = &fixture().await;
    for _ in 0..auth.config().login_failures_max {
        assert!(matches!(auth.open_session("wrong", ADDRESS).await, Err(AuthError::SecretInvalid)));
    }
    // Even the right one has to wait now: a guesser must not learn that it was right.
    assert!(matches!(auth.open_session(BOOTSTRAP, ADDRESS).await, Err(AuthError::Throttled { .. })));
    assert!(auth.open_session(BOOTSTRAP, IpAddr::from([10, 0, 0, 1])).await.is_ok());
    clock.advance(auth.config().login_failures_window);
    assert!(auth.open_session(BOOTSTRAP, ADDRESS).await.is_ok());
}

#[tokio::test]
async fn another_opening_of_the_store_sees_the_same_tokens() {
    let Fixture { auth, clock, .. } = &fixture().await;
    let other = Auth::open(auth.store().clone(), AuthConfig::default(), None, clock.clone()).await.unwrap();
    assert!(!other.has_tokens());
    let secret = auth.create_token(token("ci", Role::Ingest), "admin").await.unwrap();
    assert_eq!(other.caller_by_token(secret.expose()), None);
    other.refresh().await.unwrap();
    assert!(other.caller_by_token(secret.expose()).is_some());
}

#[tokio::test]
async fn grpc_senders_and_postgres_users_have_the_same_tokens() {
    use ingest::grpc::{Authorizer, Denied};
    use query::pgwire::{PgAuthenticator, PgSecret};

    let Fixture { auth, .. } = &fixture().await;
    let ingest = auth.create_token(token("agent", Role::Ingest), "admin").await.unwrap();
    let viewer = auth.create_token(token("ada", Role::Viewer), "admin").await.unwrap();
    let senders = IngestTokens(auth.clone());
    let bearer = |secret: &Secret| format!("Bearer {}", secret.expose());
    assert_eq!(senders.authorize(Some(&bearer(&ingest))), Ok("agent".into()));
    assert_eq!(senders.authorize(Some(&bearer(&viewer))), Err(Denied::Forbidden));
    assert_eq!(senders.authorize(Some("Bearer ek_wrong")), Err(Denied::Unauthenticated));
    assert_eq!(senders.authorize(None), Err(Denied::Unauthenticated));

    let passwords = PgPasswords(auth.clone());
    assert!(passwords.login("agent").await.is_none(), "an ingest token may not query");
    assert!(passwords.login("nobody").await.is_none());
    let login = passwords.login("ada").await.unwrap();
    assert_eq!(login.role, query::QueryRole::Viewer);
    let PgSecret::Salted { salt, salted_password } = login.secret else { panic!("not salted") };
    assert_eq!(salted_password, query::pgwire::salted_password(viewer.expose(), &salt));
}

#[tokio::test]
async fn a_last_use_is_noted_at_once_and_written_when_told_to() {
    let Fixture { auth, clock, .. } = &fixture().await;
    let secret = auth.create_token(token("ci", Role::Ingest), "admin").await.unwrap();
    let last_use = |auth: &Auth| auth.tokens()[0].last_used_at;
    assert_eq!(last_use(auth), None);
    assert_eq!(auth.write_last_uses().await.unwrap(), 0, "nothing to write");
    auth.caller_by_token("ek_wrong");
    assert_eq!(last_use(auth), None);

    auth.caller_by_token(secret.expose()).unwrap();
    let first = clock.now();
    assert_eq!(last_use(auth), Some(first));
    let other = Auth::open(auth.store().clone(), AuthConfig::default(), None, clock.clone()).await.unwrap();
    assert_eq!(last_use(&other), None, "not written yet");
    // Reading the tokens anew forgets nothing.
    auth.refresh().await.unwrap();
    assert_eq!(last_use(auth), Some(first));
    assert_eq!(auth.write_last_uses().await.unwrap(), 1);
    assert_eq!(auth.write_last_uses().await.unwrap(), 0, "written already");
    other.refresh().await.unwrap();
    assert_eq!(last_use(&other), Some(first));

    // Of two processes the later use stands, whichever writes last.
    clock.advance(Duration::from_secs(5));
    other.caller_by_token(secret.expose()).unwrap();
    clock.advance(Duration::from_secs(5));
    auth.caller_by_token(secret.expose()).unwrap();
    let latest = clock.now();
    assert_eq!(auth.write_last_uses().await.unwrap() + other.write_last_uses().await.unwrap(), 2);
    let third = Auth::open(auth.store().clone(), AuthConfig::default(), None, clock.clone()).await.unwrap();
    assert_eq!(last_use(&third), Some(latest));
    // A query over the PostgreSQL wire is a use; the login before it, which anybody may try, is none.
    auth.create_token(token("ada", Role::Viewer), "admin").await.unwrap();
    let passwords = PgPasswords(auth.clone());
    query::pgwire::PgAuthenticator::login(&passwords, "ada").await.unwrap();
    assert_eq!(auth.tokens()[0].last_used_at, None);
    query::pgwire::PgAuthenticator::queried(&passwords, "ada");
    assert_eq!(auth.tokens()[0].last_used_at, Some(latest));
}

#[tokio::test]
async fn an_integration_key_speaks_for_its_service_and_is_no_token() {
    use ingest::pagerduty::{Integration, IntegrationKeys};

    let Fixture { auth, clock, .. } = &fixture().await;
    let new = |name: &str, service: &str| NewIntegrationKey {
        name: name.into(),
        service: service.into(),
        expires_at: Some(clock.now().plus(Duration::from_secs(60))),
    };
    let key = auth.create_integration_key(new("acme", "checkout"), "admin").await.unwrap();
    assert_eq!(key.expose().len(), ingest::pagerduty::ROUTING_KEY_CHARS);
    let found = Integration { name: "acme".into(), service: "checkout".into() };
    assert_eq!(auth.integration(key.expose()), Some(found));
    assert_eq!(auth.integration("0123456789abcdef0123456789abcdef"), None);

    assert_eq!(auth.caller_by_token(key.expose()), None);
    assert!(matches!(auth.open_session(key.expose(), ADDRESS).await, Err(AuthError::SecretInvalid)));
    assert!(auth.scram_verifier("acme").is_none());
    let ci = auth.create_token(token("ci", Role::Ingest), "admin").await.unwrap();
    assert_eq!(auth.integration(ci.expose()), None);

    // Names are shared, so that each means one thing.
    for taken in [
        auth.create_integration_key(new("ci", "chat"), "admin").await,
        auth.create_token(token("acme", Role::Viewer), "admin").await,
    ] {
        assert!(matches!(taken, Err(AuthError::TokenExists(_))));
    }
    let nameless = auth.create_integration_key(new("b", ""), "admin").await;
    assert!(matches!(nameless, Err(AuthError::ServiceName(_))));
    let listed: Vec<_> = auth.tokens().into_iter().map(|it| (it.name, it.service, it.last_used_at)).collect();
    let now = Some(clock.now());
    assert_eq!(
        listed,
        [("acme".to_owned(), Some("checkout".to_owned()), now), ("ci".to_owned(), None, None)]
    );
    assert_eq!(auth.write_last_uses().await.unwrap(), 1);

    clock.advance(Duration::from_secs(60));
    assert_eq!(auth.integration(key.expose()), None, "expired");
    auth.revoke_token("acme").await.unwrap();
    assert_eq!(auth.tokens().len(), 1);
}
