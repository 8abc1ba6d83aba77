//! What can go wrong with a query, in the classes that the Prometheus API distinguishes.
//!
//! The HTTP layer maps them: [`PromqlError::Bad`] is `bad_data` (400), `Execution`, `TooManySamples`
//! and `Source` are `execution` (422), `Timeout` is `timeout` (503), `Canceled` is `canceled`.

/// What the storage behind a [`SeriesSource`](crate::SeriesSource) failed with; opaque to the engine.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromqlError {
    /// The query itself is wrong or uses something that is not supported; names the construct.
    #[error("{0}")]
    Bad(String),
    /// The query is well-formed but the data does not allow an answer, in Prometheus' words.
    #[error("{0}")]
    Execution(String),
    #[error("query processing would load too many samples into memory in query execution (limit: {limit})")]
    TooManySamples { limit: u64 },
    #[error("query timed out in expression evaluation")]
    Timeout,
    #[error("query was canceled in expression evaluation")]
    Canceled,
    #[error("the series could not be read")]
    Source(#[source] SourceError),
}

impl PromqlError {
    pub(crate) fn bad(message: impl Into<String>) -> PromqlError {
        PromqlError::Bad(message.into())
    }

    pub(crate) fn execution(message: impl Into<String>) -> PromqlError {
        PromqlError::Execution(message.into())
    }
}
