//! Times as other tools write them: almost RFC 3339.
//!
//! Our own documents are read strictly; these come from senders whose spelling is given.

use telemetry::Timestamp;

/// RFC 3339, and beside it `2026-11-23 02:00:00 +0100` and `... UTC` (GitLab), an offset without a
/// colon (PagerDuty's examples), an offset with a `Z` after it (PagerDuty's Python client).
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if !text.is_ascii() {
        return None;
    }
    let joined = match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [whole] => (*whole).to_owned(),
        [date, time, "UTC"] => format!("{date}T{time}Z"),
        [date, time, offset] => format!("{date}T{time}{offset}"),
        _ => return None,
    };
    let (clock, offset) = split_offset(&joined)?;
    Timestamp::parse_rfc3339(&format!("{clock}{offset}")).ok()
}

/// The offset with a colon.
fn split_offset(text: &str) -> Option<(&str, String)> {
    // Signs before the time are those of the date.
    let time = text.find('T')?;
    let Some(sign) = text[time..].find(['+', '-']).map(|at| time + at) else {
        return Some((text.strip_suffix('Z')?, "Z".to_owned()));
    };
    let digits: String = text[sign + 1..].trim_end_matches('Z').chars().filter(|c| *c != ':').collect();
    let is_right = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_right.then(|| (&text[..sign], format!("{}{}:{}", &text[sign..=sign], &digits[..2], &digits[2..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_time() {
        let expect = Timestamp::parse_rfc3339("2026-11-23T02:00:05Z").ok();
        for text in [
            "2026-11-23T02:00:05Z",
            "2026-11-23T03:00:05+01:00",
            "2026-11-22T21:00:05-0500",
            "2026-11-23 03:00:05 +0100",
            "2026-11-23 02:00:05 UTC",
            "2026-11-23T02:00:05+00:00Z",
        ] {
            assert_eq!(parse(text), expect, "{text:?}");
        }
        let micros = Timestamp::parse_rfc3339("2026-11-23T02:00:05.315Z").ok();
        assert_eq!(parse("2026-11-23T02:00:05.315+0000"), micros);
    }

    #[test]
    fn what_is_no_time_or_says_no_zone_is_refused() {
        for wrong in [
            "",
            "soon",
            "2026-11-23",
            "2026-11-23 03:00:05",
            "2026-11-23T03:00:05",
            "2026-11-23T03:00:05+1",
            "2026-11-23T03:00:05+é00",
            "2026-13-23T03:00:05Z",
            "a b c d",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
