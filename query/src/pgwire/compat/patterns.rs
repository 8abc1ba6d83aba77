//! `to_char(ts, 'YYYY-MM-DD HH24:MI')`: PostgreSQL's patterns as those that DataFusion knows.

/// The longest first, as PostgreSQL reads them.
const PARTS: [(&str, &str); 30] = [
    ("MONTH", "%B"),
    ("Month", "%B"),
    ("month", "%B"),
    ("YYYY", "%Y"),
    ("yyyy", "%Y"),
    ("IYYY", "%G"),
    ("HH24", "%H"),
    ("hh24", "%H"),
    ("HH12", "%I"),
    ("hh12", "%I"),
    ("DDD", "%j"),
    ("DAY", "%A"),
    ("Day", "%A"),
    ("MON", "%b"),
    ("Mon", "%b"),
    ("YY", "%y"),
    ("IW", "%V"),
    ("MM", "%m"),
    ("mm", "%m"),
    ("DD", "%d"),
    ("dd", "%d"),
    ("ID", "%u"),
    ("Dy", "%a"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("mi", "%M"),
    ("SS", "%S"),
    ("ss", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
];
/// Words that PostgreSQL writes as they are written in the pattern.
const HALVES: [&str; 2] = ["AM", "PM"];

/// `None` for what is no such pattern: DataFusion's own, with a `%`, or one with parts unknown here.
pub(super) fn of_postgres(pattern: &str) -> Option<String> {
    if pattern.contains('%') {
        return None;
    }
    let (mut made, mut rest, mut is_known) = (String::new(), pattern, false);
    while let Some(letter) = rest.chars().next() {
        if let Some((part, ours)) = PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            made.push_str(ours);
            rest = &rest[part.len()..];
            is_known = true;
        } else if let Some(half) = HALVES.iter().find(|half| rest.starts_with(**half)) {
            made.push_str("%p");
            rest = &rest[half.len()..];
            is_known = true;
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            made.push_str(&quoted[..end]);
            rest = &quoted[end + 1..];
        } else if letter.is_alphabetic() && letter != 'T' {
            return None;
        } else {
            made.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    is_known.then_some(made)
}

#[cfg(test)]
mod tests {
    use super::of_postgres;

    #[test]
    fn patterns_that_reports_use() {
        for (pattern, expected) in [
            ("YYYY-MM-DD HH24:MI:SS", "%Y-%m-%d %H:%M:%S"),
            ("YYYY-MM-DDTHH24:MI:SS.MS", "%Y-%m-%dT%H:%M:%S.%3f"),
            ("YYYY-MM", "%Y-%m"),
            ("IYYY-\"W\"IW", "%G-W%V"),
            ("Dy DD Mon YYYY", "%a %d %b %Y"),
            ("HH12:MI PM", "%I:%M %p"),
        ] {
            assert_eq!(of_postgres(pattern).as_deref(), Some(expected), "{pattern}");
        }
        for pattern in ["%Y-%m-%d", "999D99", "Q", "", "-"] {
            assert_eq!(of_postgres(pattern), None, "{pattern}");
        }
    }
}
