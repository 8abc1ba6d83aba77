//! Numbers that only go up, by name. Taken inside the write transaction that uses them, so a number
//! is never handed out twice and the order of numbers is the order of commits.

use crate::{DbError, WriteTx};

/// The next number of a counter; the first is 1.
pub async fn next(tx: &mut WriteTx, name: &str) -> Result<i64, DbError> {
    let value = sqlx::query_scalar(
        "INSERT INTO counters (name, value) VALUES ($1, 1) \
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
    )
    .bind(name)
    .fetch_one(&mut **tx)
    .await?;
    Ok(value)
}

/// The number handed out last; 0 if there was none.
pub async fn current(tx: &mut WriteTx, name: &str) -> Result<i64, DbError> {
    let value: Option<i64> = sqlx::query_scalar("SELECT value FROM counters WHERE name = $1")
        .bind(name)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(value.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::Store;

    #[tokio::test]
    async fn a_number_is_used_again_only_if_its_transaction_was_undone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[]).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        assert_eq!(super::next(&mut tx, "a").await.unwrap(), 1);
        assert_eq!(super::next(&mut tx, "a").await.unwrap(), 2);
        assert_eq!(super::next(&mut tx, "b").await.unwrap(), 1);
        assert_eq!(super::current(&mut tx, "a").await.unwrap(), 2);
        tx.rollback().await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        assert_eq!(super::next(&mut tx, "a").await.unwrap(), 1);
        tx.commit().await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        assert_eq!(super::next(&mut tx, "a").await.unwrap(), 2);
    }
}
