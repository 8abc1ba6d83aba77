//! Numbers and times as text, as Prometheus writes them in answers. Most of the time that an answer takes to
//! write goes here: whole numbers, which most are, do not go through the standard library's formatter.

use std::fmt::Write;

use telemetry::Timestamp;

/// Seconds; three digits below when there are milliseconds.
pub(super) fn write_secs(at: Timestamp, out: &mut String) {
    let millis = at.millis();
    if millis < 0 {
        out.push('-');
    }
    let (secs, below) = (millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000);
    out.push_str(itoa::Buffer::new().format(secs));
    if below > 0 {
        // Writing to a string does not fail.
        let _written = write!(out, ".{below:03}");
    }
}

/// Below it, whole numbers are written as such: most values are.
const WHOLE_MAX: f64 = 1e15;

/// The shortest text that reads back as the same number; exponents as Go writes them, for numbers
/// below 1e-6 and from 1e21.
pub(super) fn write_value(value: f64, out: &mut String) {
    let size = value.abs();
    let is_minus_zero = value == 0.0 && value.is_sign_negative();
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if size < WHOLE_MAX && value.trunc() == value && !is_minus_zero {
        out.push_str(itoa::Buffer::new().format(value as i64));
    } else {
        write_fraction(value, out);
    }
}

fn write_fraction(value: f64, out: &mut String) {
    let size = value.abs();
    // Writing to a string does not fail.
    let _written = if size == 0.0 || (1e-6..1e21).contains(&size) {
        write!(out, "{value}")
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        write!(out, "{digits}e{sign}{exponent:0>2}")
    };
}

pub(super) fn format_secs(at: Timestamp) -> String {
    let mut text = String::new();
    write_secs(at, &mut text);
    text
}

pub(super) fn format_value(value: f64) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (2.5, "2.5"),
            (0.1, "0.1"),
            (0.00001, "0.00001"),
            (0.0000099, "0.0000099"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1.5e300, "1.5e+300"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in cases {
            assert_eq!(format_value(value), text);
        }
    }

    #[test]
    fn times_carry_milliseconds_only_when_there_are_some() {
        assert_eq!(format_secs(Timestamp::from_millis(1_435_781_451_781)), "1435781451.781");
        assert_eq!(format_secs(Timestamp::from_millis(1_435_781_451_050)), "1435781451.050");
        assert_eq!(format_secs(Timestamp::from_secs(15)), "15");
        assert_eq!(format_secs(Timestamp::from_millis(-1_500)), "-1.500");
    }
}
