//! The envelope of every answer, and the classes of errors with their statuses.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use query::promql::PromqlError;
use query::{ErrorClass, QueryError};
use serde::Serialize;

use super::value::QueryData;

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

    /// `invalid parameter "NAME": FAULT`
    pub(super) fn parameter(name: &str, fault: impl std::fmt::Display) -> ApiError {
        ApiError::bad_data(format!("invalid parameter {name:?}: {fault}"))
    }

    /// What was refused before a call of this API began.
    pub(super) fn of_status(status: StatusCode, message: impl Into<String>) -> ApiError {
        let error_type = match status {
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::NOT_ACCEPTABLE => "not_acceptable",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "unavailable",
            status if status.is_server_error() => "internal",
            _ => "bad_data",
        };
        ApiError::new(status, error_type, message)
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

/// Work that takes its time (regular expressions, the whole index) on a thread where that is no harm.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// Answers of more numbers are written on a thread where waiting is no harm.
const POINTS_AT_ONCE_MAX: usize = 10_000;

/// The answer of a query; as [`answer`], and others are answered while a long one is written.
pub(super) async fn answer_query(outcome: Result<Success<QueryData>, ApiError>) -> Response {
    let success = match outcome {
        Ok(success) => success,
        Err(error) => return error.into_response(),
    };
    let text = if success.data.points() <= POINTS_AT_ONCE_MAX {
        written(&success)
    } else {
        aside(move || written(&success)).await
    };
    match text {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => error.into_response(),
    }
}

fn written(success: &Success<QueryData>) -> Result<String, ApiError> {
    write(success).map_err(|error| ApiError::internal(&error))
}

fn write(success: &Success<QueryData>) -> serde_json::Result<String> {
    let mut text = r#"{"status":"success","data":"#.to_owned();
    success.data.write(&mut text)?;
    for (name, remarks) in [("warnings", &success.warnings), ("infos", &success.infos)] {
        if !remarks.is_empty() {
            text.push_str(&format!(",\"{name}\":{}", serde_json::to_string(remarks)?));
        }
    }
    text.push('}');
    Ok(text)
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
