//! Every case of `cases.txt`; pages written and read back; pages broken at random.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// What a page says, as `cases.txt` writes it.
fn shown(page: &str, format: Format) -> String {
    let mut parts = Vec::new();
    let mut entries = entries(page, format);
    while let Some(entry) = entries.next() {
        let line = entries.line();
        let part =
            entry.and_then(|entry| shown_entry(&entry).map_err(|reason| ExpositionError { line, reason }));
        match part {
            Ok(part) => parts.push(part),
            Err(error) => {
                parts.push(format!("! {error}"));
                break;
            }
        }
    }
    parts.join(" ; ")
}

fn shown_entry(entry: &Entry<'_>) -> Result<String, String> {
    Ok(match entry {
        Entry::Help { family, text } => format!("HELP {family} {text:?}"),
        Entry::Type { family, metric_type } => format!("TYPE {family} {}", metric_type.as_str()),
        Entry::Unit { family, unit } => format!("UNIT {family} {unit}"),
        Entry::Sample(sample) => {
            let pairs = sample.series.pairs()?;
            let mut text = pairs[0].1.clone().into_owned();
            if pairs.len() > 1 {
                text.push_str(&shown_labels(&pairs[1..]));
            }
            text.push_str(&shown_point(sample.value, sample.timestamp));
            if let Some(exemplar) = &sample.exemplar {
                write!(text, " # {}", shown_labels(&exemplar.labels)).unwrap();
                text.push_str(&shown_point(exemplar.value, exemplar.timestamp));
            }
            text
        }
    })
}

