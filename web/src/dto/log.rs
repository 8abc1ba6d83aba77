//! Log lines, what they have in common, and what the live tail sends.

use std::collections::BTreeMap;

use query::logs::{self, Level};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Time;

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogFilterQuery {
    /// RFC 3339; an hour before `to` when absent.
    pub from: Option<String>,
    /// RFC 3339, excluded; now when absent.
    pub to: Option<String>,
    /// Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`.
    pub q: Option<String>,
    /// Names, separated by commas.
    pub service: Option<String>,
    /// `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse.
    pub severity: Option<String>,
    /// 32 hex digits.
    pub trace_id: Option<String>,
}

const FILTER_FIELDS: [&str; 6] = ["from", "to", "q", "service", "severity", "trace_id"];

/// A filter and what else is asked. What neither knows is refused, which serde's own flattening cannot do.
#[derive(Debug, Default)]
pub struct Filtered<T> {
    pub filter: LogFilterQuery,
    pub rest: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Filtered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Filtered<T>, D::Error> {
        let (mut filter, mut rest) = (Map::new(), Map::new());
        for (name, value) in Vec::<(String, String)>::deserialize(deserializer)? {
            let fields = if FILTER_FIELDS.contains(&name.as_str()) { &mut filter } else { &mut rest };
            if fields.contains_key(&name) {
                return Err(D::Error::custom(format_args!("duplicate field `{name}`")));
            }
            fields.insert(name, value.into());
        }
        let filter = LogFilterQuery::deserialize(Value::Object(filter)).map_err(D::Error::custom)?;
        let rest = T::deserialize(Value::Object(rest)).map_err(D::Error::custom)?;
        Ok(Filtered { filter, rest })
    }
}

/// Which of the lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogPageQuery {
    /// 200 when absent.
    pub limit: Option<String>,
    /// `backward`, from the newest, when absent; or `forward`.
    pub direction: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// Which of the lines, as which file.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogExportQuery {
    /// `csv` when absent; `ndjson`, `json`, `arrow` or `parquet`.
    pub format: Option<String>,
    /// `query.logs.export_lines_max` when absent, and not more.
    pub limit: Option<String>,
    /// `backward`, from the newest, when absent; or `forward`.
    pub direction: Option<String>,
}

/// The line whose surroundings are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogContextQuery {
    /// `id` of the line.
    pub id: String,
    /// Of the line; absent when it has none.
    pub service: Option<String>,
    /// Of the line; absent when it has none.
    pub host: Option<String>,
    /// Lines before and after; 20 when absent.
    pub lines: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LogLine {
    /// Names the line: for `/api/logs/context`.
    pub id: String,
    pub ts: Time,
    /// Nanoseconds below the microsecond of `ts`.
    pub ts_ns_rem: i16,
    #[schema(required)]
    pub service: Option<String>,
    #[schema(required)]
    pub env: Option<String>,
    #[schema(required)]
    pub host: Option<String>,
    /// As the sender wrote it, in upper case.
    #[schema(required)]
    pub severity: Option<String>,
    /// What the severity means; null when nobody knows.
    #[schema(required)]
    pub level: Option<LogLevel>,
    #[schema(required)]
    pub trace_id: Option<String>,
    #[schema(required)]
    pub span_id: Option<String>,
    pub body: String,
    pub attrs: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// In the order asked for.
    pub lines: Vec<LogLine>,
    /// `after` of the next page; null when this is the last one.
    #[schema(required)]
    pub next: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogHistogram {
    /// What a bar spans.
    pub step_secs: u64,
    /// Lines in all bars.
    pub total: u64,
    /// In the order of time; times without lines have none.
    pub bars: Vec<LogBar>,
}

/// Lines by what their severity means.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LogBar {
    /// Its beginning.
    pub at: Time,
    pub trace: u64,
    pub debug: u64,
    pub info: u64,
    pub warn: u64,
    pub error: u64,
    pub fatal: u64,
    /// Without a severity, or with one that nobody knows.
    pub other: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogFacets {
    /// Lines that match.
    pub total: u64,
    /// The newest of them, in which attributes are counted.
    pub sampled: u64,
    /// `service`, `severity`, `host` and `env`, counted in all lines.
    pub columns: Vec<LogFacet>,
    /// The most frequent first, counted in the sampled lines; without those that only repeat a column.
    pub attributes: Vec<LogFacet>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogFacet {
    pub name: String,
    /// Lines that have it.
    pub lines: u64,
    /// Different values, of which `values` may be some.
    pub distinct: u64,
    /// The most frequent first.
    pub values: Vec<LogFacetValue>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogFacetValue {
    pub value: String,
    pub lines: u64,
}

/// Both in the order of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogContext {
    pub before: Vec<LogLine>,
    pub after: Vec<LogLine>,
}

/// Event `lines` of the live tail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TailLines {
    /// In the order in which they were stored.
    pub lines: Vec<LogLine>,
}

/// Event `lagged` of the live tail.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TailLagged {
    /// Stored lines, of this filter or not, that went by unread.
    pub lines: u64,
}

