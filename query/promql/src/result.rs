//! What a query answers, and the last step towards it: dropping names, merging, ordering.

use telemetry::{Labels, Timestamp};

use crate::annotations::Annotations;
use crate::error::PromqlError;
use crate::evaluate::{Column, Windows};
use crate::matrix::{Grid, Matrix};

/// A query's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An instant query's series, in evaluation order (`sort`, `topk` order counts), all at its time.
    Vector(Vec<(Labels, f64)>),
    Scalar(f64),
    String(String),
    /// Sorted by labels, samples ascending in time; series without samples are left out.
    Matrix(Vec<(Labels, Vec<(Timestamp, f64)>)>),
}

/// A value with what Prometheus would remark about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    pub value: Value,
    /// The answer may not be what was meant.
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Evaluated {
    pub(crate) fn new(value: Value, notes: Annotations) -> Evaluated {
        let (warnings, infos) = notes.into_lists();
        Evaluated { value, warnings, infos }
    }
}

/// The value of an instant query.
pub(crate) fn instant(column: Column) -> Result<Value, PromqlError> {
    match column {
        Column::Scalar(values) => Ok(Value::Scalar(values.first().copied().unwrap_or(f64::NAN))),
        Column::Text(text) => Ok(Value::String(text)),
        Column::Vector(matrix) => {
            let matrix = without_dropped_names(matrix)?;
            let present =
                matrix.rows().filter_map(|(series, row)| Some((series.labels.clone(), row.get(0)?)));
            Ok(Value::Vector(present.collect()))
        }
    }
}

/// The value of a range query.
pub(crate) fn range(column: Column, grid: Grid) -> Result<Value, PromqlError> {
    let at = |step| Timestamp::from_millis(grid.time_ms(step));
    match column {
        Column::Scalar(values) => {
            let points = values.into_iter().enumerate().map(|(step, value)| (at(step), value));
            Ok(Value::Matrix(vec![(Labels::empty(), points.collect())]))
        }
        Column::Text(_) => Err(PromqlError::bad(
            "invalid expression type \"string\" for range query, must be Scalar or instant Vector",
        )),
        Column::Vector(matrix) => {
            let matrix = without_dropped_names(matrix)?;
            let series = matrix.rows().filter(|(_, row)| !row.is_empty()).map(|(series, row)| {
                (series.labels.clone(), row.iter().map(|(step, value)| (at(step), value)).collect())
            });
            let mut series: Vec<(Labels, Vec<_>)> = series.collect();
            series.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Value::Matrix(series))
        }
    }
}

/// The value of an instant query for a range vector: the samples themselves.
pub(crate) fn samples(windows: &Windows) -> Value {
    let series = windows.rows.iter().filter_map(|row| {
        let (ts, values) = row.at_step(windows, 0);
        let points = ts.iter().zip(values).map(|(ts, value)| (Timestamp::from_millis(*ts), *value));
        (!ts.is_empty()).then(|| (row.series.visible_labels(), points.collect()))
    });
    let mut series: Vec<(Labels, Vec<_>)> = series.collect();
    series.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Matrix(series)
}

fn without_dropped_names(mut matrix: Matrix) -> Result<Matrix, PromqlError> {
    for series in &mut matrix.series {
        if series.drop_name {
            series.labels = series.labels.without_metric();
            series.drop_name = false;
        }
    }
    matrix.merge_same_series()
}
