//! Things to do outside of the database, written in the transaction that decided on them.
//!
//! A row is waiting until somebody claims it for a while (its lease); the claimer then completes it,
//! puts it off, or abandons it. Each claim raises `attempt`; owner and attempt together fence every
//! later write, so that one whose lease ran out cannot record anything. A row whose lease ran out
//! may or may not have been carried out: the next claim says so ([`Claimed::ambiguous`]).
//!
//! `UNIQUE (topic, key)` holds for finished rows too, until [`prune`] removes them: what was
//! enqueued once is not enqueued again.

use sqlx::Row as _;

use crate::{DbError, Store, WriteTx, counter};

/// The counter that numbers rows over all topics.
const SEQUENCE: &str = "outbox";

/// How a row ended.
const DONE: &str = "done";
const ABANDONED: &str = "abandoned";
const CANCELLED: &str = "cancelled";

/// A row that is ours until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Store-wide order of enqueueing.
    pub seq: i64,
    pub topic: String,
    pub key: String,
    /// JSON text.
    pub payload: String,
    /// Microseconds since the epoch.
    pub due_at: i64,
    /// Counts from 1.
    pub attempt: i64,
    /// An earlier claim ended without a word: it may have been carried out.
    pub ambiguous: bool,
    pub owner: String,
}

