//! Times and durations as the Prometheus API takes them: float seconds or text. Pure.

use std::time::Duration;

use telemetry::Timestamp;
use telemetry::time::parse_duration;

/// Beyond this many seconds from the epoch, microseconds no longer fit.
const SECS_MAX: f64 = 9.2e12;

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

/// `15`, `0.5` or `5m`; negative ones are no durations.
pub(super) fn parse_span(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(secs) if secs.is_finite() && (0.0..SECS_MAX).contains(&secs) => {
            Some(Duration::from_secs_f64(secs))
        }
        Ok(_) => None,
        Err(_) => parse_duration(text).ok(),
    }
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
        assert_eq!(parse_span("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(parse_span("1h30m"), Some(Duration::from_secs(5_400)));
        for bad in ["", "-1", "NaN", "1e300", "five"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
    }
}
