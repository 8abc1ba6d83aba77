//! The text of an `http` step: request line, headers, empty line, body.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A request as the runbook writes it; `${name}` stands for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl HttpRequest {
    pub(super) fn parse(text: &str) -> Result<HttpRequest, String> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let request_line = lines.next().unwrap_or_default().trim();
        let (method, url) = request_line.split_once(' ').ok_or("the first line is METHOD URL")?;
        if !METHODS.contains(&method) {
            return Err(format!("{method:?} is not one of {}", METHODS.join(", ")));
        }
        let url = url.trim();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("{url:?} is not an http or https URL"));
        }
        let host = url.split("//").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
        if host.contains("${") {
            return Err("the host of the URL must not come from a parameter".to_owned());
        }
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is not a header"))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body: body.trim_end().to_owned(),
        })
    }

    /// Puts the parameters in, each written for the place where it stands: percent-encoded in the
    /// URL, escaped as in a JSON text in the body, without line breaks in a header.
    pub fn resolve(&self, params: &BTreeMap<String, String>) -> HttpRequest {
        HttpRequest {
            method: self.method.clone(),
            url: substitute(&self.url, params, percent_encode),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), substitute(value, params, without_line_breaks)))
                .collect(),
            body: substitute(&self.body, params, json_escape),
        }
    }

    /// The request as text, for people who are about to send it.
    pub fn preview(&self) -> String {
        let mut text = format!("{} {}", self.method, self.url);
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {value}"));
        }
        if !self.body.is_empty() {
            text.push_str("\n\n");
            text.push_str(&self.body);
        }
        text
    }
}

/// Replaces each `${name}` whose name is known; other text stays as it is.
fn substitute(text: &str, params: &BTreeMap<String, String>, encode: fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        let value = after.find('}').and_then(|end| Some((params.get(&after[..end])?, end)));
        match value {
            Some((value, end)) => {
                out.push_str(&encode(value));
                rest = &after[end + 1..];
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn percent_encode(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn json_escape(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn without_line_breaks(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_for_the_place_where_they_stand() {
        let request = HttpRequest::parse(
            "POST http://127.0.0.1:1/drain/${region}?why=${why}\nX-Why: ${why}\n\n{\"region\": \"${region}\", \"n\": ${n}}",
        )
        .unwrap();
        let params = BTreeMap::from([
            ("region".to_owned(), "a/../b\"".to_owned()),
            ("why".to_owned(), "x&y=\r\nEvil: 1".to_owned()),
        ]);
        let resolved = request.resolve(&params);
        assert_eq!(resolved.url, "http://127.0.0.1:1/drain/a%2F..%2Fb%22?why=x%26y%3D%0D%0AEvil%3A%201");
        assert_eq!(resolved.headers, [("X-Why".to_owned(), "x&y=Evil: 1".to_owned())]);
        assert_eq!(resolved.body, r#"{"region": "a/../b\"", "n": ${n}}"#);
    }

    #[test]
    fn a_parameter_never_chooses_the_host() {
        let refused = HttpRequest::parse("GET http://${host}/");
        assert_eq!(refused, Err("the host of the URL must not come from a parameter".to_owned()));
    }
}
