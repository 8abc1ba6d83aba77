//! The pages that Rust renders: login, acknowledge, and short messages. No script, both themes by
//! `prefers-color-scheme`, usable at 320 px, each far below 15 KB, so that they open on a phone on a
//! bad network at night. Templates escape everything by default.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::error::WebError;
use crate::security::Nonce;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let files = [
        ("layout.html", include_str!("../templates/layout.html")),
        ("message.html", include_str!("../templates/message.html")),
        ("login.html", include_str!("../templates/login.html")),
        ("page_link.html", include_str!("../templates/page_link.html")),
    ];
    for (name, source) in files {
        environment.add_template(name, source).expect("a test renders every template");
    }
    environment
});

/// Renders `template` with the fields of `page`, the nonce, and the path under which we are served. The
/// `.html` in a template's name is what switches escaping on.
pub(crate) fn render(
    template: &str,
    nonce: &Nonce,
    base: &str,
    page: Value,
) -> Result<Html<String>, WebError> {
    let template = TEMPLATES.get_template(template).map_err(WebError::internal)?;
    let text = template.render(context! { nonce => nonce.as_str(), base, ..page });
    Ok(Html(text.map_err(WebError::internal)?))
}

/// A heading, a sentence and perhaps a way on.
pub(crate) struct Message<'a> {
    pub title: &'a str,
    pub text: &'a str,
    /// A command to type.
    pub command: Option<&'a str>,
    pub link: Option<Link<'a>>,
}

pub(crate) struct Link<'a> {
    pub href: &'a str,
    pub label: &'a str,
}

pub(crate) fn message(status: StatusCode, nonce: &Nonce, base: &str, message: &Message) -> Response {
    let link = message.link.as_ref().map(|link| context! { href => link.href, label => link.label });
    let page = context! { title => message.title, text => message.text, command => message.command, link };
    match render("message.html", nonce, base, page) {
        Ok(html) => (status, html).into_response(),
        Err(error) => error.into_response(),
    }
}

/// What `/` shows in a binary that was built without the dashboard. The API works all the same.
pub(crate) fn ui_not_built(nonce: &Nonce, base: &str) -> Response {
    let text = "UI not built: this binary was compiled without the dashboard. The API works. \
                To embed it, run this and compile again:";
    let command = "npm --prefix web/ui ci && npm --prefix web/ui run build";
    let page = Message { title: "UI not built", text, command: Some(command), link: None };
    message(StatusCode::OK, nonce, base, &page)
}

/// Loads the same address again, this time as a request of our own page (see `auth::guard`).
pub(crate) fn reload(nonce: &Nonce, base: &str) -> Response {
    let page =
        context! { title => "Opening", text => "One moment.", refresh_secs => 0, command => (), link => () };
    match render("message.html", nonce, base, page) {
        Ok(html) => html.into_response(),
        Err(error) => error.into_response(),
    }
}

/// For the few places that build HTML without a template.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles_and_messages_are_escaped() {
        let nonce = Nonce::random().unwrap();
        let page = context! { title => "<b>", text => "a & b", command => (), link => () };
        let Html(text) = render("message.html", &nonce, "/ops/", page).unwrap();
        assert!(text.contains("&lt;b&gt;") && text.contains("a &amp; b") && !text.contains("<b>"), "{text}");
        assert!(text.replace("&#x2f;", "/").contains("href=\"/ops/favicon.svg\""), "{text}");
        assert!(text.len() < 15 * 1024);
    }
}
