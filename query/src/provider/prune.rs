//! Leaving out files by their statistics.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DataFusionError, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use lake::{DataFile, StatValue, Table};
use telemetry::Timestamp;
use telemetry::time::MICROS_PER_DAY;

/// Lists longer than this keep every file; the same bound as for row groups.
const MAX_IN_LIST_SIZE: usize = crate::session::MAX_IN_LIST_SIZE;

/// The files that may hold rows for which all predicates are true.
pub(super) fn prune<'f>(
    table: Table,
    schema: &SchemaRef,
    files: impl Iterator<Item = &'f DataFile>,
    predicates: &[Arc<dyn PhysicalExpr>],
) -> Result<Vec<&'f DataFile>> {
    let files: Vec<&DataFile> = files.collect();
    if files.is_empty() || predicates.is_empty() {
        return Ok(files);
    }
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(schema.clone())
        .with_max_in_list_size(MAX_IN_LIST_SIZE)
        .build(conjunction(predicates.iter().cloned()));
    let Some(predicate) = predicate else { return Ok(files) };
    let mut statistics = Vec::with_capacity(files.len());
    for file in &files {
        statistics.push(Arc::new(file_statistics(table, schema, file)?));
    }
    let keep = predicate.prune(&PrunableStatistics::new(statistics, schema.clone()))?;
    Ok(files.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file).collect())
}

/// First and last time of a file in microseconds, by the table's time column.
pub(super) fn time_range(table: Table, file: &DataFile) -> Option<(i64, i64)> {
    file.time_range(table).map(|(from, to)| (from.micros(), to.micros()))
}

/// What is known about a file, for every column of the table's schema.
pub(super) fn file_statistics(table: Table, schema: &SchemaRef, file: &DataFile) -> Result<Statistics> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if field.name() == table.partition_column() {
            columns.push(constant(partition_value(table, schema, file)?));
            continue;
        }
        let mut column = ColumnStatistics::new_unknown();
        if let Some(known) = file.stats.get(field.name()) {
            column.min_value = bound(&known.min, field.data_type());
            column.max_value = bound(&known.max, field.data_type());
            if let Some(nulls) = known.null_count {
                column.null_count = Precision::Exact(nulls as usize);
            }
        }
        columns.push(column);
    }
    Ok(Statistics {
        num_rows: Precision::Exact(file.rows as usize),
        total_byte_size: Precision::Absent,
        column_statistics: columns,
    })
}

/// A column that has one value in the whole file.
pub(super) fn constant(value: ScalarValue) -> ColumnStatistics {
    ColumnStatistics {
        min_value: Precision::Exact(value.clone()),
        max_value: Precision::Exact(value),
        null_count: Precision::Exact(0),
        ..ColumnStatistics::new_unknown()
    }
}

/// Pruning reads exact values only; bounds are what it needs.
fn bound(value: &Option<StatValue>, data_type: &DataType) -> Precision<ScalarValue> {
    let value = match value {
        Some(StatValue::Int(number)) => ScalarValue::Int64(Some(*number)).cast_to(data_type).ok(),
        Some(StatValue::Text(text)) => Some(ScalarValue::Utf8(Some(text.clone()))),
        Some(StatValue::Time(time)) => {
            Some(ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())))
        }
        None => None,
    };
    value.filter(|value| value.data_type() == *data_type).map_or(Precision::Absent, Precision::Exact)
}

/// The value of the partition column for a file's rows.
pub(super) fn partition_value(table: Table, schema: &SchemaRef, file: &DataFile) -> Result<ScalarValue> {
    let data_type = schema.field_with_name(table.partition_column())?.data_type().clone();
    let Some((_, text)) = &file.partition else { return ScalarValue::try_from(&data_type) };
    match data_type {
        DataType::Date32 => {
            let midnight = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).map_err(|_| {
                DataFusionError::Internal(format!("{} has a partition {text:?}", table.name()))
            })?;
            Ok(ScalarValue::Date32(Some((midnight.micros() / MICROS_PER_DAY) as i32)))
        }
        _ => Ok(ScalarValue::Utf8(Some(text.clone()))),
    }
}
