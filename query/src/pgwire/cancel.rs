//! Cancel requests: they come on a connection of their own and name the running one by its process id
//! and secret key.
//!
//! The library ends a statement that is still being planned. What it does not end is one whose rows
//! are under way, so each statement has a token here that its rows stop for.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::{ClientInfo, ConnectionManager};
use datafusion_postgres::pgwire::messages::cancel::CancelRequest;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{QueryError, SqlRows};

/// Process id and secret key of a connection.
type Key = (i32, Vec<u8>);

/// The statements under way, by connection; several at once come in one message or have a cursor.
#[derive(Default)]
pub(super) struct Statements {
    running: Mutex<HashMap<Key, Vec<Arc<CancellationToken>>>>,
}

impl Statements {
    /// Counts `client`'s statement as running until the answer is dropped.
    pub(super) fn start<C: ClientInfo + ?Sized>(self: &Arc<Self>, client: &C) -> Running {
        let (pid, secret) = client.pid_and_secret_key();
        let key = (pid, secret.to_bytes().to_vec());
        let token = Arc::new(CancellationToken::new());
        self.running.lock().entry(key.clone()).or_default().push(token.clone());
        Running { statements: self.clone(), key, token }
    }

    fn cancel(&self, key: &Key) {
        let running = self.running.lock();
        running.get(key).into_iter().flatten().for_each(|token| token.cancel());
    }
}

/// A statement under way.
pub(super) struct Running {
    statements: Arc<Statements>,
    key: Key,
    token: Arc<CancellationToken>,
}

impl Running {
    /// Returns when somebody has asked to cancel it.
    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// The rows, until somebody asks to cancel them; then one error and no more. The query behind them
    /// ends with that, because nobody reads on.
    pub(super) fn until_cancelled(self, rows: SqlRows) -> SqlRows {
        let SqlRows { schema, stream } = rows;
        let stream = stream::unfold(Some((stream, self)), |state| async {
            let (mut stream, running) = state?;
            tokio::select! {
                biased;
                () = running.token.cancelled() => Some((Err(QueryError::Canceled), None)),
                next = stream.next() => next.map(|batch| (batch, Some((stream, running)))),
            }
        });
        SqlRows { schema, stream: stream.boxed() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.statements.running.lock();
        let Some(tokens) = running.get_mut(&self.key) else { return };
        tokens.retain(|token| !Arc::ptr_eq(token, &self.token));
        if tokens.is_empty() {
            running.remove(&self.key);
        }
    }
}

/// Takes the requests of all connections.
pub(super) struct Canceler {
    pub manager: Arc<ConnectionManager>,
    pub statements: Arc<Statements>,
}

#[async_trait]
impl CancelHandler for Canceler {
    async fn on_cancel_request(&self, request: CancelRequest) {
        self.manager.cancel(request.pid, &request.secret_key).await;
        self.statements.cancel(&(request.pid, request.secret_key.to_bytes().to_vec()));
    }
}
