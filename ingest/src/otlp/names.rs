//! From OpenTelemetry's names to Prometheus': the strategy `UnderscoreEscapingWithSuffixes` of the
//! OTLP endpoint of Prometheus (rules: OpenTelemetry's "Prometheus and OpenMetrics Compatibility").

/// What a metric's suffixes depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    Gauge,
    /// A sum that only grows.
    Counter,
    /// A sum that goes up and down, a histogram, a summary: only the unit is appended.
    Other,
}

/// The metric's name; `None` when nothing of it is left (`"///"`).
pub fn metric_name(name: &str, unit: &str, instrument: Instrument) -> Option<String> {
    let mut tokens: Vec<&str> = name.split(|c| !is_name_char(c)).filter(|token| !token.is_empty()).collect();
    let (unit_word, per_word) = unit_words(unit);
    for word in [&unit_word, &per_word].into_iter().flatten() {
        // A name that says its unit already is left alone.
        if !tokens.contains(&word.as_str()) {
            tokens.push(word);
        }
    }
    match instrument {
        Instrument::Counter => move_to_end(&mut tokens, "total"),
        Instrument::Gauge if unit == "1" => move_to_end(&mut tokens, "ratio"),
        Instrument::Gauge | Instrument::Other => {}
    }
    let mut joined = tokens.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    (!joined.is_empty()).then_some(joined)
}

/// The label's name; `None` when nothing of it is left.
pub fn label_name(attribute: &str) -> Option<String> {
    let mut name: String =
        attribute.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "key_");
    } else if name.starts_with('_') && !name.starts_with("__") {
        name.insert_str(0, "key");
    }
    let is_all_underscores = name.chars().all(|c| c == '_');
    (!is_all_underscores).then_some(name)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn move_to_end<'a>(tokens: &mut Vec<&'a str>, word: &'a str) {
    tokens.retain(|token| *token != word);
    tokens.push(word);
}

/// The words for a UCUM unit such as `By/s`: `bytes` and `per_second`.
fn unit_words(unit: &str) -> (Option<String>, Option<String>) {
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main.trim(), per.trim()),
        None => (unit.trim(), ""),
    };
    // Braces hold annotations such as {request}: not units.
    let is_unit = |text: &str| !text.is_empty() && !text.contains(['{', '}']);
    let main_word = is_unit(main).then(|| clean(main_unit(main)));
    let per_word = is_unit(per).then(|| clean(per_unit(per)));
    (
        main_word.filter(|word| !word.is_empty()),
        per_word.filter(|word| !word.is_empty()).map(|word| format!("per_{word}")),
    )
}

/// Characters that names cannot hold become single underscores, none at either end.
fn clean(unit: &str) -> String {
    unit.split(|c| !is_name_char(c)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

fn main_unit(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn per_unit(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names() {
        use Instrument::{Counter, Gauge, Other};
        let table = [
            ("http.server.request.duration", "s", Other, Some("http_server_request_duration_seconds")),
            ("http.server.duration", "ms", Other, Some("http_server_duration_milliseconds")),
            ("process.cpu.time", "s", Counter, Some("process_cpu_time_seconds_total")),
            ("requests", "1", Counter, Some("requests_total")),
            ("requests_total", "", Counter, Some("requests_total")),
            ("total.requests", "", Counter, Some("requests_total")),
            ("system.memory.usage", "By", Other, Some("system_memory_usage_bytes")),
            ("system.memory.utilization", "1", Gauge, Some("system_memory_utilization_ratio")),
            ("memory_used_bytes", "By", Gauge, Some("memory_used_bytes")),
            ("system.network.io", "By", Counter, Some("system_network_io_bytes_total")),
            ("network.rate", "By/s", Gauge, Some("network_rate_bytes_per_second")),
            ("fsync", "m/s", Gauge, Some("fsync_meters_per_second")),
            ("http.requests", "{request}", Counter, Some("http_requests_total")),
            ("http.requests.rate", "{request}/s", Gauge, Some("http_requests_rate_per_second")),
            ("temperature", "Cel", Gauge, Some("temperature_celsius")),
            ("cpu load", "%", Gauge, Some("cpu_load_percent")),
            ("jobs", "widgets/fortnight", Other, Some("jobs_widgets_per_fortnight")),
            ("a..b__c", "", Gauge, Some("a_b_c")),
            ("with:colon", "", Gauge, Some("with:colon")),
            ("3d.points", "", Gauge, Some("_3d_points")),
            ("größe", "", Gauge, Some("gr_e")),
            ("___", "", Gauge, None),
            ("", "", Gauge, None),
        ];
        for (name, unit, instrument, expect) in table {
            assert_eq!(
                metric_name(name, unit, instrument).as_deref(),
                expect,
                "{name} {unit} {instrument:?}"
            );
        }
    }

    #[test]
    fn label_names() {
        let table = [
            ("http.request.method", Some("http_request_method")),
            ("already_fine", Some("already_fine")),
            ("1st", Some("key_1st")),
            ("_private", Some("key_private")),
            ("__reserved__", Some("__reserved__")),
            ("a.b-c d", Some("a_b_c_d")),
            ("a..b", Some("a__b")),
            ("ключ", None),
            ("", None),
        ];
        for (attribute, expect) in table {
            assert_eq!(label_name(attribute).as_deref(), expect, "{attribute}");
        }
    }
}
