//! Migrations of several crates, merged into one list by their dated names.
//!
//! Forward only, each applied once in a transaction of its own. A name in the store that this
//! binary does not know belongs to a newer one and is left alone: migrations only add, so an older
//! binary keeps working beside a newer schema.

use std::collections::HashSet;

use sqlx::SqlitePool;

use crate::DbError;

/// One step of a crate's schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// `2026-11-23-01-alerting-init`: the date, a number, the crate, what it does. Never changes.
    pub name: &'static str,
    /// The statements for SQLite.
    pub sqlite: &'static str,
}

const PLUMBING: &[Migration] = &[Migration {
    name: "2026-11-23-00-plumbing",
    sqlite: include_str!("../migrations/sqlite/2026-11-23-00-plumbing.sql"),
}];

pub(crate) async fn apply(writer: &SqlitePool, lists: &[&[Migration]]) -> Result<(), DbError> {
    let mut wanted: Vec<Migration> =
        PLUMBING.iter().chain(lists.iter().flat_map(|list| list.iter())).copied().collect();
    wanted.sort_by_key(|migration| migration.name);
    if let Some(twice) = wanted.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(DbError::DuplicateMigration(twice[0].name.to_owned()));
    }
    sqlx::query("CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY)")
        .execute(writer)
        .await?;
    let applied: Vec<String> = sqlx::query_scalar("SELECT name FROM migrations").fetch_all(writer).await?;
    let applied: HashSet<String> = applied.into_iter().collect();
    for migration in wanted.iter().filter(|migration| !applied.contains(migration.name)) {
        let failed = |source| DbError::Migration { name: migration.name.to_owned(), source };
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let claimed = sqlx::query("INSERT INTO migrations (name) VALUES ($1) ON CONFLICT (name) DO NOTHING")
            .bind(migration.name)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        if claimed.rows_affected() == 1 {
            sqlx::raw_sql(migration.sqlite).execute(&mut *tx).await.map_err(failed)?;
            tracing::info!(migration = migration.name, "migrated the store");
        }
        tx.commit().await.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    const FIRST: Migration = Migration { name: "2026-01-01-01-a", sqlite: "CREATE TABLE a (n INTEGER)" };
    const SECOND: Migration =
        Migration { name: "2026-01-02-01-b", sqlite: "INSERT INTO a VALUES (1); CREATE TABLE b (n INTEGER)" };
    const BROKEN: Migration = Migration {
        name: "2026-01-03-01-c",
        sqlite: "CREATE TABLE c (n INTEGER); INSERT INTO nowhere VALUES (1)",
    };

    #[tokio::test]
    async fn lists_of_several_crates_are_applied_in_name_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        for _ in 0..2 {
            let store = Store::open(&path, &[&[SECOND], &[FIRST]]).await.unwrap();
            let rows: i64 =
                sqlx::query_scalar("SELECT count(*) FROM a").fetch_one(store.read()).await.unwrap();
            assert_eq!(rows, 1);
            store.close().await;
        }
    }

    #[tokio::test]
    async fn an_older_binary_works_beside_a_newer_schema() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        Store::open(&path, &[&[FIRST, SECOND]]).await.unwrap().close().await;
        Store::open(&path, &[&[FIRST]]).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn a_broken_migration_leaves_nothing_behind_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let error = Store::open(&path, &[&[FIRST, BROKEN]]).await.unwrap_err();
        assert_eq!(error.to_string(), "migration 2026-01-03-01-c failed");
        let store = Store::open(&path, &[&[FIRST]]).await.unwrap();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name IN ('a', 'c')")
            .fetch_one(store.read())
            .await
            .unwrap();
        assert_eq!(tables, 1);
    }

    #[tokio::test]
    async fn a_name_used_twice_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Store::open(dir.path().join("store.db"), &[&[FIRST], &[FIRST]]).await.unwrap_err();
        assert_eq!(error.to_string(), "two migrations are called 2026-01-01-01-a");
    }
}
