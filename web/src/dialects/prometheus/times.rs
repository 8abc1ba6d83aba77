//! Times and durations as the Prometheus API takes them: float seconds or text. Pure.

use std::time::Duration;

use telemetry::Timestamp;
use telemetry::time::parse_duration;

/// Beyond this many seconds from the epoch, microseconds no longer fit.
const SECS_MAX: f64 = 9.2e12;

/// Beyond this many seconds, Go's nanoseconds no longer fit.
const SPAN_SECS_MAX: f64 = 9_223_372_036.0;

/// `1435781451.781` or RFC 3339.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    match text.parse::<f64>() {
        Ok(secs) if secs.is_finite() && secs.abs() < SECS_MAX => {
            Some(Timestamp::from_millis((secs * 1_000.0).round() as i64))
        }
        Ok(_) => None,
        Err(_) => Timestamp::parse_rfc3339(text).ok(),
    }
}

/// Why a text is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanError {
    Unreadable,
    TooLong,
}

/// `15`, `0.5` or `5m`; `None` for zero and for negative seconds, which are spans to Prometheus too.
pub(super) fn parse_span(text: &str) -> Result<Option<Duration>, SpanError> {
    let span = match text.parse::<f64>() {
        Ok(secs) if secs.abs() > SPAN_SECS_MAX => return Err(SpanError::TooLong),
        Ok(secs) if secs > 0.0 => Duration::from_secs_f64(secs),
        Ok(_) => Duration::ZERO,
        Err(_) => parse_duration(text).map_err(|_| SpanError::Unreadable)?,
    };
    Ok(Some(span).filter(|span| !span.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        assert_eq!(parse_time("1435781451.781"), Some(Timestamp::from_millis(1_435_781_451_781)));
        assert_eq!(parse_time("2015-07-01T20:10:51.781Z"), Some(Timestamp::from_millis(1_435_781_451_781)));
        assert_eq!(parse_time("-1"), Some(Timestamp::from_secs(-1)));
        for bad in ["", "NaN", "inf", "1e300", "now", "2015-07-01"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_are_seconds_or_durations() {
        assert_eq!(parse_span("0.5"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(parse_span("1h30m"), Ok(Some(Duration::from_secs(5_400))));
        for nothing in ["0", "-1", "-0.5", "NaN"] {
            assert_eq!(parse_span(nothing), Ok(None), "{nothing}");
        }
        for bad in ["", "five", "-5m", "5x"] {
            assert_eq!(parse_span(bad), Err(SpanError::Unreadable), "{bad}");
        }
        for long in ["1e300", "inf", "-inf", "1e10"] {
            assert_eq!(parse_span(long), Err(SpanError::TooLong), "{long}");
        }
    }
}
