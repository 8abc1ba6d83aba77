//! Turns the entries of a push into log records, one after the other, as its decoder finds them.
//!
//! What the labels of a stream say is worked out once for all of its entries; an entry with metadata
//! of its own is worked out again.

use std::borrow::Cow;

use telemetry::{Limit, LogColumn, LogRow, LogRows, RejectReason, Timestamp, Word};

use super::TENANT;
use crate::attributes::{ATTRIBUTE_BYTES, Attributes, Columns, check_body};
use crate::validate::{Meter, Refusal, check_is_set, describe};
use crate::{Context, Decoded, Fault, IngestError, IngestLimits, Rejections};

/// Entries that the answer describes one by one; the rest is in the sums.
const FAULTS_MAX: usize = 10;

/// Labels of one stream, or metadata of one entry, beyond which a decoder stops reading: far above what
/// [`IngestLimits::attributes_per_log_max`] lets pass, and little memory.
pub(super) const PAIRS_MAX: usize = 10_000;

/// Names and values, borrowed from the body where they need no unescaping.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// One log line as it came.
#[derive(Debug)]
pub(super) struct Entry<'e> {
    /// Nanoseconds since 1970, or the text that is not a number of them.
    pub(super) nanos: Result<i128, &'e str>,
    pub(super) line: &'e str,
    pub(super) metadata: &'e [(Cow<'e, str>, Cow<'e, str>)],
}

pub(super) struct Push<'a> {
    context: &'a Context<'a>,
    tenant: Option<&'a str>,
    meter: Meter<'a>,
    decoded: Decoded,
    /// Streams that began.
    streams: u64,
    stream: Stream,
    /// Why decoding was [`Stopped`].
    failure: Option<IngestError>,
}

/// A limit of the request is reached; [`Push::error`] says which.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a limit is reached")]
pub(super) struct Stopped;

#[derive(Default)]
struct Stream {
    /// Labels for people, after a space; empty when they cannot be read.
    name: String,
    /// Why none of its entries can be stored.
    refusal: Option<Refusal>,
    attributes: Attributes,
    columns: Columns,
    /// What those two are among the words of the rows, once an entry needed it.
    words: Option<RowWords>,
    /// Bytes that are copied for each entry.
    bytes: usize,
    /// Entries that were added.
    entries: u64,
}

