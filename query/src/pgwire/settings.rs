//! The settings of one connection: what `SET`, `RESET`, `SHOW`, `set_config` and `current_setting`
//! read and write.
//!
//! Nothing here reaches another connection or the engine. One setting changes how queries run:
//! `statement_timeout`, which can only shorten what the role allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::compat::{SERVER_VERSION, SERVER_VERSION_NUM};

/// What may be done with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Kept as it is set; whether it has an effect is the client's business.
    Kept,
    /// Kept, and the client is told the new value, as PostgreSQL does.
    Reported,
    /// Takes this one value only.
    Fixed,
}

use Kind::{Fixed, Kept, Reported};

pub(super) const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// Name, value at the beginning, kind; by name.
const KNOWN: [(&str, &str, Kind); 35] = [
    ("application_name", "", Reported),
    ("backslash_quote", "safe_encoding", Kept),
    ("bytea_output", "hex", Kept),
    ("client_encoding", "UTF8", Fixed),
    ("client_min_messages", "notice", Kept),
    ("DateStyle", "ISO, MDY", Reported),
    ("default_transaction_isolation", "read committed", Kept),
    ("default_transaction_read_only", "on", Kept),
    ("extra_float_digits", "1", Kept),
    ("idle_in_transaction_session_timeout", "0", Kept),
    ("in_hot_standby", "off", Fixed),
    ("integer_datetimes", "on", Fixed),
    ("IntervalStyle", "postgres", Reported),
    ("is_superuser", "off", Fixed),
    ("jit", "off", Kept),
    ("lc_collate", "C", Fixed),
    ("lc_messages", "C", Kept),
    ("lc_monetary", "C", Kept),
    ("lc_numeric", "C", Kept),
    ("lc_time", "C", Kept),
    ("lock_timeout", "0", Kept),
    ("max_connections", "100", Fixed),
    ("max_identifier_length", "63", Fixed),
    ("max_index_keys", "32", Fixed),
    ("row_security", "on", Kept),
    ("search_path", "public", Kept),
    ("server_encoding", "UTF8", Fixed),
    ("server_version", SERVER_VERSION, Fixed),
    ("server_version_num", SERVER_VERSION_NUM, Fixed),
    ("standard_conforming_strings", "on", Fixed),
    (STATEMENT_TIMEOUT, "0", Kept),
    ("synchronous_commit", "on", Kept),
    ("TimeZone", "UTC", Reported),
    ("transaction_isolation", "read committed", Kept),
    ("transaction_read_only", "on", Fixed),
];

/// Why a setting was not read or set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SettingError {
    #[error("unrecognized configuration parameter \"{0}\"")]
    Unknown(String),
    #[error("parameter \"{name}\" cannot be changed here: it is {value:?}")]
    Fixed { name: &'static str, value: &'static str },
    #[error("invalid value for parameter \"{name}\": {value:?}")]
    Invalid { name: &'static str, value: String },
}

impl SettingError {
    pub(super) fn sqlstate(&self) -> &'static str {
        match self {
            SettingError::Unknown(_) => "42704",
            SettingError::Fixed { .. } => "55P02",
            SettingError::Invalid { .. } => "22023",
        }
    }
}

