//! What a server is asked, by Prometheus' HTTP API.

#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Instant { query: String, at_secs: i64 },
    Range { query: String, start_secs: i64, end_secs: i64, step_secs: i64 },
    LabelValues { label: &'static str, matcher: String, start_secs: i64, end_secs: i64 },
    Series { matcher: String, start_secs: i64, end_secs: i64 },
}

impl Request {
    /// Below `/api/v1/`.
    pub fn path(&self) -> String {
        match self {
            Request::Instant { .. } => "query".to_owned(),
            Request::Range { .. } => "query_range".to_owned(),
            Request::LabelValues { label, .. } => format!("label/{label}/values"),
            Request::Series { .. } => "series".to_owned(),
        }
    }

    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Request::Instant { query, at_secs } => {
                vec![("query", query.clone()), ("time", at_secs.to_string())]
            }
            Request::Range { query, start_secs, end_secs, step_secs } => vec![
                ("query", query.clone()),
                ("start", start_secs.to_string()),
                ("end", end_secs.to_string()),
                ("step", step_secs.to_string()),
            ],
            Request::LabelValues { matcher, start_secs, end_secs, .. }
            | Request::Series { matcher, start_secs, end_secs } => vec![
                ("match[]", matcher.clone()),
                ("start", start_secs.to_string()),
                ("end", end_secs.to_string()),
            ],
        }
    }
}
