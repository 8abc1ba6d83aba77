//! Names constructs of newer Prometheus versions that the parser library stumbles over, instead of its
//! surprise at a character.

use std::sync::LazyLock;

use regex::Regex;

/// What is told of a text that could not be read and looks like this, strings and comments left out.
static CONSTRUCTS: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
    let regex = |pattern| Regex::new(pattern).expect("the pattern is constant");
    [
        (
            regex(r"(?i)[\w\]})]\s+(?:anchored|smoothed)\b"),
            "the modifiers `anchored` and `smoothed` are not supported",
        ),
        (regex(r"</|>/"), "the operators `</` and `>/` trim native histograms, which are not supported"),
        (
            regex(r"(?i)\[[^\]]*[-+*/%^(][^\]]*\]|\boffset\s+[-+]?\s*(?:\(|(?:step|range|min|max)\b)"),
            "a duration that has to be computed is not supported: write its value, as in `[10m]`",
        ),
    ]
});

pub(super) fn construct(text: &str) -> Option<&'static str> {
    let bare = bare(text);
    CONSTRUCTS.iter().find(|(pattern, _)| pattern.is_match(&bare)).map(|(_, what)| *what)
}

/// The text with empty strings and without comments.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '`' => {
                // Which escapes are allowed has been checked.
                let _ = super::size::skip_string(&mut chars, c);
                bare.push_str("\"\"");
            }
            '#' => drop(chars.by_ref().find(|c| *c == '\n')),
            other => bare.push(other),
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructs_are_found_outside_of_strings() {
        for (text, word) in [
            ("rate(m[5m] anchored)", "anchored"),
            ("m smoothed", "smoothed"),
            ("h </ 5", "trim"),
            ("rate(m[5m * 2])", "duration"),
            ("m offset -(1h)", "duration"),
            ("rate(m[step()])", "duration"),
        ] {
            assert!(construct(text).is_some_and(|what| what.contains(word)), "{text}");
        }
        for text in [r#"m{a="[1+1]"} ]"#, "anchored + ]", "m[5m:1m", "# a[1+1]\n)"] {
            assert_eq!(construct(text), None, "{text}");
        }
    }
}
