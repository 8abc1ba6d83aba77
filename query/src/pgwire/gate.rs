//! Which statements a connection may send at all.
//!
//! Queries and what explains them go on to the guard. Statements that drivers send by habit
//! (`SET application_name`, `DISCARD ALL`, savepoints) are answered without doing anything or keep
//! their effect in the connection. Everything else is refused: this says what a statement is, the guard
//! then looks at its plan.

use datafusion::sql::sqlparser::ast::{ContextModifier, Expr, Reset, Set, Statement, Value};

/// What to do with a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Plan it, guard it, run it.
    Run,
    /// A cursor over a query.
    Declare,
    /// Rows of a query as they are.
    CopyOut,
    /// One of the library's hooks answers it, within the connection: cursors, transactions.
    Pass,
    Setting(SettingVerb),
    /// Answer with this tag and do nothing.
    Ignore(&'static str),
    Refuse(String),
}

/// What a statement does with the settings of the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SettingVerb {
    /// `None` is the value at the beginning.
    Set {
        name: String,
        value: Option<String>,
        is_local: bool,
    },
    Show(String),
    ShowAll,
    ResetAll,
    Discard,
}

pub(super) fn verdict(statement: &Statement) -> Verdict {
    match statement {
        Statement::Query(_)
        | Statement::Explain { .. }
        | Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. } => Verdict::Run,
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Fetch { .. }
        | Statement::Close { .. } => Verdict::Pass,
        Statement::Declare { .. } => Verdict::Declare,
        Statement::Copy { to: true, .. } => Verdict::CopyOut,
        Statement::Savepoint { .. } => Verdict::Ignore("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Verdict::Ignore("RELEASE"),
        Statement::Deallocate { .. } => Verdict::Ignore("DEALLOCATE"),
        Statement::UNLISTEN { .. } => Verdict::Ignore("UNLISTEN"),
        Statement::Discard { .. } => Verdict::Setting(SettingVerb::Discard),
        Statement::Set(set) => set_verdict(set),
        Statement::Reset(reset) => Verdict::Setting(match &reset.reset {
            Reset::ALL => SettingVerb::ResetAll,
            Reset::ConfigurationParameter(name) => {
                SettingVerb::Set { name: name.to_string(), value: None, is_local: false }
            }
        }),
        Statement::ShowVariable { variable } => {
            let words: Vec<&str> = variable.iter().map(|word| word.value.as_str()).collect();
            Verdict::Setting(match words.join(" ").to_lowercase().as_str() {
                "all" => SettingVerb::ShowAll,
                "time zone" => SettingVerb::Show("TimeZone".to_owned()),
                "transaction isolation level" => SettingVerb::Show("transaction_isolation".to_owned()),
                "session authorization" => SettingVerb::Show("session_authorization".to_owned()),
                _ => SettingVerb::Show(words.join(".")),
            })
        }
        other => {
            let text = other.to_string();
            // The statement's own words, without names and expressions.
            let is_keyword = |word: &&str| word.chars().all(|letter| letter.is_ascii_uppercase());
            let words: Vec<&str> = text.split_whitespace().take_while(is_keyword).take(2).collect();
            Verdict::Refuse(words.join(" "))
        }
    }
}

fn set_verdict(set: &Set) -> Verdict {
    match set {
        // They would change the engine, not the connection.
        Set::SingleAssignment { variable, .. } if variable.to_string().contains('.') => {
            Verdict::Refuse(format!("SET {variable}"))
        }
        Set::SingleAssignment { scope, variable, values, .. } => Verdict::Setting(SettingVerb::Set {
            name: variable.to_string(),
            value: setting_value(values),
            is_local: matches!(scope, Some(ContextModifier::Local)),
        }),
        Set::SetTimeZone { local, value } => Verdict::Setting(SettingVerb::Set {
            name: "TimeZone".to_owned(),
            value: setting_value(std::slice::from_ref(value)),
            is_local: *local,
        }),
        Set::SetNames { charset_name, .. } => Verdict::Setting(SettingVerb::Set {
            name: "client_encoding".to_owned(),
            value: Some(charset_name.value.clone()),
            is_local: false,
        }),
        Set::SetTransaction { .. } | Set::SetNamesDefault {} => Verdict::Ignore("SET"),
        Set::SetSessionParam(_)
        | Set::SetRole { .. }
        | Set::SetSessionAuthorization(_)
        | Set::ParenthesizedAssignments { .. }
        | Set::MultipleAssignments { .. } => Verdict::Refuse("this SET".to_owned()),
    }
}

/// `'a'`, `a`, `1` and lists of them; `None` for `DEFAULT`.
fn setting_value(values: &[Expr]) -> Option<String> {
    let texts: Vec<String> = values
        .iter()
        .map(|value| match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => text.clone(),
                other => other.to_string(),
            },
            Expr::Identifier(name) => name.value.clone(),
            other => other.to_string(),
        })
        .collect();
    match texts.as_slice() {
        [word] if word.eq_ignore_ascii_case("default") || word.eq_ignore_ascii_case("local") => None,
        texts => Some(texts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        let found = match verdict(&statements[0]) {
            Verdict::Run => "run".to_owned(),
            Verdict::Pass => "pass".to_owned(),
            Verdict::Declare => "declare".to_owned(),
            Verdict::CopyOut => "copy".to_owned(),
            Verdict::Ignore(tag) => format!("ignore {tag}"),
            Verdict::Setting(SettingVerb::Set { name, value, is_local }) => {
                let local = if is_local { "local " } else { "" };
                format!("set {local}{name} {}", value.as_deref().unwrap_or("as at first"))
            }
            Verdict::Setting(verb) => format!("{verb:?}"),
            Verdict::Refuse(what) => format!("refuse {what}"),
        };
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn only_reading_statements_pass() {
        check("SELECT 1", "run");
        check("EXPLAIN SELECT 1", "run");
        check("BEGIN", "pass");
        check("SET datafusion.execution.batch_size = 1", "refuse SET datafusion.execution.batch_size");
        check("SET ROLE admin", "refuse this SET");
        check("SET SESSION AUTHORIZATION admin", "refuse this SET");
        check("INSERT INTO events VALUES (1)", "refuse INSERT INTO");
        check("COPY events TO STDOUT", "copy");
        check("COPY events FROM STDIN", "refuse COPY");
        check("CREATE TABLE a (b int)", "refuse CREATE TABLE");
        check("PREPARE p AS INSERT INTO a VALUES (1)", "refuse PREPARE");
        check("EXECUTE p", "refuse EXECUTE");
        check("SELECT 1 INTO t", "run");
    }

    #[test]
    fn settings_stay_in_the_connection() {
        check("SET application_name = 'psql'", "set application_name psql");
        check("SET LOCAL statement_timeout TO 100", "set local statement_timeout 100");
        check("SET timezone = 'UTC'", "set TIMEZONE UTC");
        check("SET TIME ZONE 'Europe/Berlin'", "set TimeZone Europe/Berlin");
        check("SET search_path TO public, lake", "set search_path public, lake");
        check("SET statement_timeout TO DEFAULT", "set statement_timeout as at first");
        check("RESET statement_timeout", "set statement_timeout as at first");
        check("RESET ALL", "ResetAll");
        check("DISCARD ALL", "Discard");
        check("SHOW ALL", "ShowAll");
        check("SHOW TIME ZONE", "Show(\"TimeZone\")");
        check("SHOW server_version", "Show(\"server_version\")");
    }
}