#[derive(Debug, Default)]
struct Values {
    session: BTreeMap<&'static str, String>,
    /// Set by `SET LOCAL`: until the transaction ends.
    transaction: BTreeMap<&'static str, String>,
    startup_taken: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings(Arc<Mutex<Values>>);

impl Settings {
    /// Whether both are of the same connection.
    pub(super) fn is(&self, other: &Settings) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes over, once, what the client gave when it connected: settings by name, and
    /// `options = '-c name=value'`. What is not known there is passed over.
    pub(super) fn take_startup<'a>(&self, parameters: impl Iterator<Item = (&'a String, &'a String)>) {
        if std::mem::replace(&mut self.0.lock().startup_taken, true) {
            return;
        }
        for (name, value) in parameters {
            if name == "options" {
                let words: Vec<&str> = value.split_whitespace().collect();
                let given = words.iter().enumerate().filter_map(|(at, word)| match *word {
                    "-c" => words.get(at + 1).copied(),
                    word => word.strip_prefix("--").or_else(|| word.strip_prefix("-c")),
                });
                for (name, value) in given.filter_map(|pair| pair.split_once('=')) {
                    let _ = self.set(name, Some(value.to_owned()), false);
                }
            } else {
                let _ = self.set(name, Some(value.clone()), false);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<String, SettingError> {
        let (name, first, _) = known(name)?;
        let values = self.0.lock();
        let set = values.transaction.get(name).or_else(|| values.session.get(name));
        Ok(set.cloned().unwrap_or_else(|| first.to_owned()))
    }

    /// Sets it, `None` to what it was at the beginning. Answers the name and value that the client has
    /// to be told.
    pub(super) fn set(
        &self,
        name: &str,
        value: Option<String>,
        is_local: bool,
    ) -> Result<Option<(&'static str, String)>, SettingError> {
        let (name, first, kind) = known(name)?;
        let value = value.unwrap_or_else(|| first.to_owned());
        check(name, first, kind, &value)?;
        let mut values = self.0.lock();
        let scope = if is_local { &mut values.transaction } else { &mut values.session };
        scope.insert(name, value.clone());
        Ok((kind == Reported).then_some((name, value)))
    }

    pub(super) fn reset_all(&self) {
        let mut values = self.0.lock();
        values.session.clear();
        values.transaction.clear();
    }

    pub(super) fn end_transaction(&self) {
        self.0.lock().transaction.clear();
    }

    /// Name and value of each, by name.
    pub(super) fn all(&self) -> Vec<(&'static str, String)> {
        KNOWN.iter().filter_map(|(name, ..)| Some((*name, self.get(name).ok()?))).collect()
    }

    /// What the client wants, if it wants any.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        let text = self.get(STATEMENT_TIMEOUT).ok()?;
        milliseconds(&text).filter(|timeout| !timeout.is_zero())
    }
}

fn known(name: &str) -> Result<(&'static str, &'static str, Kind), SettingError> {
    let found = KNOWN.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| SettingError::Unknown(name.to_owned()))
}

fn check(name: &'static str, first: &'static str, kind: Kind, value: &str) -> Result<(), SettingError> {
    // `UTF-8` and `utf8` are the same encoding.
    let same = |text: &str| text.replace('-', "").eq_ignore_ascii_case(first);
    if kind == Fixed && !same(value) {
        return Err(SettingError::Fixed { name, value: first });
    }
    if name == STATEMENT_TIMEOUT && milliseconds(value).is_none() {
        return Err(SettingError::Invalid { name, value: value.to_owned() });
    }
    Ok(())
}

/// `1500`, `1500ms`, `1.5s`, `2min`, `1h`, `1d`: milliseconds without a unit, as PostgreSQL reads them.
fn milliseconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let factor = match text[unit_at..].trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let number: f64 = text[..unit_at].trim().parse().ok()?;
    Duration::try_from_secs_f64(number * factor / 1_000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn settings_are_kept_reset_and_local_to_a_transaction() {
        let settings = Settings::default();
        assert_eq!(settings.get("timezone"), Ok("UTC".to_owned()));
        let told = settings.set("timezone", text("Europe/Berlin"), false).unwrap();
        assert_eq!(told, Some(("TimeZone", "Europe/Berlin".to_owned())));
        settings.set("search_path", text("lake"), true).unwrap();
        assert_eq!(settings.get("search_path"), Ok("lake".to_owned()));
        settings.end_transaction();
        assert_eq!(settings.get("search_path"), Ok("public".to_owned()));
        settings.reset_all();
        assert_eq!(settings.get("TimeZone"), Ok("UTC".to_owned()));
        assert_eq!(settings.all().len(), KNOWN.len());
    }

    #[test]
    fn what_is_not_ours_to_set_is_refused() {
        let settings = Settings::default();
        let refused =
            |name: &str, value: &str| settings.set(name, text(value), false).unwrap_err().sqlstate();
        assert_eq!(refused("nosuch", "1"), "42704");
        assert_eq!(refused("client_encoding", "LATIN1"), "55P02");
        assert_eq!(refused("transaction_read_only", "off"), "55P02");
        assert_eq!(refused("statement_timeout", "soon"), "22023");
        assert!(settings.set("client_encoding", text("utf-8"), false).is_ok());
    }

    #[test]
    fn a_statement_timeout_is_read_as_postgresql_reads_it() {
        for (given, expected) in [
            ("0", None),
            ("1500", Some(1_500)),
            ("250ms", Some(250)),
            ("1.5s", Some(1_500)),
            ("2min", Some(120_000)),
        ] {
            let settings = Settings::default();
            settings.set(STATEMENT_TIMEOUT, text(given), false).unwrap();
            assert_eq!(settings.statement_timeout(), expected.map(Duration::from_millis), "{given}");
        }
    }

    #[test]
    fn a_client_may_bring_settings_when_it_connects() {
        let settings = Settings::default();
        let given = |value: &str| {
            BTreeMap::from([
                ("options".to_owned(), value.to_owned()),
                ("application_name".to_owned(), "psql".to_owned()),
            ])
        };
        settings.take_startup(given("-c statement_timeout=5s --search_path=lake -c nosuch=1").iter());
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(5)));
        assert_eq!(settings.get("search_path"), Ok("lake".to_owned()));
        assert_eq!(settings.get("application_name"), Ok("psql".to_owned()));
        settings.take_startup(given("-c statement_timeout=9s").iter());
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(5)), "only once");
    }
}
