//! `time_bucket(width, ts [, time_zone [, origin]])`: the start of the bucket that a time is in.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimestampMicrosecondType,
};
use datafusion::common::cast::as_string_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::buckets::{Buckets, Width};
use super::column::ColumnFunction;
use super::documented::{Argument, Manual, Section};
use super::types::timestamp_type;

pub(super) const WIDTH: Argument = (
    "width",
    "An interval or text such as '5 minutes', '1 day', '1 week', '3 months'; months, days and shorter parts do not mix.",
);
pub(super) const TIME_ZONE: Argument = (
    "time_zone",
    "IANA name such as 'Europe/Berlin', whose days, weeks and months are meant; UTC without. A day on which the clock changes has 23 or 25 hours.",
);
pub(super) const ORIGIN: Argument = (
    "origin",
    "A time at which a bucket begins; without it weeks begin on Mondays, days at midnight, months on the first.",
);

const TIME_BUCKET: Manual = Manual {
    section: Section::Time,
    syntax: "time_bucket(width, ts [, time_zone [, origin]])",
    description: "The start of the bucket of time that ts is in. Buckets are [start, next start).",
    arguments: &[WIDTH, ("ts", "A timestamp; one without a zone counts as UTC."), TIME_ZONE, ORIGIN],
    example: "SELECT time_bucket('1 day', ts, 'Europe/Berlin') AS day, count(*) FROM logs GROUP BY 1 ORDER BY 1",
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let width = DataType::Interval(IntervalUnit::MonthDayNano);
    let all = [width, timestamp_type(), DataType::Utf8, timestamp_type()];
    let lengths = (2..=all.len()).map(|length| TypeSignature::Exact(all[..length].to_vec()));
    let signature = TypeSignature::OneOf(lengths.collect());
    vec![ColumnFunction::udf("time_bucket", signature, timestamp_type(), starts, &TIME_BUCKET)]
}

fn starts(args: &[ArrayRef]) -> Result<ArrayRef> {
    let widths = args[0].as_primitive::<IntervalMonthDayNanoType>();
    let times = args[1].as_primitive::<TimestampMicrosecondType>();
    let zones = args.get(2).map(|zones| as_string_array(zones)).transpose()?;
    let origins = args.get(3).map(|origins| origins.as_primitive::<TimestampMicrosecondType>());
    let mut made: Option<(Cut<'_>, Buckets)> = None;
    let mut found = Vec::with_capacity(times.len());
    for row in 0..times.len() {
        let has_null = args.iter().any(|arg| arg.is_null(row));
        if has_null {
            found.push(None);
            continue;
        }
        let cut = Cut {
            width: widths.value(row),
            zone: zones.map(|zones: &StringArray| zones.value(row)),
            origin: origins.map(|origins| origins.value(row)),
        };
        // Constants in nearly every query: a zone is looked up once.
        let buckets = match &mut made {
            Some((known, buckets)) if *known == cut => &*buckets,
            stale => &stale.insert((cut, cut.buckets()?)).1,
        };
        found.push(Some(buckets.start_of(times.value(row)).map_err(wrong)?));
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(found).with_timezone("UTC")))
}

/// What says how the time line is cut.
#[derive(Clone, Copy, PartialEq)]
struct Cut<'a> {
    width: IntervalMonthDayNano,
    zone: Option<&'a str>,
    origin: Option<i64>,
}

impl Cut<'_> {
    fn buckets(&self) -> Result<Buckets> {
        let width = Width::of(self.width).map_err(wrong)?;
        Buckets::new(width, self.zone, self.origin).map_err(wrong)
    }
}

fn wrong(reason: String) -> DataFusionError {
    DataFusionError::Execution(format!("time_bucket: {reason}"))
}
