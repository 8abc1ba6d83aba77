//! A named right to do something alone for a while.
//!
//! The holder renews it by acquiring it again; after `until` anybody may take it. Every change of
//! hands raises the fence, and [`check`] inside the holder's write transaction makes sure that one
//! who slept past the end of his lease writes nothing.

use crate::{DbError, Store, WriteTx};

/// A lease that was held when it was acquired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
    /// Goes up with every change of hands.
    pub fence: i64,
    /// Microseconds since the epoch.
    pub until: i64,
}

/// Takes or renews a lease until `now + ttl_micros`; `None` while another opening of a store holds it.
pub async fn acquire(store: &Store, name: &str, now: i64, ttl_micros: i64) -> Result<Option<Lease>, DbError> {
    let until = now.saturating_add(ttl_micros);
    let mut tx = store.begin_write().await?;
    let fence: Option<i64> = sqlx::query_scalar(
        "INSERT INTO leases (name, owner, until, fence) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (name) DO UPDATE SET \
             fence = leases.fence + CASE WHEN leases.owner = $2 THEN 0 ELSE 1 END, owner = $2, until = $3 \
         WHERE leases.owner = $2 OR leases.until <= $4 RETURNING fence",
    )
    .bind(name)
    .bind(store.owner())
    .bind(until)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(fence.map(|fence| Lease { name: name.to_owned(), owner: store.owner().to_owned(), fence, until }))
}

/// Fails with [`DbError::LeaseLost`] if the lease has changed hands.
pub async fn check(tx: &mut WriteTx, lease: &Lease) -> Result<(), DbError> {
    let held: Option<i64> =
        sqlx::query_scalar("SELECT fence FROM leases WHERE name = $1 AND owner = $2 AND fence = $3")
            .bind(&lease.name)
            .bind(&lease.owner)
            .bind(lease.fence)
            .fetch_optional(&mut **tx)
            .await?;
    held.map(|_| ()).ok_or_else(|| DbError::LeaseLost(lease.name.clone()))
}

/// Gives a lease back before its end; does nothing if it has changed hands.
pub async fn release(store: &Store, lease: &Lease) -> Result<(), DbError> {
    let mut tx = store.begin_write().await?;
    sqlx::query("UPDATE leases SET until = 0 WHERE name = $1 AND owner = $2 AND fence = $3")
        .bind(&lease.name)
        .bind(&lease.owner)
        .bind(lease.fence)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frozen_holder_is_fenced_off_after_a_takeover() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (a, b) = (Store::open(&path, &[]).await.unwrap(), Store::open(&path, &[]).await.unwrap());
        let held_by_a = acquire(&a, "engine", 0, 10).await.unwrap().unwrap();
        assert_eq!(acquire(&b, "engine", 9, 10).await.unwrap(), None);
        let renewed = acquire(&a, "engine", 9, 10).await.unwrap().unwrap();
        assert_eq!((renewed.fence, renewed.until), (held_by_a.fence, 19));
        let held_by_b = acquire(&b, "engine", 19, 10).await.unwrap().unwrap();
        assert_eq!(held_by_b.fence, 2);
        let mut tx = a.begin_write().await.unwrap();
        assert!(matches!(check(&mut tx, &renewed).await, Err(DbError::LeaseLost(_))));
        drop(tx);
        release(&a, &renewed).await.unwrap();
        assert_eq!(acquire(&a, "engine", 20, 10).await.unwrap(), None);
        release(&b, &held_by_b).await.unwrap();
        assert!(acquire(&a, "engine", 20, 10).await.unwrap().is_some());
    }
}
