//! How long a table's past stays, said in the table itself, so that every Delta writer and every vacuum
//! from outside goes by it too.

use std::collections::HashMap;

use deltalake::{DeltaTable, DeltaTableError, TableProperty};

use crate::config::LakeConfig;

/// The table properties of the lake's settings.
pub fn properties(config: &LakeConfig) -> Vec<(String, Option<String>)> {
    let (logged, named) = (config.log_retention, config.log_retention + config.vacuum_after);
    [(TableProperty::LogRetentionDuration, logged), (TableProperty::DeletedFileRetentionDuration, named)]
        .map(|(property, kept)| {
            (property.as_ref().to_owned(), Some(format!("interval {} seconds", kept.as_secs())))
        })
        .into()
}

/// Brings a loaded table to the settings of today.
pub async fn catch_up(delta: DeltaTable, config: &LakeConfig) -> Result<DeltaTable, DeltaTableError> {
    let stored = delta.snapshot()?.metadata().configuration().clone();
    let wanted: HashMap<String, String> =
        properties(config).into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if wanted.iter().all(|(name, value)| stored.get(name) == Some(value)) {
        return Ok(delta);
    }
    delta.set_tbl_properties().with_properties(wanted).await
}
