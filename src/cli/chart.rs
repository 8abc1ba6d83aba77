//! Time series as a chart in the terminal: lines of braille dots, an axis of values, an axis of times.
//!
//! Pure: series in, text out. What has no number (NaN, infinity) is a gap.

use std::fmt::Write;

use jiff::tz::TimeZone;

/// Dots of one character.
const DOTS_WIDE: usize = 2;
const DOTS_HIGH: usize = 4;
/// Series with a colour of their own; more would not be told apart.
const SERIES_MAX: usize = 8;
/// Values on the axis, about.
const TICK_EVERY_ROWS: usize = 4;
/// Behind the axis of times.
const ZONE: &str = " UTC";
const BRAILLE: u32 = 0x2800;
/// The bit of each dot, by column and row, as Unicode numbers them.
const BITS: [[u32; DOTS_HIGH]; DOTS_WIDE] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// ANSI colours, legible on light and dark.
const COLOURS: [u8; SERIES_MAX] = [34, 31, 32, 35, 36, 33, 94, 91];

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    /// Seconds since 1970 and values, in any order.
    pub points: Vec<(f64, f64)>,
}

/// How large a chart is, in characters, axes and legend not counted in the height.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
    pub colours: bool,
}

/// `None` when there is nothing to draw: fewer than two times, or no numbers.
pub fn draw(series: &[Series], size: Size) -> Option<String> {
    let drawn = &series[..series.len().min(SERIES_MAX)];
    let points = || drawn.iter().flat_map(|one| &one.points).filter(|(_, value)| value.is_finite());
    let (from, to) = extent(points().map(|point| point.0))?;
    let (low, high) = extent(points().map(|point| point.1))?;
    if from >= to {
        return None;
    }
    let (low, high) = if low == high { (low - 1.0, high + 1.0) } else { (low, high) };
    let labels: Vec<String> = (0..size.rows).map(|row| value_label(row, size.rows, low, high)).collect();
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let columns = size.columns.saturating_sub(margin + 2 + ZONE.len()).max(10);

    let mut canvas = Canvas::new(columns, size.rows);
    let scale = Scale { from, to, low, high, wide: columns * DOTS_WIDE, high_dots: size.rows * DOTS_HIGH };
    for (number, one) in drawn.iter().enumerate() {
        line(&mut canvas, number, one, &scale);
    }
    let mut text = String::new();
    for (row, label) in labels.iter().enumerate() {
        let tick = if label.is_empty() { '│' } else { '┤' };
        let _ = writeln!(text, "{label:>margin$} {tick}{}", canvas.row(row, size.colours));
    }
    let _ = writeln!(text, "{:margin$} └{}", "", "─".repeat(columns));
    let _ = writeln!(text, "{:margin$}  {}", "", time_axis(from, to, columns));
    for (number, one) in drawn.iter().enumerate() {
        let _ = writeln!(text, "{:margin$}  {} {}", "", coloured("──", number, size.colours), one.name);
    }
    if series.len() > drawn.len() {
        let _ = writeln!(text, "{:margin$}  and {} more, not drawn", "", series.len() - drawn.len());
    }
    Some(text)
}

/// From values to dots.
struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
    wide: usize,
    high_dots: usize,
}

impl Scale {
    fn dot(&self, (at, value): (f64, f64)) -> (i64, i64) {
        let across = (at - self.from) / (self.to - self.from) * (self.wide - 1) as f64;
        let down = (self.high - value) / (self.high - self.low) * (self.high_dots - 1) as f64;
        (across.round() as i64, down.round() as i64)
    }
}

/// Joins points; over a gap of more than four usual distances it does not.
fn line(canvas: &mut Canvas, number: usize, series: &Series, scale: &Scale) {
    let mut points = series.points.clone();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut distances: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    distances.sort_by(f64::total_cmp);
    let gap = distances.get(distances.len() / 2).map_or(f64::INFINITY, |usual| usual * 4.0);
    let mut before: Option<(f64, f64)> = None;
    for point in points {
        if !point.1.is_finite() {
            before = None;
            continue;
        }
        let to = scale.dot(point);
        let from = before.filter(|before| point.0 - before.0 <= gap).map_or(to, |before| scale.dot(before));
        canvas.segment(from, to, number);
        before = Some(point);
    }
}

struct Canvas {
    columns: usize,
    /// Dots of each character, and the series that drew there last.
    cells: Vec<(u32, usize)>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Canvas {
        Canvas { columns, cells: vec![(0, 0); columns * rows] }
    }

    /// Bresenham's line.
    fn segment(&mut self, (mut x, mut y): (i64, i64), (x_end, y_end): (i64, i64), series: usize) {
        let (dx, dy) = ((x_end - x).abs(), -(y_end - y).abs());
        let (step_x, step_y) = ((x_end - x).signum(), (y_end - y).signum());
        let mut error = dx + dy;
        loop {
            self.set(x as usize, y as usize, series);
            if (x, y) == (x_end, y_end) {
                return;
            }
            let twice = 2 * error;
            if twice >= dy {
                error += dy;
                x += step_x;
            }
            if twice <= dx {
                error += dx;
                y += step_y;
            }
        }
    }

