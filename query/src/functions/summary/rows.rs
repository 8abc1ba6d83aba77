//! Rows of queries as values, and values as rows of a table.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use datafusion::error::Result;
use telemetry::Timestamp;

use crate::functions::types::timestamp_type;

/// One row of an input; columns by position.
pub(crate) struct InputRow<'a> {
    columns: &'a [ArrayRef],
    row: usize,
}

impl InputRow<'_> {
    pub(crate) fn text(&self, column: usize) -> Option<String> {
        let texts = self.columns.get(column)?.as_string_opt::<i32>()?;
        texts.is_valid(self.row).then(|| texts.value(self.row).to_owned())
    }

    pub(crate) fn time(&self, column: usize) -> Option<Timestamp> {
        let times = self.columns.get(column)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        times.is_valid(self.row).then(|| Timestamp::from_micros(times.value(self.row)))
    }

    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        let numbers = self.columns.get(column)?.as_primitive_opt::<Int64Type>()?;
        numbers.is_valid(self.row).then(|| numbers.value(self.row))
    }

    pub(crate) fn number(&self, column: usize) -> Option<f64> {
        let numbers = self.columns.get(column)?.as_primitive_opt::<Float64Type>()?;
        numbers.is_valid(self.row).then(|| numbers.value(self.row))
    }

    pub(crate) fn is_true(&self, column: usize) -> bool {
        let booleans = self.columns.get(column).and_then(|column| column.as_boolean_opt());
        booleans.is_some_and(|booleans| booleans.is_valid(self.row) && booleans.value(self.row))
    }
}

/// Visits every row. Text comes as views from files and as plain text from the buffer: here it is all
/// plain.
pub(crate) fn each_row(batches: &[RecordBatch], mut visit: impl FnMut(&InputRow<'_>)) -> Result<()> {
    for batch in batches {
        let plain = |column: &ArrayRef| match column.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(_, _) => {
                cast(column, &DataType::Utf8)
            }
            _ => Ok(column.clone()),
        };
        let columns: Vec<ArrayRef> =
            batch.columns().iter().map(plain).collect::<std::result::Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            visit(&InputRow { columns: &columns, row });
        }
    }
    Ok(())
}

/// A value of a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Time(Option<Timestamp>),
    Text(Option<String>),
    Count(Option<u64>),
    Number(Option<f64>),
}

/// A row of a result, with the names of its columns.
pub(crate) type Cells = Vec<(String, Cell)>;

impl Cell {
    fn data_type(&self) -> DataType {
        match self {
            Cell::Time(_) => timestamp_type(),
            Cell::Text(_) => DataType::Utf8,
            Cell::Count(_) => DataType::Int64,
            Cell::Number(_) => DataType::Float64,
        }
    }
}

/// The schema that a row with its names has.
pub(in crate::functions) fn schema_of(row: &[(String, Cell)]) -> SchemaRef {
    let fields = row.iter().map(|(name, cell)| Field::new(name.as_str(), cell.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows as a table; each has the cells of the schema in its order.
pub(in crate::functions) fn table(schema: SchemaRef, rows: &[Cells]) -> Result<RecordBatch> {
    let columns = schema.fields().iter().enumerate().map(|(position, field)| -> ArrayRef {
        let cells = rows.iter().map(|row| row.get(position).map(|(_, cell)| cell));
        match field.data_type() {
            DataType::Utf8 => Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
                Some(Cell::Text(text)) => text.as_deref(),
                _ => None,
            }))),
            DataType::Int64 => Arc::new(Int64Array::from_iter(cells.map(|cell| match cell {
                Some(Cell::Count(count)) => count.and_then(|count| i64::try_from(count).ok()),
                _ => None,
            }))),
            DataType::Float64 => Arc::new(Float64Array::from_iter(cells.map(|cell| match cell {
                Some(Cell::Number(number)) => *number,
                _ => None,
            }))),
            _ => {
                let micros = cells.map(|cell| match cell {
                    Some(Cell::Time(time)) => time.map(Timestamp::micros),
                    _ => None,
                });
                Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC"))
            }
        }
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
}
