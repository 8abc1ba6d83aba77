//! The part of Prometheus' templates that labels and annotations commonly use.
//!
//! `{{ $labels.NAME }}`, `{{ $value }}` (also as `.Labels.NAME`, `.Value`), piped through
//! `humanize`, `humanizePercentage`, `humanizeDuration` or `printf "%.2f"`, or given to them as
//! arguments. Anything else stays in the text as it was written, and the lint says so: a page with
//! an odd word in it is better than no page.

use telemetry::Labels;

/// A text with places to fill in.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// As it was written.
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Expression { subject: Subject, functions: Vec<Function> },
}

#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Label(String),
    Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Function {
    Humanize,
    HumanizePercentage,
    HumanizeDuration,
    Printf(String),
}

impl Template {
    /// Never fails: what is not understood is listed and stays as text.
    pub fn parse(text: &str) -> (Template, Vec<String>) {
        let (mut parts, mut unsupported, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some(start) = rest.find("{{") {
            let Some(length) = rest[start..].find("}}") else { break };
            let (before, action) = (&rest[..start], &rest[start..start + length + 2]);
            parts.push(Part::Text(before.to_owned()));
            let inner = action.trim_start_matches("{{").trim_end_matches("}}");
            match parse_action(inner.trim_matches('-').trim()) {
                Some(part) => parts.push(part),
                None => {
                    unsupported.push(action.to_owned());
                    parts.push(Part::Text(action.to_owned()));
                }
            }
            rest = &rest[start + length + 2..];
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        (Template { text: text.to_owned(), parts }, unsupported)
    }

    /// The text as it was written, with its places.
    pub fn as_written(&self) -> &str {
        &self.text
    }

    pub fn expand(&self, labels: &Labels, value: f64) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression { subject, functions } => {
                    text.push_str(&evaluate(subject, functions, labels, value))
                }
            }
        }
        text
    }

    /// The text, if nothing has to be filled in.
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

fn parse_action(action: &str) -> Option<Part> {
    let mut stages = split_pipeline(action).into_iter();
    let mut words = words_of(&stages.next()?)?;
    let subject = parse_subject(&words.pop()?)?;
    let mut functions = Vec::new();
    if !words.is_empty() {
        functions.push(parse_function(&words)?);
    }
    for stage in stages {
        functions.push(parse_function(&words_of(&stage)?)?);
    }
    Some(Part::Expression { subject, functions })
}

/// Splits at `|` outside of quotes.
fn split_pipeline(action: &str) -> Vec<String> {
    let (mut stages, mut in_quotes) = (vec![String::new()], false);
    for c in action.chars() {
        in_quotes ^= c == '"';
        match stages.last_mut() {
            Some(stage) if c != '|' || in_quotes => stage.push(c),
            _ => stages.push(String::new()),
        }
    }
    stages
}

/// Splits at blanks outside of quotes; a quoted word keeps its opening quote as a mark.
fn words_of(stage: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (Vec::new(), stage.trim());
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            words.push(format!("\"{}", &quoted[..end]));
            rest = quoted[end + 1..].trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
        }
    }
    Some(words)
}

fn parse_subject(word: &str) -> Option<Subject> {
    if word == "$value" || word == ".Value" {
        return Some(Subject::Value);
    }
    let name = word.strip_prefix("$labels.").or_else(|| word.strip_prefix(".Labels."))?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| Subject::Label(name.to_owned()))
}

fn parse_function(words: &[String]) -> Option<Function> {
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["humanize"] => Some(Function::Humanize),
        ["humanizePercentage"] => Some(Function::HumanizePercentage),
        ["humanizeDuration"] => Some(Function::HumanizeDuration),
        ["printf", format] => {
            let format = format.strip_prefix('"')?;
            let verbs = format.replace("%%", "").matches('%').count();
            (verbs == 1 && printf(format, "", 0.0).is_some()).then(|| Function::Printf(format.to_owned()))
        }
        _ => None,
    }
}

fn evaluate(subject: &Subject, functions: &[Function], labels: &Labels, value: f64) -> String {
    let mut text = match subject {
        Subject::Label(name) => labels.get(name).unwrap_or_default().to_owned(),
        Subject::Value => number(value),
    };
    for function in functions {
        // A text that is no number goes through unchanged.
        let as_number = text.parse::<f64>();
        text = match (function, as_number) {
            (Function::Humanize, Ok(n)) => humanize(n),
            (Function::HumanizePercentage, Ok(n)) => format!("{}%", significant(n * 100.0)),
            (Function::HumanizeDuration, Ok(n)) => humanize_duration(n),
            (Function::Printf(format), n) => {
                printf(format, &text, n.unwrap_or(f64::NAN)).unwrap_or_else(|| text.clone())
            }
            (_, Err(_)) => text,
        };
    }
    text
}