fn shown_labels(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

fn shown_point(value: f64, timestamp: Option<Timestamp>) -> String {
    let value = match value {
        value if value.is_infinite() => format!(" {value:+}").replace("inf", "Inf"),
        value => format!(" {value}"),
    };
    match timestamp {
        Some(at) => format!("{value} @{}", at.millis()),
        None => value,
    }
}

#[test]
fn every_case_is_read_or_refused_as_written() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in include_str!("cases.txt").lines() {
        if case.is_empty() || case.starts_with('#') {
            continue;
        }
        count += 1;
        let mut columns = case.split('¦');
        let (format, page, expect) =
            (columns.next().unwrap().trim(), columns.next().unwrap(), columns.next().unwrap());
        // One space stands on each side of a column.
        let page = page[1..page.len() - 1].replace('⏎', "\n").replace('⇥', "\t");
        let (page, format) = match format {
            "text" => (page, Format::Text),
            "om" => (page + "# EOF\n", Format::OpenMetrics),
            "om-raw" => (page, Format::OpenMetrics),
            other => panic!("{other:?} is no format: {case}"),
        };
        let found = shown(&page, format);
        if found != expect.strip_prefix(' ').unwrap_or(expect) {
            wrong.push(format!("{case}\n  found: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150, "{count}");
}

#[test]
fn the_content_type_tells_the_format() {
    for (content_type, expect) in [
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
        ("Application/OpenMetrics-Text", Format::OpenMetrics),
        ("text/plain; version=0.0.4", Format::Text),
        ("text/html", Format::Text),
        ("", Format::Text),
    ] {
        assert_eq!(Format::of_content_type(content_type), expect, "{content_type}");
    }
}

/// Labels, value, milliseconds.
type WrittenExemplar = (Vec<(String, String)>, f64, Option<i64>);

/// A line as a writer has it in mind.
#[derive(Clone, Debug)]
struct Written {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    millis: Option<i64>,
    exemplar: Option<WrittenExemplar>,
}

fn is_bare(name: &str, colon: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    name.chars().all(fits) && name.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn rendered_labels(labels: &[(String, String)]) -> String {
    let name = |name: &str| if is_bare(name, false) { name.to_owned() } else { quoted(name) };
    labels.iter().map(|(key, value)| format!("{}={}", name(key), quoted(value))).collect::<Vec<_>>().join(",")
}

fn rendered_time(millis: Option<i64>, format: Format) -> String {
    match (millis, format) {
        (None, _) => String::new(),
        (Some(millis), Format::Text) => format!(" {millis}"),
        (Some(millis), Format::OpenMetrics) => format!(" {}", millis as f64 / 1e3),
    }
}

fn render(lines: &[Written], format: Format) -> String {
    let mut page = String::new();
    for line in lines {
        let labels = rendered_labels(&line.labels);
        match is_bare(&line.name, true) {
            true if labels.is_empty() => page.push_str(&line.name),
            true => write!(page, "{}{{{labels}}}", line.name).unwrap(),
            false if labels.is_empty() => write!(page, "{{{}}}", quoted(&line.name)).unwrap(),
            false => write!(page, "{{{},{labels}}}", quoted(&line.name)).unwrap(),
        }
        write!(page, " {}{}", line.value, rendered_time(line.millis, format)).unwrap();
        if let (Format::OpenMetrics, Some((labels, value, millis))) = (format, &line.exemplar) {
            let time = rendered_time(*millis, format);
            write!(page, " # {{{}}} {value}{time}", rendered_labels(labels)).unwrap();
        }
        page.push('\n');
    }
    if format == Format::OpenMetrics {
        page.push_str("# EOF\n");
    }
    page
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-zA-Z_][a-zA-Z0-9_]{0,8}", 1 => "[^\\x00]{1,6}"]
        .prop_filter("the metric's own label", |name| name != "__name__")
}

fn any_labels() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((any_name(), any::<String>()), 0..4)
}

fn any_millis() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(-4_000_000_000_000_i64..4_000_000_000_000)
}

fn any_line() -> impl Strategy<Value = Written> {
    let value = || any::<f64>().prop_filter("its text is not its bits", |value| !value.is_nan());
    let exemplar = proptest::option::of((any_labels(), value(), any_millis()));
    (any_name(), any_labels(), value(), any_millis(), exemplar)
        .prop_map(|(name, labels, value, millis, exemplar)| Written { name, labels, value, millis, exemplar })
}

fn read_back(page: &str, format: Format) -> Vec<Written> {
    let owned = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
        pairs.iter().map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned())).collect()
    };
    let sample = |entry: Result<Entry<'_>, ExpositionError>| match entry.unwrap() {
        Entry::Sample(sample) => {
            let pairs = sample.series.pairs().unwrap();
            Written {
                name: pairs[0].1.clone().into_owned(),
                labels: owned(&pairs[1..]),
                value: sample.value,
                millis: sample.timestamp.map(Timestamp::millis),
                exemplar: sample
                    .exemplar
                    .map(|it| (owned(&it.labels), it.value, it.timestamp.map(Timestamp::millis))),
            }
        }
        other => panic!("not a sample: {other:?}"),
    };
    entries(page, format).map(sample).collect()
}

proptest! {
    #[test]
    fn a_page_that_is_written_is_read_back(
        lines in proptest::collection::vec(any_line(), 0..8),
        openmetrics: bool,
    ) {
        let format = if openmetrics { Format::OpenMetrics } else { Format::Text };
        let mut expect = lines.clone();
        if format == Format::Text {
            expect.iter_mut().for_each(|line| line.exemplar = None);
        }
        let found = read_back(&render(&lines, format), format);
        prop_assert_eq!(format!("{found:?}"), format!("{expect:?}"));
    }

    #[test]
    fn a_broken_page_is_read_or_refused_and_never_more(
        lines in proptest::collection::vec(any_line(), 1..4),
        strokes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        openmetrics: bool,
    ) {
        let format = if openmetrics { Format::OpenMetrics } else { Format::Text };
        let mut page = format!("# HELP a b\\n\n# TYPE a counter\n{}", render(&lines, format)).into_bytes();
        for (place, byte, stroke) in strokes {
            let at = place.index(page.len());
            // Mostly bytes that mean something.
            let byte = *b"{}\"\\\n# =,".get(usize::from(byte) % 16).unwrap_or(&byte);
            match stroke {
                0 => page[at] = byte,
                1 => page.insert(at, byte),
                _ if page.len() > 1 => {
                    page.remove(at);
                }
                _ => {}
            }
        }
        let page = String::from_utf8_lossy(&page);
        shown(&page, Format::Text);
        shown(&page, Format::OpenMetrics);
    }
}
