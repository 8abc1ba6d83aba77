//! The line of one sample: what names its series, the value, the time, the exemplar.

use telemetry::Timestamp;

use super::labels::{self, SeriesText};
use super::text::Cursor;
use super::{Entry, ExemplarText, Format, SampleLine};

pub(super) fn read(line: &str, format: Format) -> Result<Entry<'_>, String> {
    let mut cursor = Cursor::new(line);
    let series = SeriesText::find(&mut cursor, format)?;
    let sample = match format {
        Format::Text => read_text(cursor, series),
        Format::OpenMetrics => read_openmetrics(cursor, series),
    }?;
    Ok(Entry::Sample(sample))
}

fn read_text<'a>(mut cursor: Cursor<'a>, series: SeriesText<'a>) -> Result<SampleLine<'a>, String> {
    let is_blank = |byte| byte == b' ' || byte == b'\t';
    cursor.skip_blanks();
    let value = number(cursor.take_until(is_blank))?;
    cursor.skip_blanks();
    let timestamp = match cursor.take_until(is_blank) {
        "" => None,
        text => Some(millis(text)?),
    };
    cursor.skip_blanks();
    expect_end(&cursor)?;
    Ok(SampleLine { series, value, timestamp, exemplar: None })
}

fn read_openmetrics<'a>(mut cursor: Cursor<'a>, series: SeriesText<'a>) -> Result<SampleLine<'a>, String> {
    let value = spaced_number(&mut cursor)?;
    let timestamp = spaced_time(&mut cursor)?;
    let mut exemplar = None;
    if let Some(text) = cursor.rest().strip_prefix(" # ") {
        let mut inside = Cursor::new(text);
        let labels = labels::exemplar_labels(&mut inside).map_err(|reason| format!("exemplar: {reason}"))?;
        let value = spaced_number(&mut inside).map_err(|reason| format!("exemplar: {reason}"))?;
        let timestamp = spaced_time(&mut inside).map_err(|reason| format!("exemplar: {reason}"))?;
        exemplar = Some(ExemplarText { labels, value, timestamp });
        cursor = inside;
    }
    expect_end(&cursor)?;
    Ok(SampleLine { series, value, timestamp, exemplar })
}

fn expect_end(cursor: &Cursor<'_>) -> Result<(), String> {
    if cursor.is_at_end() { Ok(()) } else { Err(format!("{:?} follows the sample", cursor.rest())) }
}

/// A space and a number.
fn spaced_number(cursor: &mut Cursor<'_>) -> Result<f64, String> {
    if !cursor.is_at_end() && !cursor.skip(b' ') {
        return Err(format!("a space is expected {}", cursor.here()));
    }
    number(cursor.take_until(|byte| byte == b' '))
}

/// A space and a time, unless an exemplar or nothing follows.
fn spaced_time(cursor: &mut Cursor<'_>) -> Result<Option<Timestamp>, String> {
    if cursor.is_at_end() || cursor.rest().starts_with(" #") {
        return Ok(None);
    }
    if !cursor.skip(b' ') {
        return Err(format!("a space is expected {}", cursor.here()));
    }
    seconds(cursor.take_until(|byte| byte == b' ')).map(Some)
}

/// The NaN that Prometheus stores for a measured one. The stale marker is another.
const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Decimal numbers, `Inf` and `NaN` in any case. A number too large for an `f64` is none.
fn number(text: &str) -> Result<f64, String> {
    let bad = || match text {
        "" => "a value is missing".to_owned(),
        text => format!("{text:?} is not a number"),
    };
    let value: f64 = text.parse().map_err(|_| bad())?;
    if value.is_finite() {
        return Ok(value);
    }
    if value.is_nan() {
        return if text.starts_with(['+', '-']) { Err(bad()) } else { Ok(NORMAL_NAN) };
    }
    let is_spelled_out = text.ends_with(['f', 'F', 'y', 'Y']);
    if is_spelled_out { Ok(value) } else { Err(format!("{text:?} is out of range")) }
}

/// Whole milliseconds since the epoch.
fn millis(text: &str) -> Result<Timestamp, String> {
    let millis: i64 =
        text.parse().map_err(|_| format!("{text:?} is not a timestamp (whole milliseconds)"))?;
    Ok(Timestamp::from_millis(millis))
}

/// Seconds since the epoch with a fraction, rounded to milliseconds.
fn seconds(text: &str) -> Result<Timestamp, String> {
    let secs: Option<f64> = text.parse().ok().filter(|secs: &f64| secs.is_finite());
    let secs = secs.ok_or_else(|| format!("{text:?} is not a timestamp (seconds)"))?;
    // Saturates.
    Ok(Timestamp::from_millis((secs * 1e3).round() as i64))
}