impl<'a> Push<'a> {
    pub(super) fn new(context: &'a Context<'a>, tenant: Option<&'a str>) -> Push<'a> {
        Push {
            context,
            tenant,
            meter: Meter::new(context.limits),
            decoded: Decoded { rejections: Rejections::new(FAULTS_MAX), ..Decoded::default() },
            streams: 0,
            stream: Stream::default(),
            failure: None,
        }
    }

    /// Begins the next stream: its labels, or why they cannot be read.
    pub(super) fn begin_stream(&mut self, labels: Result<Pairs<'_>, String>) -> Result<(), Stopped> {
        self.streams += 1;
        let max = self.context.limits.rows_per_request_max;
        if self.streams > max {
            let (what, limit) = ("the number of streams", Limit::RowsPerRequest);
            return Err(self.stop(IngestError::TooLarge { what, limit, max }));
        }
        self.stream = match labels {
            Ok(labels) => Stream::of(&labels, self.tenant, self.context.limits),
            Err(why) => Stream { refusal: Some((RejectReason::InvalidLabels, why)), ..Stream::default() },
        };
        Ok(())
    }

    /// Adds an entry to the stream that began last.
    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<(), Stopped> {
        let metadata_bytes: usize =
            entry.metadata.iter().map(|(name, value)| name.len() + value.len() + ATTRIBUTE_BYTES).sum();
        let bytes = self.stream.bytes + entry.line.len() + metadata_bytes;
        self.meter.row(bytes).map_err(|error| self.stop(error))?;
        let (row, position) = (self.decoded.rows, self.stream.entries);
        self.decoded.rows += 1;
        self.stream.entries += 1;
        let added = self.stream.add(entry, self.context.limits, &mut self.decoded.batch.log_rows);
        if let Err((reason, what)) = added {
            let (stream, name) = (self.streams - 1, &self.stream.name);
            let message = format!("stream {stream}{name}, entry {position}: {what}");
            let pointer = String::new();
            self.decoded.rejections.reject(Fault { index: row, pointer, reason, count: 1, message });
        }
        Ok(())
    }

    fn stop(&mut self, error: IngestError) -> Stopped {
        self.failure = Some(error);
        Stopped
    }

    /// The error of a request whose decoder failed with `cause`.
    pub(super) fn error(&mut self, cause: &dyn std::fmt::Display) -> IngestError {
        self.failure.take().unwrap_or_else(|| {
            let place = match self.streams.checked_sub(1) {
                None => String::new(),
                Some(stream) => format!(", stream {stream}, entry {}", self.stream.entries),
            };
            IngestError::Malformed(format!("not a Loki push request{place}: {cause}"))
        })
    }

    pub(super) fn finish(self) -> Decoded {
        self.decoded
    }
}

impl Stream {
    fn of(labels: &Pairs<'_>, tenant: Option<&str>, limits: &IngestLimits) -> Stream {
        let texts: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut attributes = Attributes::default();
        let tenant = tenant.map(|tenant| (TENANT, tenant));
        let set = texts.iter().copied().chain(tenant).try_for_each(|(name, value)| match name {
            "" => Err((RejectReason::InvalidLabels, "a label has an empty name".to_owned())),
            name => Ok(attributes.set(name, value, limits)?),
        });
        Stream {
            name: format!(" {}", describe(&texts)),
            refusal: set.err(),
            columns: Columns::of(&attributes),
            bytes: attributes.bytes(),
            attributes,
            words: None,
            entries: 0,
        }
    }

    fn add(&mut self, entry: &Entry<'_>, limits: &IngestLimits, rows: &mut LogRows) -> Result<(), Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let (ts, ts_ns_rem) = entry.nanos.map(time_of).map_err(|text| {
            let text = crate::body::excerpt(text);
            (RejectReason::InvalidPayload, format!("the time {text:?} is not nanoseconds since 1970"))
        })?;
        check_is_set(ts)?;
        check_body(entry.line, limits)?;
        let of_its_own;
        let RowWords { columns, attrs } = if entry.metadata.is_empty() {
            self.words.get_or_insert_with(|| RowWords::of(&self.attributes, &self.columns, rows))
        } else {
            let mut attributes = self.attributes.clone();
            for (name, value) in entry.metadata {
                attributes.set(name, value, limits)?;
            }
            of_its_own = RowWords::of(&attributes, &Columns::of(&attributes), rows);
            &of_its_own
        };
        rows.push_row(LogRow { ts, ts_ns_rem, columns: *columns, body: entry.line, attrs });
        Ok(())
    }
}

/// A row but for its time and line.
struct RowWords {
    columns: [Word; LogColumn::ALL.len()],
    attrs: Vec<(Word, Word)>,
}

impl RowWords {
    fn of(attributes: &Attributes, columns: &Columns, rows: &mut LogRows) -> RowWords {
        let Columns { service, env, host, severity, trace_id, span_id } = columns;
        let texts = [service, env, host, severity, trace_id, span_id];
        RowWords {
            columns: texts.map(|text| text.as_deref().map_or(Word::NONE, |text| rows.word(text))),
            attrs: attributes.iter().map(|(key, value)| (rows.word(key), rows.word(value))).collect(),
        }
    }
}

/// Saturates far outside of what any table keeps.
fn time_of(nanos: i128) -> (Timestamp, i16) {
    let micros = nanos.div_euclid(1_000).clamp(i64::MIN.into(), i64::MAX.into());
    (Timestamp::from_micros(micros as i64), nanos.rem_euclid(1_000) as i16)
}
