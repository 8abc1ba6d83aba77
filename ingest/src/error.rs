//! Why a whole request was refused. Single refused rows are [`Fault`](crate::Fault)s.
//!
//! The texts are what the sender sees: they name the limit or the place, never our insides.

use std::time::Duration;

use http::StatusCode;
use telemetry::Limit;
use telemetry::time::format_duration;

use crate::OverLimit;

/// Nothing of the request was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The body, or what it unpacks to, is over a limit of [`IngestLimits`](crate::IngestLimits).
    #[error("the request is too large: {what} is over {max} ({limit})")]
    TooLarge { what: &'static str, limit: Limit, max: u64 },
    #[error("content type {found:?} is not understood here; send {expected}")]
    UnsupportedMediaType { found: String, expected: &'static str },
    #[error("content encoding {found:?} is not understood here; send {expected}")]
    UnsupportedEncoding { found: String, expected: &'static str },
    /// A known version of the dialect that is not spoken (yet).
    #[error("{0}")]
    UnsupportedVersion(&'static str),
    /// Neither a token nor a signature vouches for the request; the text says what is missing.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The body is not what its content type says; the text says what and where.
    #[error("{0}")]
    Malformed(String),
    /// As malformed, for a limit says so: something of the body spoils the rest of it.
    #[error("{0}")]
    OverLimit(#[from] OverLimit),
    /// A bound on memory or queues is reached; sending the same again later will work.
    #[error("overloaded: {what}{}; try again in {}", Limit::note(*limit), format_duration(*retry_after))]
    Overloaded { what: String, limit: Option<Limit>, retry_after: Duration },
    /// Writes are stopped (disk full, shutting down); sending again later may work. The limit is for
    /// whoever runs the server.
    #[error("not accepting writes: {what}; try again in {}", format_duration(*retry_after))]
    Unavailable { what: String, limit: Option<Limit>, retry_after: Duration },
}

impl IngestError {
    /// The HTTP status of the dialects that do not choose their own.
    pub fn status(&self) -> StatusCode {
        match self {
            IngestError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            IngestError::UnsupportedMediaType { .. }
            | IngestError::UnsupportedEncoding { .. }
            | IngestError::UnsupportedVersion(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            IngestError::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            IngestError::Malformed(_) | IngestError::OverLimit(_) => StatusCode::BAD_REQUEST,
            IngestError::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            IngestError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When to send the same request again; `None` when that is of no use.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            IngestError::Overloaded { retry_after, .. } | IngestError::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// The limit that caused it, where one did.
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self {
            IngestError::TooLarge { limit, .. } => Some(*limit),
            IngestError::OverLimit(over) => Some(over.limit),
            IngestError::Overloaded { limit, .. } | IngestError::Unavailable { limit, .. } => *limit,
            IngestError::UnsupportedMediaType { .. }
            | IngestError::UnsupportedEncoding { .. }
            | IngestError::UnsupportedVersion(_)
            | IngestError::Unauthenticated(_)
            | IngestError::Malformed(_) => None,
        }
    }

    /// The value of the label `outcome` of the request counter.
    pub(crate) fn outcome_name(&self) -> &'static str {
        match self {
            IngestError::TooLarge { .. } => "too_large",
            IngestError::UnsupportedMediaType { .. }
            | IngestError::UnsupportedEncoding { .. }
            | IngestError::UnsupportedVersion(_) => "unsupported",
            IngestError::Unauthenticated(_) => "unauthenticated",
            IngestError::Malformed(_) | IngestError::OverLimit(_) => "malformed",
            IngestError::Overloaded { .. } => "overloaded",
            IngestError::Unavailable { .. } => "unavailable",
        }
    }
}

/// Whole seconds for a `Retry-After` header, at least one.
pub(crate) fn retry_after_secs(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1) as u64
}
