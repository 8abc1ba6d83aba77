//! The columns of reports, written and read back by their names.

use datafusion::arrow::datatypes::Schema;
use slo::recovery::Period;
use slo::statistics::Spans;
use telemetry::Timestamp;

use crate::functions::cohort::GroupKey;
use crate::functions::summary::{Cell, Cells, InputRow};

/// The columns that every report begins with.
pub(in crate::functions) fn head(period: Period, group: &GroupKey) -> Cells {
    let times = [("period_start", period.from), ("period_end", period.to)];
    let times = times.map(|(name, time)| (name.to_owned(), Cell::Time(Some(time))));
    times.into_iter().chain(group.cells()).collect()
}

/// A summary as columns of a common name.
pub(in crate::functions) fn span_cells(name: &str, spans: &Spans) -> Cells {
    let counts =
        [("n", spans.n), ("open", spans.open), ("missing", spans.missing), ("negative", spans.negative)];
    let lengths =
        [("mean_secs", spans.mean_secs), ("median_secs", spans.median_secs), ("p90_secs", spans.p90_secs)];
    let counts = counts.map(|(suffix, count)| (format!("{name}_{suffix}"), Cell::Count(Some(count))));
    let lengths = lengths.map(|(suffix, length)| (format!("{name}_{suffix}"), Cell::Number(length)));
    counts.into_iter().chain(lengths).collect()
}

pub(in crate::functions) fn count(name: &str, count: u64) -> (String, Cell) {
    (name.to_owned(), Cell::Count(Some(count)))
}

pub(in crate::functions) fn number(name: &str, number: Option<f64>) -> (String, Cell) {
    (name.to_owned(), Cell::Number(number))
}

/// A row that a report has made; a column that it does not have is NULL.
pub(crate) struct NamedRow<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) row: &'a InputRow<'a>,
}

impl NamedRow<'_> {
    fn column(&self, name: &str) -> Option<usize> {
        self.schema.index_of(name).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.row.text(self.column(name)?)
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.row.time(self.column(name)?)
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.row.number(self.column(name)?)
    }

    pub(crate) fn count_or_null(&self, name: &str) -> Option<u64> {
        self.row.integer(self.column(name)?).and_then(|count| u64::try_from(count).ok())
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.count_or_null(name).unwrap_or_default()
    }

    /// What [`span_cells`] has written.
    pub(crate) fn spans(&self, name: &str) -> Spans {
        let count = |suffix: &str| self.count(&format!("{name}_{suffix}"));
        let length = |suffix: &str| self.number(&format!("{name}_{suffix}"));
        Spans {
            n: count("n"),
            open: count("open"),
            missing: count("missing"),
            negative: count("negative"),
            mean_secs: length("mean_secs"),
            median_secs: length("median_secs"),
            p90_secs: length("p90_secs"),
        }
    }
}