/// As Go prints a float with `%v`, near enough: no exponent between 1e-4 and 1e21.
pub fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value if value != 0.0 && !(1e-4..1e21).contains(&value.abs()) => format!("{value:e}"),
        value => value.to_string(),
    }
}

/// `%s`, `%v`, `%d`, `%f`, `%.2f`, `%g`: one of them per format.
fn printf(format: &str, text: &str, value: f64) -> Option<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let verb = &rest[at + 1..];
        let end = verb.find(|c: char| c.is_ascii_alphabetic() || c == '%')?;
        match &verb[..=end] {
            "%" => out.push('%'),
            "s" | "v" => out.push_str(text),
            "g" => out.push_str(&number(value)),
            "d" => out.push_str(&format!("{value:.0}")),
            "f" => out.push_str(&format!("{value:.6}")),
            other => {
                let digits: usize = other.strip_prefix('.')?.strip_suffix('f')?.parse().ok()?;
                out.push_str(&format!("{value:.0$}", digits.min(20)));
            }
        }
        rest = &verb[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// Four significant digits, as Prometheus' `%.4g`.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value);
    }
    let digits_before_point = value.abs().log10().floor() as i32 + 1;
    let decimals = (4 - digits_before_point).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value);
    }
    let (mut scaled, mut prefix) = (value, "");
    if value.abs() >= 1.0 {
        for unit in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if scaled.abs() < 1_000.0 {
                break;
            }
            (scaled, prefix) = (scaled / 1_000.0, unit);
        }
    } else {
        for unit in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if scaled.abs() >= 1.0 {
                break;
            }
            (scaled, prefix) = (scaled * 1_000.0, unit);
        }
    }
    format!("{}{prefix}", significant(scaled))
}

fn humanize_duration(secs: f64) -> String {
    if !secs.is_finite() {
        return number(secs);
    }
    let sign = if secs < 0.0 { "-" } else { "" };
    let whole = secs.abs() as u64;
    if whole == 0 {
        return format!("{sign}{}s", humanize(secs.abs()));
    }
    let (days, hours, mins, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, mins) {
        (0, 0, 0) => format!("{sign}{}s", significant(secs.abs())),
        (0, 0, _) => format!("{sign}{mins}m {rest}s"),
        (0, _, _) => format!("{sign}{hours}h {mins}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {mins}m {rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expect: &str) {
        let labels = Labels::new([("instance", "web-1"), ("size", "0.5")]).unwrap();
        let (template, unsupported) = Template::parse(template);
        assert_eq!(unsupported, Vec::<String>::new());
        assert_eq!(template.expand(&labels, 1234.5678), expect);
    }

    #[test]
    fn common_templates_expand_as_in_prometheus() {
        check("plain", "plain");
        check("{{ $labels.instance }} is at {{$value}}", "web-1 is at 1234.5678");
        check("{{- .Labels.instance -}}:{{ .Value }}", "web-1:1234.5678");
        check("[{{ $labels.absent }}]", "[]");
        check("{{ $value | humanize }}", "1.235k");
        check("{{ humanize $value }}", "1.235k");
        check("{{ $labels.size | humanizePercentage }}", "50%");
        check("{{ $value | humanizeDuration }}", "20m 34s");
        check(r#"{{ printf "%.2f" $value }} | {{ $value | printf "%.0f%%" }}"#, "1234.57 | 1235%");
        check(r#"{{ $labels.instance | printf "<%s>" }}"#, "<web-1>");
        check("{{ $labels.instance | humanize }}", "web-1");
    }

    #[test]
    fn what_is_not_understood_stays_and_is_listed() {
        for text in [
            r#"{{ query "up" | first | value }}"#,
            "{{ if eq $labels.a \"b\" }}",
            "{{ $labels }}",
            r#"{{ printf "%x" $value }}"#,
            r#"{{ printf "%s %s" $value }}"#,
        ] {
            let (template, unsupported) = Template::parse(&format!("a {text} b"));
            assert_eq!(unsupported, [text]);
            assert_eq!(template.expand(&Labels::empty(), 0.0), format!("a {text} b"));
        }
        assert_eq!(Template::parse("open {{ $value").0.expand(&Labels::empty(), 0.0), "open {{ $value");
    }

    #[test]
    fn numbers_read_as_go_writes_them() {
        let cases =
            [(0.0, "0"), (1e6, "1000000"), (0.00001, "1e-5"), (f64::NAN, "NaN"), (-f64::INFINITY, "-Inf")];
        for (value, expect) in cases {
            assert_eq!(number(value), expect);
        }
        assert_eq!(humanize(0.00123), "1.23m");
        assert_eq!(humanize_duration(90_061.0), "1d 1h 1m 1s");
    }
}
