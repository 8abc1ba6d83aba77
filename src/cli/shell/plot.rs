//! From the rows of a result to the series of a chart: the first column of times, the columns of
//! numbers; what else there is names the series.

use query::formats::Column;
use serde_json::Value;

use crate::cli::chart::Series;

/// `None` when the result has no times or no numbers.
pub fn series_of(columns: &[Column], rows: &[Vec<Value>]) -> Option<Vec<Series>> {
    let time = columns.iter().position(|column| is_time(&column.type_name))?;
    let places = |wanted: fn(&str) -> bool| -> Vec<usize> {
        let found = columns.iter().enumerate().filter(|(_, column)| wanted(&column.type_name));
        found.map(|(at, _)| at).collect()
    };
    let (numbers, names) = (places(is_number), places(is_name));
    if numbers.is_empty() {
        return None;
    }
    let mut series: Vec<Series> = Vec::new();
    for row in rows {
        let Some(at) = row.get(time).and_then(seconds) else { continue };
        for number in &numbers {
            let Some(value) = row.get(*number).and_then(number_of) else { continue };
            let name = series_name(
                row,
                &names,
                (numbers.len() > 1 || names.is_empty()).then(|| columns[*number].name.as_str()),
            );
            match series.iter_mut().find(|one| one.name == name) {
                Some(one) => one.points.push((at, value)),
                None => series.push(Series { name, points: vec![(at, value)] }),
            }
        }
    }
    Some(series)
}

fn series_name(row: &[Value], names: &[usize], number: Option<&str>) -> String {
    let parts = names.iter().filter_map(|at| match row.get(*at)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    parts.chain(number.map(str::to_owned)).collect::<Vec<_>>().join(" ")
}

fn is_time(type_name: &str) -> bool {
    matches!(type_name, "timestamptz" | "timestamp" | "date")
}

fn is_number(type_name: &str) -> bool {
    matches!(type_name, "smallint" | "integer" | "bigint" | "real" | "double")
        || type_name.starts_with("decimal")
}

fn is_name(type_name: &str) -> bool {
    matches!(type_name, "text" | "map" | "boolean")
}

fn seconds(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    let time: jiff::Timestamp = match text.len() {
        10 => format!("{text}T00:00:00Z").parse().ok()?,
        _ => text.parse().ok()?,
    };
    Some(time.as_microsecond() as f64 / 1e6)
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        // "NaN" and infinities are gaps, and tell the chart so.
        Value::String(_) => Some(f64::NAN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn columns(types: &[(&str, &str)]) -> Vec<Column> {
        let column = |(name, type_name): &(&str, &str)| Column {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
        };
        types.iter().map(column).collect()
    }

    fn check(types: &[(&str, &str)], rows: Value, expected: &[(&str, usize)]) {
        let rows: Vec<Vec<Value>> = serde_json::from_value(rows).unwrap();
        let series = series_of(&columns(types), &rows).unwrap();
        let found: Vec<(&str, usize)> =
            series.iter().map(|one| (one.name.as_str(), one.points.len())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn texts_name_the_series_and_several_numbers_are_several() {
        check(
            &[("ts", "timestamptz"), ("service", "text"), ("value", "double")],
            json!([
                ["2026-11-23T12:00:00Z", "a", 1],
                ["2026-11-23T12:01:00Z", "b", 2],
                ["2026-11-23T12:01:00Z", "a", "NaN"]
            ]),
            &[("a", 2), ("b", 1)],
        );
        check(
            &[("day", "date"), ("low", "bigint"), ("high", "decimal(10,2)")],
            json!([["2026-11-23", 1, 2.5], ["2026-11-24", null, 3]]),
            &[("low", 1), ("high", 2)],
        );
    }

    #[test]
    fn without_times_or_numbers_there_is_nothing_to_draw() {
        assert_eq!(series_of(&columns(&[("n", "bigint")]), &[]), None);
        assert_eq!(series_of(&columns(&[("ts", "timestamptz"), ("a", "text")]), &[]), None);
    }
}
