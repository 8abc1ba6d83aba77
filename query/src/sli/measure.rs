//! One indicator over a run of slices: how many good and how many valid events each slice had, by group.
//!
//! An SLO without groups has one group, with an empty key. A slice is measured when the total has a
//! value in it; a numerator without one counts nothing. Searches over logs and conditions over events
//! count what they find, so every slice of a group that is known is measured, most of them with nothing.

mod promql;
mod rows;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use slo::indicator::latency::{Bucket, count_within};
use slo::indicator::{Comparison, Counted, Indicator, Numerator, Query, QueryLanguage, RawType};
use slo::objective::Objective;
use slo::series::thousandths;
use slo::{Decimal, Slo};
use telemetry::Timestamp;

use crate::{Engine, QueryError};

/// A measured slice; slices in a gap have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) start: Timestamp,
    pub(super) good_milli: i64,
    pub(super) total_milli: i64,
}

/// Slices by the key of their group, in order of time.
pub(super) type ByGroup = BTreeMap<String, Vec<Measured>>;

/// Events, a level or a share per slice, by group.
type Numbers = BTreeMap<String, BTreeMap<Timestamp, f64>>;

/// Slices `start`, `start + width`, ... below `end`; both are multiples of the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SliceRun {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) width: Duration,
}

impl SliceRun {
    pub(super) fn count(&self) -> u64 {
        (self.end.since(self.start).as_micros() / self.width.as_micros().max(1)) as u64
    }

    fn starts(self) -> impl Iterator<Item = Timestamp> {
        let nth =
            move |n: u64| self.start.plus(self.width.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX)));
        (0..self.count()).map(nth)
    }
}

/// Why an indicator cannot be measured; for the one who wrote it.
#[derive(Debug, thiserror::Error)]
pub(super) enum MeasureError {
    #[error("queries for {0} are not evaluated here")]
    Language(String),
    #[error(
        "query {text:?} returns {series} series at once; an indicator is one number: aggregate with sum()"
    )]
    SeveralSeries { text: String, series: usize },
    #[error("query {text:?} returns several series of the group {group}: aggregate with sum by ({labels})")]
    SeveralInGroup { text: String, group: String, labels: String },
    #[error("query {text:?} returns a string")]
    NotNumeric { text: String },
    #[error("query {text:?} returns {value} for the slice at {start}, which is no number of events")]
    NoCount { text: String, value: f64, start: Timestamp },
    #[error("query {text:?} returns the boundary {le:?} in the label le, which is no number")]
    Boundary { text: String, le: String },
    #[error("statement {text:?} {what}")]
    Rows { text: String, what: String },
    #[error("search {text:?}")]
    Search { text: String, source: crate::logs::LogQueryError },
    #[error("query {text:?}")]
    Promql { text: String, source: ::promql::PromqlError },
    #[error("query {text:?}")]
    Sql { text: String, source: QueryError },
}

/// Measures an objective. `known` are the keys of the groups that were seen before.
pub(super) async fn measure(
    engine: &Engine,
    slo: &Slo,
    objective: &Objective,
    run: SliceRun,
    known: &[String],
) -> Result<ByGroup, MeasureError> {
    let evaluation = Evaluation { engine, slo, run, known };
    match &objective.indicator {
        Indicator::Ratio { numerator, total, .. } => evaluation.ratio(numerator, total).await,
        Indicator::Raw { query, reads } => evaluation.raw(query, *reads).await,
        Indicator::Threshold { query, op, threshold } => evaluation.threshold(query, *op, *threshold).await,
        Indicator::Latency { buckets, threshold, off_boundary } => {
            let good = |buckets: &[Bucket]| {
                count_within(buckets, *threshold).map(|count| (count.good(*off_boundary), count.total))
            };
            evaluation.latency(buckets, good).await
        }
        Indicator::Freshness { newest, age_secs_max } => evaluation.freshness(newest, *age_secs_max).await,
        Indicator::Statement { query, counts } => evaluation.statement(query, *counts).await,
    }
}

struct Evaluation<'a> {
    engine: &'a Engine,
    slo: &'a Slo,
    run: SliceRun,
    known: &'a [String],
}

