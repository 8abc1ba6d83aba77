//! One cell as JSON text, after the contract's rules.

use std::io::Write;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;

use super::ticks_per_second;

/// Appends the JSON text of one cell; NULL is `null`.
pub(crate) fn write_json_value(out: &mut Vec<u8>, column: &ArrayRef, row: usize) -> Result<(), ArrowError> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match column.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => write_display(out, column.as_boolean().value(row)),
        DataType::Int8 => write_display(out, column.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => write_display(out, column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => write_display(out, column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write_display(out, column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => write_display(out, column.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => write_display(out, column.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => write_display(out, column.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => write_display(out, column.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => write_float(out, column.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            if value.is_finite() { write_display(out, value) } else { write_float(out, f64::from(value)) }
        }
        DataType::Float64 => write_float(out, column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal32(_, _) => {
            let column = column.as_any().downcast_ref::<Decimal32Array>();
            write_display(out, column.map(|c| c.value_as_string(row)).unwrap_or_default());
        }
        DataType::Decimal64(_, _) => {
            let column = column.as_any().downcast_ref::<Decimal64Array>();
            write_display(out, column.map(|c| c.value_as_string(row)).unwrap_or_default());
        }
        DataType::Decimal128(_, _) => {
            let column = column.as_any().downcast_ref::<Decimal128Array>();
            write_display(out, column.map(|c| c.value_as_string(row)).unwrap_or_default());
        }
        DataType::Decimal256(_, _) => {
            let column = column.as_any().downcast_ref::<Decimal256Array>();
            write_display(out, column.map(|c| c.value_as_string(row)).unwrap_or_default());
        }
        DataType::Utf8 => write_string(out, column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => write_string(out, column.as_string::<i64>().value(row)),
        DataType::Utf8View => write_string(out, column.as_string_view().value(row)),
        DataType::Timestamp(unit, _) => {
            let ticks = match unit {
                TimeUnit::Second => column.as_primitive::<TimestampSecondType>().value(row),
                TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().value(row),
                TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().value(row),
                TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().value(row),
            };
            write_time(out, ticks, *unit);
        }
        DataType::Date32 => write_date(out, i64::from(column.as_primitive::<Date32Type>().value(row))),
        DataType::Date64 => {
            write_date(out, column.as_primitive::<Date64Type>().value(row).div_euclid(86_400_000));
        }
        DataType::Map(_, _) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            out.push(b'{');
            for entry in 0..entries.len() {
                if entry > 0 {
                    out.push(b',');
                }
                write_key(out, keys, entry)?;
                out.push(b':');
                write_json_value(out, values, entry)?;
            }
            out.push(b'}');
        }
        DataType::Struct(fields) => {
            let parts = column.as_struct();
            out.push(b'{');
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(out, field.name());
                out.push(b':');
                write_json_value(out, parts.column(index), row)?;
            }
            out.push(b'}');
        }
        DataType::List(_) => write_list(out, &column.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => write_list(out, &column.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(_, _) => write_list(out, &column.as_fixed_size_list().value(row))?,
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            write_json_value(out, dictionary.values(), dictionary.normalized_keys()[row])?;
        }
        DataType::Binary => {
            let bytes = column.as_any().downcast_ref::<BinaryArray>().map_or(&[][..], |c| c.value(row));
            let mut hex = String::from("\\x");
            for byte in bytes {
                hex.push_str(&format!("{byte:02x}"));
            }
            write_string(out, &hex);
        }
        _ => write_string(out, &array_value_to_string(column, row)?),
    }
    Ok(())
}

/// A JSON key is always text, whatever a map's keys are.
fn write_key(out: &mut Vec<u8>, keys: &ArrayRef, entry: usize) -> Result<(), ArrowError> {
    match keys.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => write_json_value(out, keys, entry),
        _ => {
            write_string(out, &array_value_to_string(keys, entry)?);
            Ok(())
        }
    }
}

fn write_list(out: &mut Vec<u8>, items: &ArrayRef) -> Result<(), ArrowError> {
    out.push(b'[');
    for item in 0..items.len() {
        if item > 0 {
            out.push(b',');
        }
        write_json_value(out, items, item)?;
    }
    out.push(b']');
    Ok(())
}

pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing text to a vector cannot fail");
}

fn write_display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to a vector cannot fail");
}

/// Shortest text that reads back as the same number.
fn write_float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"\"+Inf\"" } else { b"\"-Inf\"" });
    } else {
        serde_json::to_writer(out, &value).expect("writing a number to a vector cannot fail");
    }
}

fn write_time(out: &mut Vec<u8>, ticks: i64, unit: TimeUnit) {
    let per_second = ticks_per_second(unit);
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    match jiff::Timestamp::new(ticks.div_euclid(per_second), nanos as i32) {
        Ok(time) => write!(out, "\"{time}\"").expect("writing to a vector cannot fail"),
        // Years that RFC 3339 cannot write.
        Err(_) => write!(out, "\"{ticks}{unit:?}\"").expect("writing to a vector cannot fail"),
    }
}

fn write_date(out: &mut Vec<u8>, days: i64) {
    match jiff::Timestamp::from_second(days.saturating_mul(86_400)) {
        Ok(time) => {
            let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
            write!(out, "\"{date}\"").expect("writing to a vector cannot fail");
        }
        Err(_) => write!(out, "\"{days}d\"").expect("writing to a vector cannot fail"),
    }
}
