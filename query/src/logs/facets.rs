//! What the lines of a filter have in common: services, severities, hosts and environments, counted exactly,
//! and attributes, counted among the newest lines.

use std::collections::HashMap;

use datafusion::arrow::array::AsArray;
use datafusion::prelude::ident;
use telemetry::LogRecord;

use super::histogram::{integers, lines};
use super::plan::LogReader;
use super::{LogFilter, LogSearch};
use crate::{Engine, QueryError, QueryRole};

/// Columns that every line may have.
const COLUMNS: [&str; 4] = ["service", "severity", "host", "env"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacets {
    /// Of service, severity, host and env; counts are exact.
    pub columns: Vec<LogFacet>,
    /// Of attributes, the most frequent first; counts are among the sampled lines. An attribute that only
    /// repeats one of these columns (`service.name` beside `service`) is left out.
    pub attributes: Vec<LogFacet>,
    /// All lines of the filter.
    pub total: u64,
    /// The newest lines, in which attributes are counted: at most `query.logs.facet_sample_lines`.
    pub sampled: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacet {
    pub name: String,
    /// Lines that have it.
    pub lines: u64,
    /// Different values, those that are left out included.
    pub distinct: u64,
    /// The most frequent first, at most `query.logs.facet_values_max`.
    pub values: Vec<FacetValue>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FacetValue {
    pub value: String,
    pub lines: u64,
}

/// One attribute in the sampled lines.
#[derive(Default)]
struct Attribute<'l> {
    values: HashMap<&'l str, u64>,
    /// It differs from every column in a line at least.
    says_more: bool,
}

/// Severities are columns in upper case, whatever their sender wrote.
fn repeats_column(record: &LogRecord, value: &str) -> bool {
    let columns = [&record.service, &record.severity, &record.host, &record.env];
    columns.into_iter().flatten().any(|column| column.eq_ignore_ascii_case(value))
}

impl Engine {
    pub async fn log_facets(&self, filter: &LogFilter, role: QueryRole) -> Result<LogFacets, QueryError> {
        let limits = &self.config().logs;
        let (counts, total) = self.column_counts(filter, role).await?;
        let search = LogSearch { filter: filter.clone(), ..LogSearch::default() };
        let newest = self.log_lines(&search, limits.facet_sample_lines, role).await?.lines;
        let mut attributes: HashMap<&str, Attribute<'_>> = HashMap::new();
        for record in newest.iter().map(|line| &line.record) {
            for (key, value) in &record.attrs {
                let attribute = attributes.entry(key).or_default();
                *attribute.values.entry(value).or_default() += 1;
                attribute.says_more |= !repeats_column(record, value);
            }
        }
        let mut attributes: Vec<LogFacet> = attributes
            .into_iter()
            .filter(|(_, attribute)| attribute.says_more)
            .map(|(name, attribute)| {
                LogFacet::of(name, attribute.values.into_iter(), limits.facet_values_max)
            })
            .collect();
        attributes.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.name.cmp(&b.name)));
        attributes.truncate(limits.facet_attributes_max);
        let column = |(name, values): (&str, HashMap<String, u64>)| {
            let values = values.iter().map(|(value, lines)| (value.as_str(), *lines));
            LogFacet::of(name, values, limits.facet_values_max)
        };
        let columns = COLUMNS.into_iter().zip(counts).map(column).collect();
        Ok(LogFacets { columns, attributes, total, sampled: newest.len() as u64 })
    }

    /// Lines by value of each of [`COLUMNS`], and all of them, in one scan.
    async fn column_counts(
        &self,
        filter: &LogFilter,
        role: QueryRole,
    ) -> Result<([HashMap<String, u64>; COLUMNS.len()], u64), QueryError> {
        let reader = LogReader::new(self, role)?;
        let plan = reader
            .table()?
            .filter(filter.predicate(filter.from, filter.to))?
            .aggregate(COLUMNS.map(ident), [lines()])?
            .build()?;
        let mut counts: [HashMap<String, u64>; COLUMNS.len()] = Default::default();
        let mut total = 0;
        reader
            .for_each(plan, |batch| {
                let lines = integers(batch.column(COLUMNS.len()))?;
                total += lines.values().iter().map(|lines| lines.unsigned_abs()).sum::<u64>();
                for (counts, column) in counts.iter_mut().zip(batch.columns()) {
                    for (value, lines) in column.as_string::<i32>().iter().zip(lines.values()) {
                        let Some(value) = value else { continue };
                        match counts.get_mut(value) {
                            Some(count) => *count += lines.unsigned_abs(),
                            None => drop(counts.insert(value.to_owned(), lines.unsigned_abs())),
                        }
                    }
                }
                Ok(())
            })
            .await?;
        Ok((counts, total))
    }
}

impl LogFacet {
    fn of<'v>(name: &str, values: impl Iterator<Item = (&'v str, u64)>, values_max: usize) -> LogFacet {
        let mut values: Vec<FacetValue> =
            values.map(|(value, lines)| FacetValue { value: value.to_owned(), lines }).collect();
        values.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.value.cmp(&b.value)));
        let lines = values.iter().map(|value| value.lines).sum();
        let distinct = values.len() as u64;
        values.truncate(values_max);
        LogFacet { name: name.to_owned(), lines, distinct, values }
    }
}
