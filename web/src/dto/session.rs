//! Who is logged in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, Role};
use crate::state::AppState;

/// The caller, and what the dashboard needs to know about this server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Session {
    pub name: String,
    pub role: Role,
    pub version: String,
    /// What links start with; empty when it is not configured.
    pub external_url: String,
    pub demo: bool,
}

/// A token to open a session with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSessionBody {
    pub token: String,
}

impl Session {
    pub fn of(caller: Caller, state: &AppState) -> Session {
        Session {
            name: caller.name,
            role: caller.role,
            version: state.version.to_owned(),
            external_url: state.config.external_url.as_ref().map(url::Url::to_string).unwrap_or_default(),
            demo: state.inbox.is_some(),
        }
    }
}
