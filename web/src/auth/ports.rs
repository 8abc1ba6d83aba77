//! The same tokens for the listeners that are not HTTP/1: OTLP/gRPC and the PostgreSQL wire.

use async_trait::async_trait;
use ingest::grpc::{Authorizer, Denied};
use query::QueryRole;
use query::pgwire::{PgAuthenticator, PgLogin, PgSecret};

use super::credentials::secrets_in;
use super::{Auth, Role};

impl Role {
    /// What the query limits call this role; `None` when it may not query.
    pub(crate) fn query_role(self) -> Option<QueryRole> {
        match self {
            Role::Ingest => None,
            Role::Viewer => Some(QueryRole::Viewer),
            Role::Responder => Some(QueryRole::Responder),
            Role::Admin => Some(QueryRole::Admin),
        }
    }
}

/// User = token name, password = token.
pub struct PgPasswords(pub Auth);

#[async_trait]
impl PgAuthenticator for PgPasswords {
    async fn login(&self, user: &str) -> Option<PgLogin> {
        let (role, verifier) = self.0.scram_verifier(user)?;
        let role = role.query_role()?;
        let secret = PgSecret::Salted { salt: verifier.salt, salted_password: verifier.salted_password };
        Some(PgLogin { secret, role })
    }

    fn queried(&self, user: &str) {
        self.0.token_used(user);
    }
}

/// OTLP/gRPC: the metadata `authorization` in any of the forms that HTTP takes.
pub struct IngestTokens(pub Auth);

impl Authorizer for IngestTokens {
    fn authorize(&self, authorization: Option<&str>) -> Result<String, Denied> {
        let secrets = authorization.map(secrets_in).unwrap_or_default();
        let caller = secrets.iter().find_map(|secret| self.0.caller_by_token(secret));
        let caller = caller.ok_or(Denied::Unauthenticated)?;
        if caller.role.covers(Role::Ingest) { Ok(caller.name) } else { Err(Denied::Forbidden) }
    }
}
