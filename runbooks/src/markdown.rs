//! Markdown to HTML, safe to put into a page: the one renderer of previews, runbooks and exports.
//!
//! Raw HTML in the source is shown as text, and links other than http, https, mailto and relative
//! ones lose their target: Markdown comes from people, alert labels and log lines.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// What our Markdown knows beside CommonMark.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH
}

pub fn to_html(markdown: &str) -> String {
    let safe = Parser::new_ext(markdown, options()).map(|event| match event {
        // Comments cite events; they are for those who read the source.
        Event::Html(raw) | Event::InlineHtml(raw) if is_comment(&raw) => Event::Text(CowStr::Borrowed("")),
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe_target(dest_url), title, id })
        }
        // Images would let a document call home from the reader's browser.
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe_target(dest_url), title, id })
        }
        Event::End(pulldown_cmark::TagEnd::Image) => Event::End(pulldown_cmark::TagEnd::Link),
        other => other,
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, safe);
    out
}

fn is_comment(raw: &str) -> bool {
    raw.trim().strip_prefix("<!--").is_some_and(|rest| rest.trim_end().ends_with("-->"))
}

fn safe_target(url: CowStr<'_>) -> CowStr<'_> {
    let scheme_end = url.find([':', '/', '?', '#']);
    let has_scheme = scheme_end.is_some_and(|at| url.as_bytes()[at] == b':');
    let allowed =
        ["http:", "https:", "mailto:"].iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme));
    if has_scheme && !allowed { CowStr::Borrowed("#") } else { url }
}

/// Puts a backslash before everything that Markdown could take for markup, so that text from
/// labels and people reads as it was written.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_html_and_scripted_links_are_defused() {
        let html = to_html(
            "<script>alert(1)</script>\n\na <b>c</b> [x](javascript:alert(1)) [y](https://a.example/) ![z](data:x)",
        );
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("javascript:"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains(r#"href="https://a.example/""#), "{html}");
    }

    #[test]
    fn comments_are_not_shown() {
        assert_eq!(to_html("a <!-- b --> c").trim(), "<p>a  c</p>");
        assert!(to_html("<!-- a --> <script>").contains("&lt;script&gt;"));
    }

    #[test]
    fn escaped_text_renders_as_it_was_written() {
        let text = "a_b *c* <b> `d` [e](f) | g";
        let html = to_html(&escape(text));
        assert_eq!(html.trim(), "<p>a_b *c* &lt;b&gt; `d` [e](f) | g</p>");
    }
}