impl Evaluation<'_> {
    async fn ratio(&self, numerator: &Numerator, total: &Query) -> Result<ByGroup, MeasureError> {
        let totals = self.counts(total).await?;
        let (query, counts) = match numerator {
            Numerator::Good(query) => (query, Counted::Good),
            Numerator::Bad(query) => (query, Counted::Bad),
        };
        let counted = self.counts(&narrowed(query, total)).await?;
        let none = BTreeMap::new();
        let mut groups = ByGroup::new();
        for (group, totals) in totals {
            let counted = counted.get(&group).unwrap_or(&none);
            let slice = |(start, value): (Timestamp, f64)| {
                let counted = counted.get(&start).copied().unwrap_or(0.0);
                slice(start, counts, count(query, start, counted)?, count(total, start, value)?)
            };
            groups.insert(group, totals.into_iter().map(slice).collect::<Result<_, _>>()?);
        }
        Ok(groups)
    }

    /// Each measured slice is one event, good to the share that the query says.
    async fn raw(&self, query: &Query, reads: RawType) -> Result<ByGroup, MeasureError> {
        let shares = self.single(query, self.levels(query).await?)?;
        // A share above one is more good than total: it is clamped and counted where slices are.
        let measured = |(start, share): (Timestamp, f64)| {
            let good = match reads {
                RawType::Success => share,
                RawType::Failure => 1.0 - share,
            };
            Ok(Measured { start, good_milli: count(query, start, good)?, total_milli: ONE_EVENT })
        };
        let group = |(group, shares): (String, BTreeMap<Timestamp, f64>)| {
            Ok((group, shares.into_iter().map(measured).collect::<Result<_, _>>()?))
        };
        shares.into_iter().map(group).collect()
    }

    /// Each series with a value in a slice is one event.
    async fn threshold(
        &self,
        query: &Query,
        op: Comparison,
        limit: Decimal,
    ) -> Result<ByGroup, MeasureError> {
        let limit = limit.to_f64();
        let mut groups: BTreeMap<String, BTreeMap<Timestamp, (i64, i64)>> = BTreeMap::new();
        for (labels, values) in self.levels(query).await? {
            let slices = groups.entry(self.group_of(&labels)).or_default();
            for (start, value) in values {
                let (good, total) = slices.entry(start).or_default();
                *good += i64::from(op.holds(value, limit));
                *total += 1;
            }
        }
        let measured = |(start, (good, total)): (Timestamp, (i64, i64))| Measured {
            start,
            good_milli: good * ONE_EVENT,
            total_milli: total * ONE_EVENT,
        };
        let group = |(group, slices): (String, BTreeMap<Timestamp, (i64, i64)>)| {
            (group, slices.into_iter().map(measured).collect())
        };
        Ok(groups.into_iter().map(group).collect())
    }

    /// Observations of histograms: buckets of one group and slice are added up by boundary.
    async fn latency(
        &self,
        query: &Query,
        good: impl Fn(&[Bucket]) -> Option<(f64, f64)>,
    ) -> Result<ByGroup, MeasureError> {
        let mut groups: BTreeMap<String, BTreeMap<Timestamp, Vec<Bucket>>> = BTreeMap::new();
        for (labels, values) in self.increases_of(query).await? {
            let le = labels.get("le").unwrap_or_default();
            let boundary = le.parse::<f64>().map_err(|_not_a_number| MeasureError::Boundary {
                text: query.text.clone(),
                le: le.to_owned(),
            })?;
            let slices = groups.entry(self.group_of(&labels)).or_default();
            for (start, count) in values {
                let buckets = slices.entry(start).or_default();
                match buckets.iter_mut().find(|bucket| bucket.le == boundary) {
                    Some(bucket) => bucket.count += count,
                    None => buckets.push(Bucket { le: boundary, count }),
                }
            }
        }
        let mut measured = ByGroup::new();
        for (group, slices) in groups {
            let mut found = Vec::new();
            for (start, buckets) in slices {
                // Without a last bucket nothing is known of the slice.
                let Some((good, total)) = good(&buckets) else { continue };
                found.push(slice(
                    start,
                    Counted::Good,
                    count(query, start, good)?,
                    count(query, start, total)?,
                )?);
            }
            measured.insert(group, found);
        }
        Ok(measured)
    }

    /// Each slice is one event, good when the newest data is young enough at its end.
    async fn freshness(&self, query: &Query, age_secs_max: Decimal) -> Result<ByGroup, MeasureError> {
        let age_max = Duration::try_from_secs_f64(age_secs_max.to_f64()).unwrap_or(Duration::MAX);
        let mut newest = match &query.language {
            QueryLanguage::PromQl => self.single(query, self.newest_levels(query).await?)?,
            _ => self.newest_rows(query, age_max).await?,
        };
        for group in self.known_groups() {
            newest.entry(group).or_default();
        }
        let verdict = |start: Timestamp, newest_at: Option<f64>| {
            let end = start.plus(self.run.width);
            let age = newest_at.map(|secs| end.micros() as f64 / 1e6 - secs);
            let is_fresh = age.is_some_and(|age| age <= age_max.as_secs_f64());
            Measured { start, good_milli: if is_fresh { ONE_EVENT } else { 0 }, total_milli: ONE_EVENT }
        };
        let group = |(group, newest): (String, BTreeMap<Timestamp, f64>)| {
            let slices = self.run.starts().map(|start| verdict(start, newest.get(&start).copied()));
            (group, slices.collect())
        };
        Ok(newest.into_iter().map(group).collect())
    }

    async fn statement(&self, query: &Query, counts: Counted) -> Result<ByGroup, MeasureError> {
        let mut groups = ByGroup::new();
        for (group, slices) in self.statement_rows(query, counts).await? {
            let slice = |(start, (counted, total)): (Timestamp, (f64, f64))| {
                slice(start, counts, count(query, start, counted)?, count(query, start, total)?)
            };
            groups.insert(group, slices.into_iter().map(slice).collect::<Result<_, _>>()?);
        }
        Ok(groups)
    }

    /// Events per slice.
    async fn counts(&self, query: &Query) -> Result<Numbers, MeasureError> {
        match &query.language {
            QueryLanguage::PromQl => self.single(query, self.increases_of(query).await?),
            QueryLanguage::Logs | QueryLanguage::Events => {
                let mut counts = self.matches(query).await?;
                for group in self.known_groups() {
                    counts.entry(group).or_default();
                }
                for slices in counts.values_mut() {
                    for start in self.run.starts() {
                        slices.entry(start).or_insert(0.0);
                    }
                }
                Ok(counts)
            }
            QueryLanguage::Sql => Err(MeasureError::Language("SQL in a ratio".to_owned())),
            QueryLanguage::Other(name) => Err(MeasureError::Language(name.clone())),
        }
    }

    /// Groups that are there whether they say something or not.
    fn known_groups(&self) -> Vec<String> {
        match &self.slo.grouping {
            None => vec![String::new()],
            Some(_) => self.known.to_vec(),
        }
    }
}

/// What the numerator asks for: of logs and events, it is asked of what the total finds.
fn narrowed<'q>(query: &'q Query, total: &Query) -> Cow<'q, Query> {
    let text = match query.language {
        QueryLanguage::Logs => format!("{} {}", total.text, query.text),
        QueryLanguage::Events => format!("(\n{}\n) AND (\n{}\n)", total.text, query.text),
        _ => return Cow::Borrowed(query),
    };
    Cow::Owned(Query { text, ..query.clone() })
}

/// An event in the thousandths that counts are stored in.
const ONE_EVENT: i64 = 1_000;

fn slice(start: Timestamp, counts: Counted, counted: i64, total: i64) -> Result<Measured, MeasureError> {
    let good_milli = match counts {
        Counted::Good => counted,
        Counted::Bad => (total - counted).max(0),
    };
    Ok(Measured { start, good_milli, total_milli: total })
}

/// Rounded once. What is below zero is what scrapes at different times make of a difference: nothing.
fn count(query: &Query, start: Timestamp, value: f64) -> Result<i64, MeasureError> {
    let value = if value < 0.0 { 0.0 } else { value };
    thousandths(value).ok_or_else(|| MeasureError::NoCount { text: query.text.clone(), value, start })
}