impl From<logs::LogLine> for LogLine {
    fn from(line: logs::LogLine) -> LogLine {
        let logs::LogLine { id, record } = line;
        let text = |text: Option<Box<str>>| text.map(String::from);
        LogLine {
            id: id.to_string(),
            ts: record.ts.into(),
            ts_ns_rem: record.ts_ns_rem,
            service: text(record.service),
            env: text(record.env),
            host: text(record.host),
            level: record.severity.as_deref().and_then(Level::of).map(LogLevel::from),
            severity: text(record.severity),
            trace_id: text(record.trace_id),
            span_id: text(record.span_id),
            body: record.body.into(),
            attrs: record.attrs.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> LogLevel {
        match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
            Level::Fatal => LogLevel::Fatal,
        }
    }
}

pub fn lines(lines: Vec<logs::LogLine>) -> Vec<LogLine> {
    lines.into_iter().map(LogLine::from).collect()
}

impl From<logs::LogPage> for LogPage {
    fn from(page: logs::LogPage) -> LogPage {
        LogPage { lines: lines(page.lines), next: page.next.map(|id| id.to_string()) }
    }
}

impl From<logs::LogHistogram> for LogHistogram {
    fn from(histogram: logs::LogHistogram) -> LogHistogram {
        LogHistogram {
            step_secs: histogram.step.as_secs(),
            total: histogram.total,
            bars: histogram.bars.into_iter().map(LogBar::from).collect(),
        }
    }
}

impl From<logs::LogBar> for LogBar {
    fn from(bar: logs::LogBar) -> LogBar {
        let [trace, debug, info, warn, error, fatal] = bar.levels;
        LogBar { at: bar.at.into(), trace, debug, info, warn, error, fatal, other: bar.other }
    }
}

impl From<logs::LogFacets> for LogFacets {
    fn from(facets: logs::LogFacets) -> LogFacets {
        let all = |facets: Vec<logs::LogFacet>| facets.into_iter().map(LogFacet::from).collect();
        LogFacets {
            total: facets.total,
            sampled: facets.sampled,
            columns: all(facets.columns),
            attributes: all(facets.attributes),
        }
    }
}

impl From<logs::LogFacet> for LogFacet {
    fn from(facet: logs::LogFacet) -> LogFacet {
        let logs::LogFacet { name, lines, distinct, values } = facet;
        let value = |value: logs::FacetValue| LogFacetValue { value: value.value, lines: value.lines };
        LogFacet { name, lines, distinct, values: values.into_iter().map(value).collect() }
    }
}

impl From<logs::LogsAround> for LogContext {
    fn from(around: logs::LogsAround) -> LogContext {
        LogContext { before: lines(around.before), after: lines(around.after) }
    }
}
