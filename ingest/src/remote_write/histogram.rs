//! The message `Histogram`, the same in both versions, and the histogram that it stands for.
//!
//! Reading keeps what the wire says (deltas of integer histograms, counts of float ones); whether that
//! is a histogram is decided by [`WireHistogram::to_sample`].

use telemetry::{BucketSpan, Buckets, COUNT_EXACT_MAX, HistogramSample, ResetHint, Timestamp, is_stale};

use crate::protobuf::{Reader, WireError};

/// A number of observations: of integer histograms, or of float ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WireCount {
    #[default]
    Absent,
    Integer(u64),
    Float(f64),
}

/// One side of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireBuckets {
    pub spans: Vec<BucketSpan>,
    /// Differences to the bucket before.
    pub deltas: Vec<i64>,
    pub counts: Vec<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireHistogram {
    pub count: WireCount,
    pub sum: f64,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: WireCount,
    pub negative: WireBuckets,
    pub positive: WireBuckets,
    pub reset_hint: i32,
    pub timestamp_ms: i64,
    pub custom_values: Vec<f64>,
    /// When counting began; 0 when it is not said.
    pub start_ms: i64,
    /// It has more parts than are kept; those beyond are left out.
    pub is_cut: bool,
}

/// Pushes up to a bound, so that one message cannot take many times its bytes.
struct Bounded {
    parts_max: usize,
    is_cut: bool,
}

impl Bounded {
    fn push<T>(&mut self, list: &mut Vec<T>, part: T) {
        if list.len() < self.parts_max {
            list.push(part);
        } else {
            self.is_cut = true;
        }
    }
}

/// Reads a message; of each list at most `parts_max` parts are kept.
pub(super) fn read_histogram(mut message: Reader<'_>, parts_max: usize) -> Result<WireHistogram, WireError> {
    let mut histogram = WireHistogram::default();
    let mut bounded = Bounded { parts_max, is_cut: false };
    let h = &mut histogram;
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => h.count = WireCount::Integer(message.integer(wire)?),
            2 => h.count = WireCount::Float(message.double(wire)?),
            3 => h.sum = message.double(wire)?,
            4 => h.schema = message.zigzag32(wire)?,
            5 => h.zero_threshold = message.double(wire)?,
            6 => h.zero_count = WireCount::Integer(message.integer(wire)?),
            7 => h.zero_count = WireCount::Float(message.double(wire)?),
            8 => bounded.push(&mut h.negative.spans, read_span(message.message(wire)?)?),
            9 => message.integers(wire, |bits| bounded.push(&mut h.negative.deltas, zigzag64(bits)))?,
            10 => message.doubles(wire, |count| bounded.push(&mut h.negative.counts, count))?,
            11 => bounded.push(&mut h.positive.spans, read_span(message.message(wire)?)?),
            12 => message.integers(wire, |bits| bounded.push(&mut h.positive.deltas, zigzag64(bits)))?,
            13 => message.doubles(wire, |count| bounded.push(&mut h.positive.counts, count))?,
            14 => h.reset_hint = message.integer(wire)? as i32,
            15 => h.timestamp_ms = message.integer(wire)? as i64,
            16 => message.doubles(wire, |value| bounded.push(&mut h.custom_values, value))?,
            17 => h.start_ms = message.integer(wire)? as i64,
            _ => message.skip(field, wire)?,
        }
    }
    histogram.is_cut = bounded.is_cut;
    Ok(histogram)
}

fn read_span(mut message: Reader<'_>) -> Result<BucketSpan, WireError> {
    let mut span = BucketSpan { offset: 0, length: 0 };
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => span.offset = message.zigzag32(wire)?,
            2 => span.length = message.integer(wire)? as u32,
            _ => message.skip(field, wire)?,
        }
    }
    Ok(span)
}

fn zigzag64(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}

impl WireHistogram {
    /// The histogram, or what is wrong with it.
    pub(super) fn to_sample(&self) -> Result<HistogramSample, &'static str> {
        let ts = Timestamp::from_millis(self.timestamp_ms);
        if is_stale(self.sum) {
            return Ok(HistogramSample::stale(ts));
        }
        let is_float = matches!(self.count, WireCount::Float(_));
        let histogram = HistogramSample {
            ts,
            count: number_of(self.count)?,
            sum: self.sum,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: number_of(self.zero_count)?,
            positive: buckets_of(&self.positive, is_float)?,
            negative: buckets_of(&self.negative, is_float)?,
            custom_values: self.custom_values.clone(),
            reset_hint: match self.reset_hint {
                1 => ResetHint::Reset,
                2 => ResetHint::NoReset,
                3 => ResetHint::Gauge,
                _ => ResetHint::Unknown,
            },
        };
        histogram.check().map_err(|error| error.0)?;
        Ok(histogram)
    }

    /// What it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        let of = |side: &WireBuckets| 8 * (side.spans.len() + side.deltas.len() + side.counts.len());
        of(&self.positive) + of(&self.negative) + 8 * self.custom_values.len()
    }
}

const TOO_LARGE: &str = "a count is beyond 2^53";

fn number_of(count: WireCount) -> Result<f64, &'static str> {
    match count {
        WireCount::Absent => Ok(0.0),
        WireCount::Float(count) => Ok(count),
        WireCount::Integer(count) if count <= COUNT_EXACT_MAX => Ok(count as f64),
        WireCount::Integer(_) => Err(TOO_LARGE),
    }
}

fn buckets_of(side: &WireBuckets, is_float: bool) -> Result<Buckets, &'static str> {
    let mut counts = Vec::with_capacity(side.deltas.len().max(side.counts.len()));
    if is_float {
        if !side.deltas.is_empty() {
            return Err("a float histogram has bucket counts, not deltas");
        }
        counts.extend_from_slice(&side.counts);
    } else {
        if !side.counts.is_empty() {
            return Err("an integer histogram has bucket deltas, not counts");
        }
        let mut count = 0_i64;
        for delta in &side.deltas {
            count = count.checked_add(*delta).ok_or(TOO_LARGE)?;
            if count.unsigned_abs() > COUNT_EXACT_MAX {
                return Err(TOO_LARGE);
            }
            counts.push(count as f64);
        }
    }
    Ok(Buckets { spans: side.spans.clone(), counts })
}
