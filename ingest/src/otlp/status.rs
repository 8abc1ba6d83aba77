//! `google.rpc.Status` and the details that OTLP puts into it, for error bodies over HTTP and for
//! the trailers of gRPC.

use std::time::Duration;

use http::StatusCode;
use prost::Message;

use crate::IngestError;

/// The codes of `google.rpc.Code` that a receiver answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Never to be sent again as it is.
    InvalidArgument = 3,
    NotFound = 5,
    PermissionDenied = 7,
    /// Over a limit; not to be sent again as it is, for there is no `RetryInfo`.
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    /// To be sent again after `RetryInfo`.
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    pub(crate) fn of(error: &IngestError) -> Code {
        match error {
            IngestError::TooLarge { .. } => Code::ResourceExhausted,
            IngestError::Overloaded { .. } | IngestError::Unavailable { .. } => Code::Unavailable,
            IngestError::Unauthenticated(_) => Code::Unauthenticated,
            IngestError::UnsupportedMediaType { .. }
            | IngestError::UnsupportedEncoding { .. }
            | IngestError::UnsupportedVersion(_)
            | IngestError::Malformed(_)
            | IngestError::OverLimit(_) => Code::InvalidArgument,
        }
    }
}

impl Code {
    /// Of an answer that was made before the dialect saw the request.
    pub(crate) fn of_status(status: StatusCode) -> Code {
        match status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::PermissionDenied,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            status if status.is_client_error() => Code::InvalidArgument,
            _ => Code::Internal,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) retry_delay: Option<WireDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WireDuration {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl RpcStatus {
    pub(crate) fn new(code: Code, message: String) -> RpcStatus {
        RpcStatus { code: code as i32, message, details: Vec::new() }
    }

    /// Tells the sender when to come again.
    pub(crate) fn with_retry(mut self, wait: Duration) -> RpcStatus {
        let delay = WireDuration {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: wait.subsec_nanos() as i32,
        };
        self.details.push(Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: RetryInfo { retry_delay: Some(delay) }.encode_to_vec(),
        });
        self
    }
}
