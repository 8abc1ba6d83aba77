//! What can go wrong with a runbook, a run or a retrospective.

use db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum RunbookError {
    #[error("there is no {what} {id:?}")]
    NotFound { what: &'static str, id: String },
    /// The request makes no sense in the present state; the text says why.
    #[error("{0}")]
    Conflict(String),
    /// A parameter of a run is missing or does not fit.
    #[error("parameter {name:?}: {reason}")]
    Parameter { name: String, reason: String },
    #[error("reading the incident failed")]
    Incident(#[from] alerting::AlertingError),
    #[error("the workflow store failed")]
    Store(#[from] DbError),
    #[error("the workflow store failed")]
    Sql(#[from] sqlx::Error),
    #[error("a stored value cannot be read: {0}")]
    Stored(String),
}

impl RunbookError {
    pub(crate) fn not_found(what: &'static str, id: &str) -> RunbookError {
        RunbookError::NotFound { what, id: id.to_owned() }
    }
}
