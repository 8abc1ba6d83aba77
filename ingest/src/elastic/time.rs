//! The times in documents: dates as Elasticsearch's `strict_date_optional_time` reads them, and
//! milliseconds since 1970.
//!
//! Digits below the nanosecond are cut off; a date without a zone is UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use telemetry::Timestamp;

use crate::json_text::JsonText;

/// Digits from which on a text of digits alone is milliseconds; fewer are a date (`2026`, `20261123`).
const MILLIS_DIGITS_MIN: usize = 9;

/// The time that a JSON value says: the microsecond, and the nanoseconds that are left over.
pub(super) fn read(json: &str) -> Option<(Timestamp, i16)> {
    let JsonText(text) = serde_json::from_str(json).ok()?;
    let text = text.trim();
    let is_number = !json.starts_with('"');
    let is_digits = text.len() >= MILLIS_DIGITS_MIN && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || is_digits { of_millis(text) } else { of_date(text) }
}

fn of_millis(text: &str) -> Option<(Timestamp, i16)> {
    match text.parse::<i64>() {
        Ok(millis) => Some((Timestamp::from_millis(millis), 0)),
        Err(_) => {
            let micros = text.parse::<f64>().ok()? * 1e3;
            // Larger ones have no microsecond that a double can tell.
            (micros.abs() < 9e15).then(|| (Timestamp::from_micros(micros.round() as i64), 0))
        }
    }
}

fn of_date(text: &str) -> Option<(Timestamp, i16)> {
    let text = cut_fraction(text);
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date: DateTime = text.parse().ok()?;
        date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    let nanos = time.as_nanosecond();
    let micros = i64::try_from(nanos.div_euclid(1_000)).ok()?;
    Some((Timestamp::from_micros(micros), nanos.rem_euclid(1_000) as i16))
}

/// Without the digits of a second's fraction after the ninth.
fn cut_fraction(text: &str) -> String {
    const DIGITS_MAX: usize = 9;
    let mut digits = None;
    text.chars()
        .filter(|c| {
            digits = match (digits, c) {
                (None, '.' | ',') => Some(0),
                (Some(count), c) if c.is_ascii_digit() => Some(count + 1),
                _ => None,
            };
            digits.is_none_or(|count| count <= DIGITS_MAX)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expect: Option<(&str, i16)>) {
        let expect = expect.map(|(text, rest)| (Timestamp::parse_rfc3339(text).unwrap(), rest));
        assert_eq!(read(json), expect, "{json}");
    }

    #[test]
    fn dates_of_any_precision() {
        check(r#""2026-11-23T02:00:05Z""#, Some(("2026-11-23T02:00:05Z", 0)));
        check(r#""2026-11-23T03:00:05.315+01:00""#, Some(("2026-11-23T02:00:05.315Z", 0)));
        check(r#""2026-11-23T03:00:05,315+0100""#, Some(("2026-11-23T02:00:05.315Z", 0)));
        check(r#""2026-11-23T02:00:05.123456789Z""#, Some(("2026-11-23T02:00:05.123456Z", 789)));
        check(r#""2026-11-23T02:00:05.12345678987654Z""#, Some(("2026-11-23T02:00:05.123456Z", 789)));
        check(r#""2026-11-23T02:00:05.315642""#, Some(("2026-11-23T02:00:05.315642Z", 0)));
        check(r#""2026-11-23 02:00:05""#, Some(("2026-11-23T02:00:05Z", 0)));
        check(r#""2026-11-23T02:00Z""#, Some(("2026-11-23T02:00:00Z", 0)));
        check(r#""2026-11-23""#, Some(("2026-11-23T00:00:00Z", 0)));
        check(r#""1969-12-31T23:59:59.999999999Z""#, Some(("1969-12-31T23:59:59.999999Z", 999)));
    }

    #[test]
    fn milliseconds_as_number_or_text() {
        check("1795399205315", Some(("2026-11-23T02:00:05.315Z", 0)));
        check("1795399205315.5", Some(("2026-11-23T02:00:05.3155Z", 0)));
        check(r#""1795399205315""#, Some(("2026-11-23T02:00:05.315Z", 0)));
        check("-1", Some(("1969-12-31T23:59:59.999Z", 0)));
    }

    #[test]
    fn anything_else_is_no_time() {
        for json in
            [r#""""#, r#""soon""#, r#""2026-13-01""#, "true", "null", "{}", "[1]", "1e300", r#""12:00""#]
        {
            check(json, None);
        }
    }
}
