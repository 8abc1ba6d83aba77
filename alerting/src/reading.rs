//! An alert's value as people read it, in pages and timelines.
//!
//! Rounded to what says something: three digits. Values as they are stand in the API and in facts.

use crate::rule::template::number as exact;

/// Below this a difference of floats is noise (`4e-17`), not a measurement.
const NOISE_BELOW: f64 = 1e-9;
/// Digits that say something.
const DIGITS: i32 = 3;
/// Above this, with a prefix: nobody counts the digits of 1234567.
const WHOLE_BELOW: f64 = 1e6;

/// `0.35`, `15.3`, `12346`, `1.23M`, `0`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return exact(value);
    }
    if size < NOISE_BELOW {
        return "0".to_owned();
    }
    let (mut scaled, mut prefix) = (value, "");
    if size >= WHOLE_BELOW {
        for unit in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if scaled.abs() < 1_000.0 {
                break;
            }
            (scaled, prefix) = (scaled / 1_000.0, unit);
        }
    }
    let digits_before_point = scaled.abs().log10().floor() as i32 + 1;
    let decimals = (DIGITS - digits_before_point).max(0) as usize;
    let text = format!("{scaled:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{prefix}")
}

/// What the value of an alert is, where its source tells: `burn rate 15.3x`, else `value 0.35`.
pub fn of_alert(source: &str, value: f64) -> String {
    if source.starts_with("slo:") {
        format!("burn rate {}x", number(value))
    } else {
        format!("value {}", number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_say_something() {
        let cases = [
            (0.0, "0"),
            (4.440892098500626e-17, "0"),
            (-1e-17, "0"),
            (0.000_012_345, "0.0000123"),
            (0.1 + 0.2, "0.3"),
            (0.349_999, "0.35"),
            (15.25, "15.2"),
            (-46.04, "-46"),
            (99.96, "100"),
            (12_345.678, "12346"),
            (1_234_567.0, "1.23M"),
            (5_368_709_120.0, "5.37G"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expect) in cases {
            assert_eq!(number(value), expect, "{value:e}");
        }
        assert_eq!(of_alert("slo:chat", 14.437_5), "burn rate 14.4x");
        assert_eq!(of_alert("rule:f/g/Down", 0.0), "value 0");
    }
}
