//! How bad a log line is, in six steps; senders have many names for them.

use serde::{Deserialize, Serialize};

/// From harmless to bad. Names that nobody knows have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Names as senders write them, in upper case as the lake stores them; syslog's numbers, and those of bunyan
/// and pino, which count in tens.
const NAMES: [(Level, &[&str]); 6] = [
    (Level::Trace, &["TRACE", "TRACE2", "TRACE3", "TRACE4", "FINEST", "FINER", "VERBOSE", "T", "10"]),
    (Level::Debug, &["DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "DBG", "FINE", "D", "7", "20"]),
    (
        Level::Info,
        &[
            "INFO",
            "INFO2",
            "INFO3",
            "INFO4",
            "INFORMATION",
            "INFORMATIONAL",
            "NOTICE",
            "LOG",
            "CONFIG",
            "I",
            "6",
            "5",
            "30",
        ],
    ),
    (Level::Warn, &["WARN", "WARN2", "WARN3", "WARN4", "WARNING", "W", "4", "40"]),
    (Level::Error, &["ERROR", "ERROR2", "ERROR3", "ERROR4", "ERR", "SEVERE", "E", "3", "50"]),
    (
        Level::Fatal,
        &[
            "FATAL",
            "FATAL2",
            "FATAL3",
            "FATAL4",
            "CRITICAL",
            "CRIT",
            "ALERT",
            "EMERG",
            "EMERGENCY",
            "PANIC",
            "F",
            "2",
            "1",
            "0",
            "60",
        ],
    ),
];

impl Level {
    pub const ALL: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];

    /// Of a column `severity`.
    pub fn of(severity: &str) -> Option<Level> {
        NAMES.iter().find(|(_, names)| names.contains(&severity)).map(|(level, _)| *level)
    }

    /// As people and links write it, in any case.
    pub fn parse(text: &str) -> Option<Level> {
        Level::of(&text.to_uppercase())
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Fatal => "fatal",
        }
    }

    /// Every name of this level and the worse ones.
    pub fn names_from(self) -> impl Iterator<Item = &'static str> {
        let from_here = NAMES.into_iter().filter(move |(level, _)| *level >= self);
        from_here.flat_map(|(_, names)| names.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_dialects_have_their_step() {
        for (name, level) in
            [("WARNING", Level::Warn), ("ERR", Level::Error), ("CRIT", Level::Fatal), ("30", Level::Info)]
        {
            assert_eq!(Level::of(name), Some(level));
        }
        assert_eq!(Level::parse("Warning"), Some(Level::Warn));
        assert_eq!(Level::of("purple"), None);
        let worst: Vec<&str> = Level::Error.names_from().collect();
        assert!(worst.contains(&"ERR") && worst.contains(&"PANIC") && !worst.contains(&"WARN"));
        assert!(Level::ALL.iter().all(|level| Level::parse(level.as_str()) == Some(*level)));
    }
}
