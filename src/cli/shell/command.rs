//! Backslash commands: what they are called, what they take, what they mean.

use crate::cli::output::Output;

/// What a backslash command asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Help,
    Quit,
    /// All tables and views, or the columns of one.
    Describe(Option<String>),
    Tables,
    /// Functions, by a part of their name.
    Functions(Option<String>),
    Timing(Option<bool>),
    Expanded(Option<bool>),
    /// Results to a file; `None` to the terminal again.
    OutputTo(Option<String>),
    Format(Output),
    Chart(Chart),
    Promql {
        range: Option<String>,
        expr: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// Of the last result.
    Last,
    /// Below each result that has times and numbers, or not any more.
    Always(bool),
}

pub const HELP: &str = r"A statement ends with a semicolon and may take several lines.
  \d [NAME]                    tables and views; the columns of one
  \dt                          tables
  \df [PART]                   functions, those with PART in their name
  \promql [RANGE] EXPR         evaluate PromQL now, or draw it over RANGE (1h, 2d)
  \chart                       draw the last result: a time column and numbers
  \chart on|off                draw each result that can be drawn
  \x [on|off]                  a line per column instead of per row
  \format table|csv|json       how results are printed
  \o [FILE]                    results to a file; to the terminal again
  \timing [on|off]             how long each statement took
  \q                           leave (Ctrl-D too)
Ctrl-C ends a running query or throws the line away. Tab completes. What does not fit goes through $PAGER.";

/// The command of a line that begins with a backslash, or what is wrong with it.
pub fn parse(line: &str) -> Result<Command, String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim().trim_end_matches(';').trim_end();
    let argument = (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match name {
        r"\?" | r"\h" | r"\help" => Command::Help,
        r"\q" | r"\quit" => Command::Quit,
        r"\d" => Command::Describe(argument),
        r"\dt" | r"\dv" | r"\dtv" => Command::Tables,
        r"\df" => Command::Functions(argument),
        r"\timing" => Command::Timing(switch(name, rest)?),
        r"\x" => Command::Expanded(switch(name, rest)?),
        r"\o" => Command::OutputTo(argument),
        r"\format" => Command::Format(match rest {
            "table" => Output::Table,
            "csv" => Output::Csv,
            "json" => Output::Json,
            _ => return Err(r"\format takes table, csv or json".to_owned()),
        }),
        r"\chart" => Command::Chart(match switch(name, rest)? {
            None => Chart::Last,
            Some(always) => Chart::Always(always),
        }),
        r"\promql" => promql(rest)?,
        _ => return Err(format!(r"there is no command {name}: \? shows those there are")),
    })
}

fn switch(name: &str, rest: &str) -> Result<Option<bool>, String> {
    match rest {
        "" => Ok(None),
        "on" => Ok(Some(true)),
        "off" => Ok(Some(false)),
        _ => Err(format!("{name} takes on, off or nothing")),
    }
}

/// `\promql 1h rate(x[5m])`: a duration in front of an expression is the range to draw.
fn promql(rest: &str) -> Result<Command, String> {
    if rest.is_empty() {
        return Err(
            r"\promql takes an expression, such as \promql 1h sum(rate(http_requests_total[5m]))".to_owned()
        );
    }
    if let Some((range, expr)) = rest.split_once(char::is_whitespace) {
        let is_range = range.starts_with(|letter: char| letter.is_ascii_digit())
            && telemetry::time::parse_duration(range).is_ok();
        if is_range {
            return Ok(Command::Promql { range: Some(range.to_owned()), expr: expr.trim().to_owned() });
        }
    }
    Ok(Command::Promql { range: None, expr: rest.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (line, expected) in [
            (r"\?", Command::Help),
            (r"\d", Command::Describe(None)),
            (r"\d metrics;", Command::Describe(Some("metrics".to_owned()))),
            (r"\df rate", Command::Functions(Some("rate".to_owned()))),
            (r"\timing", Command::Timing(None)),
            (r"\x on", Command::Expanded(Some(true))),
            (r"\o /tmp/a b.csv", Command::OutputTo(Some("/tmp/a b.csv".to_owned()))),
            (r"\format csv", Command::Format(Output::Csv)),
            (r"\chart", Command::Chart(Chart::Last)),
            (r"\chart off", Command::Chart(Chart::Always(false))),
            (r"\promql up", Command::Promql { range: None, expr: "up".to_owned() }),
            (r"\promql 2 * up", Command::Promql { range: None, expr: "2 * up".to_owned() }),
            (
                r"\promql 1h up + 1",
                Command::Promql { range: Some("1h".to_owned()), expr: "up + 1".to_owned() },
            ),
        ] {
            assert_eq!(parse(line), Ok(expected), "{line}");
        }
        for line in [r"\nosuch", r"\x maybe", r"\format xml", r"\promql"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_command_is_in_the_help() {
        for name in
            [r"\d ", r"\dt", r"\df", r"\promql", r"\chart", r"\x", r"\format", r"\o", r"\timing", r"\q"]
        {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
