//! Roles and what a route asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AuthError;

/// What a caller may do. `ingest` only writes telemetry and reads nothing; the other three are a
/// ladder, and `admin` may also write telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends samples, logs and events.
    Ingest,
    /// Reads everything.
    Viewer,
    /// Acknowledges, runs runbooks, writes retrospectives.
    Responder,
    /// Also manages tokens.
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Ingest, Role::Viewer, Role::Responder, Role::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Viewer => "viewer",
            Role::Responder => "responder",
            Role::Admin => "admin",
        }
    }

    /// Whether somebody with this role may do what `needed` names.
    pub fn covers(self, needed: Role) -> bool {
        match self {
            Role::Ingest => needed == Role::Ingest,
            Role::Viewer => needed == Role::Viewer,
            Role::Responder => matches!(needed, Role::Viewer | Role::Responder),
            Role::Admin => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Role, AuthError> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| AuthError::UnknownRole(text.to_owned()))
    }
}

/// What a route asks of its caller. There is no default: a route cannot be mounted without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nobody is asked: health, the login page, assets, signed links.
    Open,
    /// Nobody is asked for a token: the request itself carries the proof, a provider's signature or
    /// an integration key, and the handler refuses it without.
    Signed,
    /// Any role at all.
    AnyRole,
    Needs(Role),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ingest_token_reads_nothing_and_a_viewer_writes_nothing() {
        let covered = |role: Role| Role::ALL.map(|needed| role.covers(needed));
        assert_eq!(covered(Role::Ingest), [true, false, false, false]);
        assert_eq!(covered(Role::Viewer), [false, true, false, false]);
        assert_eq!(covered(Role::Responder), [false, true, true, false]);
        assert_eq!(covered(Role::Admin), [true; 4]);
    }

    #[test]
    fn roles_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert_eq!(
            "root".parse::<Role>().unwrap_err().to_string(),
            r#""root" is not a role: ingest, viewer, responder or admin"#
        );
    }
}
