//! What the server knows by name, asked of its `information_schema`.

use serde_json::Value;

use super::complete::Words;
use crate::cli::client::Client;

pub const TABLES: &str = "SELECT table_schema AS schema, table_name AS name, \
    CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS type \
    FROM information_schema.tables \
    WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY table_schema DESC, table_name";

/// Of the table or view `$1`.
pub const COLUMNS: &str = "SELECT column_name AS column, data_type AS type, is_nullable AS nullable \
    FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position";

/// With `$1` in their name.
pub const FUNCTIONS: &str = "SELECT DISTINCT routine_name AS name, syntax_example AS use, description \
    FROM information_schema.routines WHERE strpos(routine_name, $1) > 0 ORDER BY routine_name";

const ALL_COLUMNS: &str = "SELECT table_name, column_name FROM information_schema.columns \
    WHERE table_schema NOT IN ('information_schema', 'pg_catalog')";
const FUNCTION_NAMES: &str =
    "SELECT DISTINCT routine_name FROM information_schema.routines ORDER BY routine_name";

/// What can be completed. An error here is one of the server or of the way to it.
pub async fn words(client: &Client) -> anyhow::Result<Words> {
    let tables = rows(client, TABLES).await?;
    let columns = rows(client, ALL_COLUMNS).await?;
    let functions = rows(client, FUNCTION_NAMES).await?;
    Ok(Words {
        tables: tables.iter().filter_map(|row| text(row, 1)).collect(),
        columns: columns.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect(),
        functions: functions.iter().filter_map(|row| text(row, 0)).collect(),
    })
}

async fn rows(client: &Client, query: &str) -> anyhow::Result<Vec<Vec<Value>>> {
    let mut answer = client.sql(query, &[]).await?;
    let mut all = Vec::new();
    while let Some(rows) = answer.next_rows().await? {
        all.extend(rows);
    }
    Ok(all)
}

fn text(row: &[Value], column: usize) -> Option<String> {
    row.get(column)?.as_str().map(str::to_owned)
}
