//! `time_buckets(width, start, end [, time_zone [, origin]])`: every bucket of time in a range as a
//! row, for what has to show up although nothing happened.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::Result;
use telemetry::Timestamp;

use super::arguments::Arguments;
use super::buckets::{Buckets, Width};
use super::documented::{Manual, Section};
use super::time_bucket::{ORIGIN, TIME_ZONE, WIDTH};
use super::types::timestamp_type;
use crate::catalog::InMemoryTable;

/// Rows of one call: three years of minutes and a half.
const BUCKETS_MAX: usize = 1_600_000;

pub(super) const NAME: &str = "time_buckets";
pub(super) const MANUAL: Manual = Manual {
    section: Section::Tables,
    syntax: "time_buckets(width, start, end [, time_zone [, origin]])",
    description: "The buckets of time from start up to before end as rows (bucket, bucket_end): bucket is what time_bucket gives for the times in it. Join it LEFT with what was counted to fill gaps.",
    arguments: &[
        WIDTH,
        ("start", "A time in the first bucket."),
        ("end", "Where the buckets end; exclusive."),
        TIME_ZONE,
        ORIGIN,
    ],
    example: "SELECT bucket, coalesce(lines, 0) AS lines FROM time_buckets('1 hour', now() - INTERVAL '1 day', now()) LEFT JOIN (SELECT time_bucket('1 hour', ts) AS bucket, count(*) AS lines FROM logs GROUP BY 1) filled USING (bucket) ORDER BY bucket",
};

#[derive(Debug)]
pub(super) struct TimeBuckets;

impl TableFunctionImpl for TimeBuckets {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(NAME, MANUAL.syntax, args.exprs());
        given.check_count(&[3, 4, 5])?;
        let width = Width::of(given.interval(0)?).map_err(|reason| given.wrong(reason))?;
        let (start, end) = (given.time(1)?, given.time(2)?);
        let zone = if given.count() > 3 { Some(given.text(3)?) } else { None };
        let origin = if given.count() > 4 { Some(given.time(4)?.micros()) } else { None };
        let buckets = Buckets::new(width, zone.as_deref(), origin).map_err(|reason| given.wrong(reason))?;
        let (starts, ends) = rows(&buckets, start, end).map_err(|reason| given.wrong(reason))?;
        let column = |name| Field::new(name, timestamp_type(), false);
        let schema = Schema::new(vec![column("bucket"), column("bucket_end")]);
        Ok(InMemoryTable::provider(schema, move |schema| {
            Ok(RecordBatch::try_new(schema.clone(), vec![starts.clone(), ends.clone()])?)
        }))
    }
}

fn rows(buckets: &Buckets, start: Timestamp, end: Timestamp) -> Result<(ArrayRef, ArrayRef), String> {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut bucket = buckets.start_of(start.micros())?;
    while bucket < end.micros() {
        if starts.len() == BUCKETS_MAX {
            return Err(format!("more than {BUCKETS_MAX} buckets: make them wider or the range shorter"));
        }
        let next = buckets.after(bucket)?;
        starts.push(bucket);
        ends.push(next);
        bucket = next;
    }
    let column =
        |times: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) as ArrayRef;
    Ok((column(starts), column(ends)))
}
