//! One query, both engines.

use serde_json::{Value, json};

use crate::answer::Answer;

pub struct Row {
    pub name: &'static str,
    pub ours: Result<Answer, String>,
    pub theirs: Result<Answer, String>,
}

impl Row {
    /// Our median to DuckDB's.
    pub fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = (self.ours.as_ref().ok()?, self.theirs.as_ref().ok()?);
        Some(ours.median_ms() / theirs.median_ms())
    }

    /// Why the times are worth nothing.
    pub fn problem(&self) -> Option<String> {
        match (&self.ours, &self.theirs) {
            (Ok(ours), Ok(theirs)) => ours.difference(theirs).map(|found| format!("DIFFERS: {found}")),
            (Err(error), _) => Some(format!("evenkeel: {error}")),
            (_, Err(error)) => Some(format!("duckdb: {error}")),
        }
    }

    pub fn print(&self) {
        let cell = |answer: &Result<Answer, String>| match answer {
            Ok(answer) => format!("{:.1} / {:.1}", answer.median_ms(), answer.p95_ms()),
            Err(_) => "error".to_owned(),
        };
        let ratio = self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!("{:<34}{:>20}{:>20}{ratio:>8}", self.name, cell(&self.ours), cell(&self.theirs));
        if let Some(problem) = self.problem() {
            println!("    {problem}");
        }
    }

    pub fn json(&self) -> Value {
        let figures = |answer: &Result<Answer, String>| match answer {
            Ok(answer) => json!({"median_ms": answer.median_ms(), "p95_ms": answer.p95_ms()}),
            Err(error) => json!({"error": error}),
        };
        json!({
            "evenkeel": figures(&self.ours), "duckdb": figures(&self.theirs), "ratio": self.ratio(),
            "problem": self.problem(),
        })
    }
}
