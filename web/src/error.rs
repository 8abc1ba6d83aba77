//! Every error that leaves over HTTP: `application/problem+json` with `title`, `detail`, `status`
//! and, where a field is at fault, `errors[{pointer, message}]`.
//!
//! The one match from the crates' errors to statuses is here. What a stranger reads is written here
//! too; sources of a 500 go to the log and nowhere else.

use std::time::Duration;

use alerting::AlertingError;
use alerting::decide::Refusal;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use query::{ErrorClass, QueryError};
use runbooks::RunbookError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{AuthError, Role};

/// When to try again where all places for queries are taken: most queries are done by then.
const RETRY_AFTER_QUERY: Duration = Duration::from_secs(1);

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of failure, the same for all of its kind.
    pub title: String,
    /// What happened this time.
    pub detail: String,
    pub status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A field at fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    pub message: String,
}

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("a token or a session is needed")]
    Unauthorized,
    #[error("this needs the role {needed}, yours is {actual}")]
    Forbidden { needed: Role, actual: Role },
    #[error("the request comes from another site")]
    CrossSite,
    #[error("there is no {what} {id:?}")]
    NotFound { what: &'static str, id: String },
    #[error("nothing is served here")]
    NoSuchPath,
    #[error("this path does not know the method")]
    MethodNotAllowed,
    #[error("{message}")]
    BadField { pointer: String, message: String },
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    NotAcceptable(String),
    #[error("the body is longer than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the body is {actual}, expected {expected}")]
    UnsupportedMediaType { expected: &'static str, actual: String },
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Gone(String),
    #[error("{0}")]
    Unprocessable(String),
    #[error("{message}")]
    TooMany { message: String, retry_after: Duration },
    #[error("{message}")]
    Unavailable { message: String, retry_after: Option<Duration> },
    /// A query ran into its own time limit; trying again as it is will not help.
    #[error("{0}")]
    QueryTimeout(String),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type WebResult<T> = Result<T, WebError>;

impl WebError {
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> WebError {
        WebError::Internal(source.into())
    }

    pub fn not_found(what: &'static str, id: impl Into<String>) -> WebError {
        WebError::NotFound { what, id: id.into() }
    }

    pub fn bad_field(pointer: impl Into<String>, message: impl Into<String>) -> WebError {
        WebError::BadField { pointer: pointer.into(), message: message.into() }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            WebError::Unauthorized => StatusCode::UNAUTHORIZED,
            WebError::Forbidden { .. } | WebError::CrossSite => StatusCode::FORBIDDEN,
            WebError::NotFound { .. } | WebError::NoSuchPath => StatusCode::NOT_FOUND,
            WebError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            WebError::BadField { .. } | WebError::BadRequest(_) => StatusCode::BAD_REQUEST,
            WebError::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            WebError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            WebError::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            WebError::Conflict(_) => StatusCode::CONFLICT,
            WebError::Gone(_) => StatusCode::GONE,
            WebError::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            WebError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            WebError::Unavailable { .. } | WebError::Timeout(_) => StatusCode::SERVICE_UNAVAILABLE,
            WebError::QueryTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            WebError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn problem(&self) -> Problem {
        let status = self.status();
        let detail = match self {
            WebError::Internal(_) => "the cause is in the server's log".to_owned(),
            other => other.to_string(),
        };
        let errors = match self {
            WebError::BadField { pointer, message } => {
                vec![FieldError { pointer: pointer.clone(), message: message.clone() }]
            }
            _ => Vec::new(),
        };
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Problem { title, detail, status: status.as_u16(), errors }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            WebError::TooMany { retry_after, .. } => Some(*retry_after),
            WebError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Logs what the answer keeps to itself.
    pub(crate) fn log(&self) {
        if let WebError::Internal(source) = self {
            tracing::error!(error = source.as_ref() as &dyn std::error::Error, "request failed");
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let WebError::Unauthorized = self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"evenkeel\""));
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<AuthError> for WebError {
    fn from(error: AuthError) -> WebError {
        match error {
            AuthError::TokenName(_) => WebError::bad_field("/name", error.to_string()),
            AuthError::ServiceName(_) => WebError::bad_field("/service", error.to_string()),
            AuthError::UnknownRole(_) => WebError::bad_field("/role", error.to_string()),
            AuthError::TokenExists(_) | AuthError::TooManyTokens(_) => WebError::Conflict(error.to_string()),
            AuthError::NoSuchToken(name) => WebError::not_found("token", name),
            AuthError::LinkInvalid | AuthError::SecretInvalid => WebError::Unauthorized,
            AuthError::Throttled { retry_after } => {
                WebError::TooMany { message: error.to_string(), retry_after }
            }
            AuthError::BootstrapTooShort(_)
            | AuthError::BootstrapCharacters
            | AuthError::Randomness(_)
            | AuthError::Store(_)
            | AuthError::Sql(_) => WebError::internal(error),
        }
    }
}

impl From<QueryError> for WebError {
    fn from(error: QueryError) -> WebError {
        let message = match (error.position(), error.hint()) {
            (Some(at), _) => format!("{error} (line {}, column {})", at.line, at.column),
            (None, Some(hint)) => format!("{error}. {hint}"),
            (None, None) => error.to_string(),
        };
        match error.class() {
            ErrorClass::BadRequest => WebError::bad_field("/query", message),
            ErrorClass::TooExpensive => WebError::Unprocessable(message),
            ErrorClass::Timeout => WebError::QueryTimeout(message),
            ErrorClass::Overloaded => WebError::TooMany { message, retry_after: RETRY_AFTER_QUERY },
            ErrorClass::Unavailable => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the lake cannot answer");
                WebError::Unavailable { message, retry_after: Some(RETRY_AFTER_QUERY) }
            }
            ErrorClass::Internal => WebError::internal(error),
        }
    }
}

impl From<AlertingError> for WebError {
    fn from(error: AlertingError) -> WebError {
        match error {
            AlertingError::Refused(Refusal::UnknownIncident(id)) | AlertingError::UnknownIncident(id) => {
                WebError::not_found("incident", id.to_string())
            }
            AlertingError::Refused(refusal) => WebError::Conflict(refusal.to_string()),
            AlertingError::UnknownOverride { id, .. } => {
                WebError::not_found("override of the gate", id.to_string())
            }
            AlertingError::OverrideIsOver { .. } => WebError::Conflict(error.to_string()),
            AlertingError::BadInput { pointer, message } => WebError::bad_field(pointer, message),
            AlertingError::LinkInvalid => WebError::not_found("page behind this link", ""),
            AlertingError::LinkExpired | AlertingError::LinkRevoked => WebError::Gone(error.to_string()),
            AlertingError::Config { .. }
            | AlertingError::Corrupt(_)
            | AlertingError::Store(_)
            | AlertingError::Port(_) => WebError::internal(error),
        }
    }
}

impl From<RunbookError> for WebError {
    fn from(error: RunbookError) -> WebError {
        match error {
            RunbookError::NotFound { what, id } => WebError::NotFound { what, id },
            RunbookError::Conflict(message) => WebError::Conflict(message),
            RunbookError::Parameter { name, reason } => {
                WebError::bad_field(format!("/params/{name}"), reason)
            }
            RunbookError::Incident(error) => error.into(),
            RunbookError::Store(_) | RunbookError::Sql(_) | RunbookError::Stored(_) => {
                WebError::internal(error)
            }
        }
    }
}
