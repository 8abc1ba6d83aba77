//! Columns that came after a table was created.
//!
//! A table of an earlier version gets them by one commit that changes its schema and nothing else; the
//! files that it has keep their columns, and every Delta reader sees NULL in what they lack. So only
//! columns that may be NULL can come later.

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::{DeltaTable, DeltaTableError};

use crate::schema::Table;

/// Brings a loaded table to the columns of this version. Columns that this version does not know stay.
pub async fn catch_up(table: Table, delta: DeltaTable) -> Result<DeltaTable, DeltaTableError> {
    let stored = delta.snapshot()?.schema();
    let wanted: StructType = table.schema().as_ref().try_into_kernel()?;
    let missing: Vec<StructField> =
        wanted.fields().filter(|field| stored.field(field.name()).is_none()).cloned().collect();
    if missing.is_empty() {
        return Ok(delta);
    }
    let names: Vec<&str> = missing.iter().map(|field| field.name().as_str()).collect();
    if let Some(required) = missing.iter().find(|field| !field.is_nullable()) {
        let msg =
            format!("column {} is missing and cannot be NULL in the rows that are there", required.name());
        return Err(DeltaTableError::SchemaMismatch { msg });
    }
    tracing::info!(table = table.name(), columns = ?names, "the table gets new columns");
    delta.add_columns().with_fields(missing).await
}