    fn set(&mut self, x: usize, y: usize, series: usize) {
        let at = y / DOTS_HIGH * self.columns + x / DOTS_WIDE;
        if let Some((dots, owner)) = self.cells.get_mut(at) {
            *dots |= BITS[x % DOTS_WIDE][y % DOTS_HIGH];
            *owner = series;
        }
    }

    fn row(&self, row: usize, colours: bool) -> String {
        let cells = &self.cells[row * self.columns..(row + 1) * self.columns];
        let mut text = String::new();
        for (dots, series) in cells {
            let letter = char::from_u32(BRAILLE + dots).unwrap_or(' ');
            if *dots == 0 {
                text.push(' ');
            } else {
                text.push_str(&coloured(&letter.to_string(), *series, colours));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn coloured(text: &str, series: usize, colours: bool) -> String {
    if colours { format!("\u{1b}[{}m{text}\u{1b}[0m", COLOURS[series % SERIES_MAX]) } else { text.to_owned() }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |so_far, value| match so_far {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// The value at the middle of a row; only every few rows, and the last one, have one.
fn value_label(row: usize, rows: usize, low: f64, high: f64) -> String {
    let is_last = row + 1 == rows;
    let near_last = row + TICK_EVERY_ROWS / 2 >= rows;
    if !is_last && (!row.is_multiple_of(TICK_EVERY_ROWS) || near_last) {
        return String::new();
    }
    let part = row as f64 / (rows.max(2) - 1) as f64;
    short_number(high - (high - low) * part, high - low)
}

/// A number with as many digits as tell the steps of an axis of this span apart.
fn short_number(value: f64, span: f64) -> String {
    for (from, factor, unit) in [(1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")] {
        if value.abs() >= from {
            return format!("{}{unit}", trimmed(value / factor, span / factor));
        }
    }
    trimmed(value, span)
}

fn trimmed(value: f64, span: f64) -> String {
    let digits = (2.0 - span.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Times in UTC, at the left end, the right end and, where there is room, between.
fn time_axis(from: f64, to: f64, columns: usize) -> String {
    let format = match to - from {
        span if span <= 600.0 => "%H:%M:%S",
        span if span <= 86_400.0 => "%H:%M",
        span if span <= 10.0 * 86_400.0 => "%b %d %H:%M",
        _ => "%Y-%m-%d",
    };
    let label = |at: f64| {
        let time = jiff::Timestamp::from_microsecond((at * 1e6) as i64).ok();
        time.map(|time| time.to_zoned(TimeZone::UTC).strftime(format).to_string()).unwrap_or_default()
    };
    let width = label(from).chars().count();
    let count = (columns / (width * 2)).clamp(2, 7);
    let mut axis = String::new();
    for number in 0..count {
        let part = number as f64 / (count - 1) as f64;
        let text = label(from + (to - from) * part);
        let start = (part * columns.saturating_sub(width) as f64) as usize;
        let padding = start.saturating_sub(axis.chars().count());
        axis.push_str(&" ".repeat(padding));
        axis.push_str(&text);
    }
    axis + ZONE
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(series: &[Series], expected: Expect) {
        let drawn = draw(series, Size { columns: 50, rows: 6, colours: false });
        expected.assert_eq(&drawn.unwrap_or_else(|| "nothing".to_owned()));
    }

    fn series(name: &str, values: impl IntoIterator<Item = f64>) -> Series {
        let points = values.into_iter().enumerate().map(|(at, value)| (at as f64 * 60.0, value)).collect();
        Series { name: name.to_owned(), points }
    }

    #[test]
    fn a_line_has_axes_and_a_name() {
        check(
            &[series("load", (0..60).map(f64::from))],
            expect![[r#"
            59 ┤                                   ⢀⣀⠤⠤⠒⠊⠉
               │                            ⣀⣀⠤⠔⠒⠊⠉⠁
               │                     ⣀⣀⠤⠔⠒⠊⠉
               │              ⣀⡠⠤⠔⠒⠉⠉
               │      ⣀⣀⠤⠤⠔⠒⠉⠉
             0 ┤⣀⠤⠔⠒⠊⠉
               └──────────────────────────────────────────
                00:00       00:19       00:39        00:59 UTC
                ── load
        "#]],
        );
    }

    #[test]
    fn a_gap_is_a_gap() {
        check(
            &[series("up", [1.0, 1.0, f64::NAN, 2.0, 2.0])],
            expect![[r#"
            2 ┤                                ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
              │
              │
              │
              │
            1 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
              └───────────────────────────────────────────
               00:00:00                           00:04:00 UTC
               ── up
        "#]],
        );
    }

    #[test]
    fn one_point_is_no_line() {
        check(&[series("up", [1.0])], expect![["nothing"]]);
        check(&[series("up", [f64::NAN, f64::INFINITY])], expect![["nothing"]]);
        check(&[], expect![["nothing"]]);
    }

    #[test]
    fn axes_are_short() {
        for (value, span, expected) in [
            (0.0, 1.0, "0"),
            (0.25, 1.0, "0.25"),
            (1_500.0, 1_000.0, "1500"),
            (25_000.0, 10_000.0, "25k"),
            (3_200_000.0, 4_000_000.0, "3.2M"),
            (0.000_25, 0.001, "0.00025"),
        ] {
            assert_eq!(short_number(value, span), expected);
        }
    }
}
