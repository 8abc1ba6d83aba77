//! Tokens and login links, for administrators.

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;
use utoipa::ToSchema;

use super::Time;
use crate::auth::{Role, TokenInfo};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenList {
    pub tokens: Vec<Token>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Token {
    pub name: String,
    pub role: Role,
    /// The one service that an integration key speaks for; null for a token.
    #[schema(required)]
    pub service: Option<String>,
    pub created_at: Time,
    pub created_by: String,
    #[schema(required)]
    pub expires_at: Option<Time>,
    /// Null when it was not used yet.
    #[schema(required)]
    pub last_used_at: Option<Time>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenBody {
    pub name: String,
    pub role: Role,
    /// Makes an integration key (a PagerDuty `routing_key`) that speaks for this service alone; its
    /// role is `ingest`.
    pub service: Option<String>,
    /// Absent: until it is revoked.
    #[schema(value_type = Option<Time>)]
    pub expires_at: Option<Timestamp>,
}

/// The one time that a secret is shown.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    pub name: String,
    pub role: Role,
    pub token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLoginLinkBody {
    pub name: String,
    pub role: Role,
}

#[derive(Serialize, ToSchema)]
pub struct LoginLinkCreated {
    /// Relative when no external URL is configured.
    pub url: String,
    pub expires_at: Time,
}

impl From<TokenInfo> for Token {
    fn from(info: TokenInfo) -> Token {
        Token {
            name: info.name,
            role: info.role,
            service: info.service,
            created_at: info.created_at.into(),
            created_by: info.created_by,
            expires_at: info.expires_at.map(Time),
            last_used_at: info.last_used_at.map(Time),
        }
    }
}
