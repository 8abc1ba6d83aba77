//! The small notations inside of a script: durations, numbers, metrics, sequences of samples.

use telemetry::Labels;

/// One written sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    Value(f64),
    /// `_`: no sample.
    Gap,
    /// `stale`
    Stale,
    /// `{{...}}`, contents not read.
    Histogram,
}

/// Milliseconds; `0`, `5m`, `1h30m`, with a sign or without.
pub fn duration_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let span = telemetry::time::parse_duration(digits).map_err(|error| error.to_string())?;
    Ok(sign * span.as_millis() as i64)
}

pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match body.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()? as f64,
        None if body.starts_with(|c: char| c.is_ascii_digit() || c == '.') => body.parse().ok()?,
        None if body.eq_ignore_ascii_case("inf") => f64::INFINITY,
        None if body.eq_ignore_ascii_case("nan") => f64::NAN,
        None => return None,
    };
    Some(if negative { -value } else { value })
}

/// Reads a quoted string at the start of `text`; answers it and what follows.
pub fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().ok_or("a string is missing")?;
    if quote == '`' {
        let end = text[1..].find('`').ok_or("string without end")? + 1;
        return Ok((text[1..end].to_owned(), &text[end + 1..]));
    }
    let mut out = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next().ok_or("string without end")?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'x' => {
                    let hex: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    out.push(u8::from_str_radix(&hex, 16).map_err(|error| error.to_string())? as char);
                }
                other => out.push(other),
            },
            c if c == quote => return Ok((out, &text[at + 2..])),
            c => out.push(c),
        }
    }
    Err("string without end".to_owned())
}

fn name_len(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len())
}

/// Reads `name{label="value", ...}` at the start of `text`; answers the labels and what follows.
pub fn metric(text: &str) -> Result<(Labels, &str), String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let len = name_len(text);
    let (name, mut rest) = text.split_at(len);
    if !name.is_empty() {
        pairs.push((telemetry::METRIC_NAME.to_owned(), name.to_owned()));
    }
    let after_space = rest.trim_start();
    if !after_space.starts_with('{') || after_space.starts_with("{{") {
        return if name.is_empty() { Err(format!("no metric in {text:?}")) } else { labels(pairs, rest) };
    }
    rest = &after_space[1..];
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return labels(pairs, after);
        }
        let label = if rest.starts_with(['"', '\'', '`']) {
            let (label, after) = quoted(rest)?;
            rest = after.trim_start();
            label
        } else {
            let (label, after) = rest.split_at(name_len(rest));
            rest = after.trim_start();
            label.to_owned()
        };
        match rest.strip_prefix('=') {
            Some(after) => {
                let (value, after) = quoted(after.trim_start())?;
                pairs.push((label, value));
                rest = after;
            }
            None if !label.is_empty() => pairs.push((telemetry::METRIC_NAME.to_owned(), label)),
            None => return Err(format!("bad labels in {text:?}")),
        }
    }
}

fn labels(pairs: Vec<(String, String)>, rest: &str) -> Result<(Labels, &str), String> {
    Ok((Labels::new(pairs).map_err(|error| error.to_string())?, rest))
}

/// Expands `1 2 _x3 stale 0+10x5 7x2 {{...}}`.
pub fn points(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if rest.starts_with("{{") {
            let mut end = rest.find("}}").ok_or("histogram without end")? + 2;
            if rest[end..].starts_with("+{{") || rest[end..].starts_with("-{{") {
                end += rest[end..].find("}}").ok_or("histogram without end")? + 2;
            }
            let (_, after) = rest.split_at(end);
            let token_end = after.find([' ', '\t']).unwrap_or(after.len());
            let count = match after[..token_end].strip_prefix('x') {
                Some(count) => count.parse::<usize>().map_err(|error| error.to_string())? + 1,
                None => 1,
            };
            points.extend(std::iter::repeat_n(Point::Histogram, count));
            rest = after[token_end..].trim_start();
            continue;
        }
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        sequence(&rest[..end], &mut points)?;
        rest = rest[end..].trim_start();
    }
    Ok(points)
}

fn sequence(token: &str, points: &mut Vec<Point>) -> Result<(), String> {
    let bad = || format!("bad sample {token:?}");
    let (body, times) = match token.rsplit_once('x') {
        Some((body, count)) => (body, Some(count.parse::<usize>().map_err(|_| bad())?)),
        None => (token, None),
    };
    match body {
        "_" => points.extend(std::iter::repeat_n(Point::Gap, times.unwrap_or(1))),
        "stale" => points.extend(std::iter::repeat_n(Point::Stale, times.map_or(1, |count| count + 1))),
        _ => {
            let (first, step) = first_and_step(body).ok_or_else(bad)?;
            let mut value = first;
            for _ in 0..times.map_or(1, |count| count + 1) {
                points.push(Point::Value(value));
                value += step;
            }
        }
    }
    Ok(())
}

/// `5`, `-5`, `5+1`, `1e+3-2`: the sign that splits is neither first nor an exponent's.
fn first_and_step(body: &str) -> Option<(f64, f64)> {
    let bytes = body.as_bytes();
    let split = (1..bytes.len())
        .find(|&at| matches!(bytes[at], b'+' | b'-') && !bytes[at - 1].eq_ignore_ascii_case(&b'e'));
    match split {
        None => Some((number(body)?, 0.0)),
        Some(at) => Some((number(&body[..at])?, number(&body[at..])?)),
    }
}
