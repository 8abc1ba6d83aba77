//! Numbers for people: `duration_text(seconds)` and `bytes_text(bytes)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, DurationMicrosecondType, TimeUnit};
use datafusion::common::cast::as_float64_array;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::column::ColumnFunction;
use super::documented::{Manual, Section};

const DURATION_TEXT: Manual = Manual {
    section: Section::Text,
    syntax: "duration_text(duration)",
    description: "A duration for people, its two largest units: `1h 30m`, `2.5s`, `340ms`. Not for sorting.",
    arguments: &[("duration", "Seconds, or the difference of two timestamps.")],
    example: "SELECT incident_id, duration_text(restored_at - started_at) AS downtime FROM incidents",
};

const BYTES_TEXT: Manual = Manual {
    section: Section::Text,
    syntax: "bytes_text(bytes)",
    description: "A size for people in units of 1024: `512 B`, `1.5 MiB`. Not for sorting.",
    arguments: &[("bytes", "How many bytes.")],
    example: "SELECT bytes_text(value) FROM promql('process_resident_memory_bytes')",
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let exact = |data_type| TypeSignature::Exact(vec![data_type]);
    let durations = TypeSignature::OneOf(vec![
        exact(DataType::Duration(TimeUnit::Microsecond)),
        exact(DataType::Duration(TimeUnit::Nanosecond)),
        exact(DataType::Float64),
    ]);
    vec![
        ColumnFunction::udf("duration_text", durations, DataType::Utf8, duration_texts, &DURATION_TEXT),
        ColumnFunction::udf("bytes_text", exact(DataType::Float64), DataType::Utf8, byte_texts, &BYTES_TEXT),
    ]
}

fn duration_texts(args: &[ArrayRef]) -> Result<ArrayRef> {
    let seconds = match args[0].data_type() {
        DataType::Duration(_) => {
            let micros = cast(&args[0], &DataType::Duration(TimeUnit::Microsecond))?;
            let micros = micros.as_primitive::<DurationMicrosecondType>();
            micros.iter().map(|micros| Some(micros? as f64 / 1e6)).collect::<Float64Array>()
        }
        _ => as_float64_array(&args[0])?.clone(),
    };
    texts(&seconds, duration_text)
}

fn byte_texts(args: &[ArrayRef]) -> Result<ArrayRef> {
    texts(as_float64_array(&args[0])?, bytes_text)
}

/// What is no finite number is NULL.
fn texts(numbers: &Float64Array, text: fn(f64) -> String) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    for number in numbers {
        column.append_option(number.filter(|number| number.is_finite()).map(text));
    }
    Ok(Arc::new(column.finish()))
}

fn duration_text(seconds: f64) -> String {
    let (sign, seconds) = if seconds < 0.0 { ("-", -seconds) } else { ("", seconds) };
    let text = match seconds {
        0.0 => "0s".to_owned(),
        under if under < 1e-3 => format!("{}µs", short(under * 1e6)),
        under if under < 1.0 => format!("{}ms", short(under * 1e3)),
        under if under < 60.0 => format!("{}s", short(under)),
        _ => two_units(seconds.round()),
    };
    format!("{sign}{text}")
}

/// Whole seconds, a minute at least.
fn two_units(seconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "m"), (1.0, "s")];
    let largest = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[largest];
    let mut text = format!("{}{unit}", (seconds / size).floor());
    if let Some((smaller, unit)) = UNITS.get(largest + 1) {
        let rest = (seconds % size / smaller).floor();
        if rest > 0.0 {
            text.push_str(&format!(" {rest}{unit}"));
        }
    }
    text
}

fn bytes_text(bytes: f64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut size, mut unit) = (bytes, 0);
    while size.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{} {}", short(size), UNITS[unit])
}

/// At most one decimal below 100, none above.
fn short(number: f64) -> String {
    let rounded = if number.abs() < 100.0 { (number * 10.0).round() / 10.0 } else { number.round() };
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (0.000_25, "250µs"),
            (0.34, "340ms"),
            (2.5, "2.5s"),
            (60.0, "1m"),
            (5_400.0, "1h 30m"),
            (93_784.0, "1d 2h"),
            (-90.0, "-1m 30s"),
        ] {
            assert_eq!(duration_text(seconds), expected);
        }
    }

    #[test]
    fn bytes_count_in_1024() {
        for (bytes, expected) in [
            (0.0, "0 B"),
            (512.0, "512 B"),
            (1_572_864.0, "1.5 MiB"),
            (-2048.0, "-2 KiB"),
            (1e30, "867361737988 EiB"),
        ] {
            assert_eq!(bytes_text(bytes), expected);
        }
    }
}
