//! Until when a query may run, and which limit says so.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::QueryError;
use crate::config::{QueryConfig, QueryRole, limit_name};

/// The end of a query's time; counts from when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
    limit: String,
}

impl Deadline {
    /// By the limit of a role.
    pub(crate) fn of(config: &QueryConfig, role: QueryRole) -> Deadline {
        let timeout = config.limits_of(role).timeout;
        Deadline { at: Instant::now() + timeout, timeout, limit: limit_name(role, "timeout") }
    }

    /// What a client asked for, if that is sooner: `limit` is the client's name for it.
    pub(crate) fn or_sooner(self, timeout: Option<Duration>, limit: &str) -> Deadline {
        match timeout {
            Some(timeout) if timeout < self.timeout => {
                Deadline { at: self.at - (self.timeout - timeout), timeout, limit: limit.to_owned() }
            }
            _ => self,
        }
    }

    /// What `work` becomes, or the error that names the limit.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, QueryError> {
        let elapsed = |_| QueryError::Timeout { timeout: self.timeout, limit: self.limit.clone() };
        timeout_at(self.at, work).await.map_err(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn the_sooner_limit_is_the_one_that_is_named() {
        let mut config = QueryConfig::default();
        let check = async |config: &QueryConfig, asked: Option<Duration>, name: &str| {
            let deadline = Deadline::of(config, QueryRole::Viewer).or_sooner(asked, "statement_timeout");
            let error = deadline.within(pending::<()>()).await.unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        check(&config, Some(Duration::ZERO), "(limit `statement_timeout`)").await;
        config.viewer.timeout = Duration::ZERO;
        check(&config, None, "(limit `query.viewer.timeout`)").await;
        check(&config, Some(Duration::from_secs(3_600)), "(limit `query.viewer.timeout`)").await;
    }

    #[tokio::test]
    async fn what_is_done_in_time_comes_through() {
        let deadline = Deadline::of(&QueryConfig::default(), QueryRole::Viewer);
        assert_eq!(deadline.within(async { 1 }).await.unwrap(), 1);
    }
}
