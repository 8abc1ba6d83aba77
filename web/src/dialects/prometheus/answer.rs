//! The envelope of every answer, and the classes of errors with their statuses.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use query::promql::PromqlError;
use query::{ErrorClass, QueryError};
use serde::Serialize;

/// Data, and remarks about it.
#[derive(Debug)]
pub(super) struct Success<T> {
    pub data: T,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl<T> Success<T> {
    pub(super) fn of(data: T) -> Success<T> {
        Success { data, warnings: Vec::new(), infos: Vec::new() }
    }
}

/// An error as Prometheus' clients tell them apart: by `errorType`.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    error_type: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, error_type, message: message.into(), retry_after: None }
    }

    pub(super) fn bad_data(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_data", message)
    }

    /// The cause goes to the log.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> ApiError {
        tracing::error!(error, "a request of the Prometheus API failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the cause is in the server's log")
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let message = error.to_string();
        if let QueryError::Promql(error) = error {
            return error.into();
        }
        match error.class() {
            ErrorClass::BadRequest => ApiError::bad_data(message),
            ErrorClass::TooExpensive => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", message),
            ErrorClass::Timeout => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message),
            ErrorClass::Overloaded | ErrorClass::Unavailable => ApiError {
                retry_after: Some(Duration::from_secs(1)),
                ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
            },
            ErrorClass::Internal => ApiError::internal(&error),
        }
    }
}

impl From<PromqlError> for ApiError {
    fn from(error: PromqlError) -> ApiError {
        let message = error.to_string();
        match error {
            PromqlError::Bad(_) => ApiError::bad_data(message),
            PromqlError::Execution(_) | PromqlError::TooManySamples { .. } => {
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", message)
            }
            PromqlError::Timeout => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message),
            PromqlError::Canceled => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "canceled", message),
            PromqlError::Source(source) => match source.downcast::<QueryError>() {
                Ok(error) => (*error).into(),
                Err(source) => ApiError::internal(source.as_ref()),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

pub(super) fn answer<T: Serialize>(outcome: Result<Success<T>, ApiError>) -> Response {
    match outcome {
        Ok(Success { data, warnings, infos }) => Json(Envelope {
            status: "success",
            data: Some(data),
            error_type: None,
            error: None,
            warnings,
            infos,
        })
        .into_response(),
        Err(error) => error.into_response(),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let envelope: Envelope<()> = Envelope {
            status: "error",
            data: None,
            error_type: Some(self.error_type),
            error: Some(self.message),
            warnings: Vec::new(),
            infos: Vec::new(),
        };
        let mut response = (self.status, Json(envelope)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}