/// Adds a row that may be claimed from `due_at` on. `None` if the key is known already; otherwise
/// the row's place in the store-wide order.
pub async fn enqueue(
    tx: &mut WriteTx,
    topic: &str,
    key: &str,
    payload_json: &str,
    due_at: i64,
) -> Result<Option<i64>, DbError> {
    let known: Option<i64> = sqlx::query_scalar("SELECT seq FROM outbox WHERE topic = $1 AND key = $2")
        .bind(topic)
        .bind(key)
        .fetch_optional(&mut **tx)
        .await?;
    if known.is_some() {
        return Ok(None);
    }
    let seq = counter::next(tx, SEQUENCE).await?;
    sqlx::query("INSERT INTO outbox (seq, topic, key, payload, due_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(seq)
        .bind(topic)
        .bind(key)
        .bind(payload_json)
        .bind(due_at)
        .execute(&mut **tx)
        .await?;
    Ok(Some(seq))
}

/// Claims up to `limit` rows that are due, oldest first, in a transaction of its own.
pub async fn claim(
    store: &Store,
    topic: &str,
    now: i64,
    lease_micros: i64,
    limit: u32,
) -> Result<Vec<Claimed>, DbError> {
    let mut tx = store.begin_write().await?;
    let claimed = claim_within(&mut tx, store.owner(), topic, now, lease_micros, limit).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// As [`claim`], inside a transaction that checks and records more. `owner` is [`Store::owner`].
pub async fn claim_within(
    tx: &mut WriteTx,
    owner: &str,
    topic: &str,
    now: i64,
    lease_micros: i64,
    limit: u32,
) -> Result<Vec<Claimed>, DbError> {
    // One writer at a time: between the two statements nobody else can claim. (PostgreSQL would
    // select FOR UPDATE SKIP LOCKED here.)
    let rows = sqlx::query(
        "SELECT seq, key, payload, due_at, attempt, lease_owner FROM outbox \
         WHERE topic = $1 AND finished_at IS NULL AND due_at <= $2 \
           AND (lease_until IS NULL OR lease_until <= $2) \
         ORDER BY due_at, seq LIMIT $3",
    )
    .bind(topic)
    .bind(now)
    .bind(i64::from(limit))
    .fetch_all(&mut **tx)
    .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let before: Option<String> = row.try_get("lease_owner")?;
        let next = Claimed {
            seq: row.try_get("seq")?,
            topic: topic.to_owned(),
            key: row.try_get("key")?,
            payload: row.try_get("payload")?,
            due_at: row.try_get("due_at")?,
            attempt: row.try_get::<i64, _>("attempt")? + 1,
            ambiguous: before.is_some(),
            owner: owner.to_owned(),
        };
        sqlx::query("UPDATE outbox SET lease_owner = $1, lease_until = $2, attempt = $3 WHERE seq = $4")
            .bind(owner)
            .bind(now.saturating_add(lease_micros))
            .bind(next.attempt)
            .bind(next.seq)
            .execute(&mut **tx)
            .await?;
        claimed.push(next);
    }
    Ok(claimed)
}

/// It is done.
pub async fn complete(tx: &mut WriteTx, claimed: &Claimed, now: i64) -> Result<(), DbError> {
    finish(tx, claimed, now, DONE, None).await
}

/// It will never be done; `reason` is kept with the row.
pub async fn abandon(tx: &mut WriteTx, claimed: &Claimed, now: i64, reason: &str) -> Result<(), DbError> {
    finish(tx, claimed, now, ABANDONED, Some(reason)).await
}

/// Somebody may claim it again from `due_at` on.
pub async fn retry_at(tx: &mut WriteTx, claimed: &Claimed, due_at: i64, reason: &str) -> Result<(), DbError> {
    let changed = sqlx::query(
        "UPDATE outbox SET lease_owner = NULL, lease_until = NULL, due_at = $1, last_error = $2 \
         WHERE seq = $3 AND lease_owner = $4 AND attempt = $5 AND finished_at IS NULL",
    )
    .bind(due_at)
    .bind(reason)
    .bind(claimed.seq)
    .bind(&claimed.owner)
    .bind(claimed.attempt)
    .execute(&mut **tx)
    .await?;
    fenced(changed.rows_affected(), claimed)
}

/// Takes back a row that nobody is carrying out. False if it is being carried out, or finished, or
/// unknown.
pub async fn cancel(tx: &mut WriteTx, topic: &str, key: &str, now: i64) -> Result<bool, DbError> {
    let changed = sqlx::query(
        "UPDATE outbox SET finished_at = $1, outcome = $2 \
         WHERE topic = $3 AND key = $4 AND finished_at IS NULL AND lease_owner IS NULL",
    )
    .bind(now)
    .bind(CANCELLED)
    .bind(topic)
    .bind(key)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Moves a row that nobody is carrying out to another time. False if it is being carried out, or
/// finished, or unknown.
pub async fn reschedule(tx: &mut WriteTx, topic: &str, key: &str, due_at: i64) -> Result<bool, DbError> {
    let changed = sqlx::query(
        "UPDATE outbox SET due_at = $1 \
         WHERE topic = $2 AND key = $3 AND finished_at IS NULL AND lease_owner IS NULL",
    )
    .bind(due_at)
    .bind(topic)
    .bind(key)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// What waits in a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub rows: i64,
    /// The earliest time at which a row may be claimed.
    pub oldest_due_at: Option<i64>,
}

pub async fn backlog(store: &Store, topic: &str) -> Result<Backlog, DbError> {
    let row = sqlx::query(
        "SELECT count(*) AS waiting, min(due_at) AS oldest FROM outbox \
         WHERE topic = $1 AND finished_at IS NULL",
    )
    .bind(topic)
    .fetch_one(store.read())
    .await?;
    Ok(Backlog { rows: row.try_get("waiting")?, oldest_due_at: row.try_get("oldest")? })
}

/// Removes rows that finished before a time, at most `limit`; returns how many. Takes the writer
/// only if there are any.
pub async fn prune(store: &Store, finished_before: i64, limit: u32) -> Result<u64, DbError> {
    let stale: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM outbox WHERE finished_at IS NOT NULL AND finished_at < $1 LIMIT 1",
    )
    .bind(finished_before)
    .fetch_optional(store.read())
    .await?;
    if stale.is_none() {
        return Ok(0);
    }
    let mut tx = store.begin_write().await?;
    let removed = sqlx::query(
        "DELETE FROM outbox WHERE seq IN \
         (SELECT seq FROM outbox WHERE finished_at IS NOT NULL AND finished_at < $1 \
          ORDER BY finished_at LIMIT $2)",
    )
    .bind(finished_before)
    .bind(i64::from(limit))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(removed.rows_affected())
}

async fn finish(
    tx: &mut WriteTx,
    claimed: &Claimed,
    now: i64,
    outcome: &str,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let changed = sqlx::query(
        "UPDATE outbox SET finished_at = $1, outcome = $2, lease_owner = NULL, lease_until = NULL, \
             last_error = COALESCE($3, last_error) \
         WHERE seq = $4 AND lease_owner = $5 AND attempt = $6 AND finished_at IS NULL",
    )
    .bind(now)
    .bind(outcome)
    .bind(reason)
    .bind(claimed.seq)
    .bind(&claimed.owner)
    .bind(claimed.attempt)
    .execute(&mut **tx)
    .await?;
    fenced(changed.rows_affected(), claimed)
}

fn fenced(changed: u64, claimed: &Claimed) -> Result<(), DbError> {
    if changed == 1 { Ok(()) } else { Err(DbError::LeaseLost(format!("{} {}", claimed.topic, claimed.key))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store_with(keys: &[(&str, i64)]) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[]).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        for (key, due_at) in keys {
            enqueue(&mut tx, "t", key, "{}", *due_at).await.unwrap().unwrap();
        }
        tx.commit().await.unwrap();
        (dir, store)
    }

    fn keys(claimed: &[Claimed]) -> Vec<&str> {
        claimed.iter().map(|row| row.key.as_str()).collect()
    }

    #[tokio::test]
    async fn rows_are_claimed_when_due_oldest_first_and_by_one_only() {
        let (_dir, store) = store_with(&[("late", 100), ("second", 20), ("first", 10)]).await;
        assert!(claim(&store, "t", 9, 50, 10).await.unwrap().is_empty());
        assert!(claim(&store, "other", 90, 50, 10).await.unwrap().is_empty());
        assert_eq!(keys(&claim(&store, "t", 20, 50, 10).await.unwrap()), ["first", "second"]);
        assert!(claim(&store, "t", 69, 50, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_key_is_enqueued_once_even_after_it_finished() {
        let (_dir, store) = store_with(&[("a", 0)]).await;
        let claimed = claim(&store, "t", 0, 50, 1).await.unwrap().remove(0);
        let mut tx = store.begin_write().await.unwrap();
        complete(&mut tx, &claimed, 5).await.unwrap();
        assert_eq!(enqueue(&mut tx, "t", "a", "{}", 0).await.unwrap(), None);
        assert_eq!(enqueue(&mut tx, "u", "a", "{}", 0).await.unwrap(), Some(2));
        tx.commit().await.unwrap();
        assert!(claim(&store, "t", 1_000, 50, 1).await.unwrap().is_empty());
        assert_eq!(prune(&store, 5, 10).await.unwrap(), 0);
        assert_eq!(prune(&store, 6, 10).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_stale_holder_records_nothing_after_a_takeover() {
        let (_dir, store) = store_with(&[("a", 0)]).await;
        let stale = claim(&store, "t", 0, 50, 1).await.unwrap().remove(0);
        let fresh = claim(&store, "t", 50, 50, 1).await.unwrap().remove(0);
        assert_eq!((stale.ambiguous, fresh.ambiguous, fresh.attempt), (false, true, 2));
        let mut tx = store.begin_write().await.unwrap();
        assert!(matches!(complete(&mut tx, &stale, 60).await, Err(DbError::LeaseLost(_))));
        assert!(matches!(retry_at(&mut tx, &stale, 60, "x").await, Err(DbError::LeaseLost(_))));
        assert!(matches!(abandon(&mut tx, &stale, 60, "x").await, Err(DbError::LeaseLost(_))));
        complete(&mut tx, &fresh, 60).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_row_put_off_is_claimed_again_without_doubt() {
        let (_dir, store) = store_with(&[("a", 0)]).await;
        let claimed = claim(&store, "t", 0, 50, 1).await.unwrap().remove(0);
        let mut tx = store.begin_write().await.unwrap();
        retry_at(&mut tx, &claimed, 30, "refused").await.unwrap();
        tx.commit().await.unwrap();
        assert!(claim(&store, "t", 29, 50, 1).await.unwrap().is_empty());
        let again = claim(&store, "t", 30, 50, 1).await.unwrap().remove(0);
        assert_eq!((again.attempt, again.ambiguous), (2, false));
    }

    #[tokio::test]
    async fn only_a_waiting_row_can_be_cancelled() {
        let (_dir, store) = store_with(&[("a", 0), ("b", 0)]).await;
        claim(&store, "t", 0, 50, 1).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        assert!(!cancel(&mut tx, "t", "a", 1).await.unwrap());
        assert!(!reschedule(&mut tx, "t", "a", 9).await.unwrap());
        assert!(reschedule(&mut tx, "t", "b", 9).await.unwrap());
        assert!(cancel(&mut tx, "t", "b", 1).await.unwrap());
        assert!(!cancel(&mut tx, "t", "b", 1).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(backlog(&store, "t").await.unwrap(), Backlog { rows: 1, oldest_due_at: Some(0) });
    }
}
