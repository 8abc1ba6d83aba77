//! Expressions that say what a value holds and leave the rest open: `cpu_.+`, `.*\.local`, `.*db.*`, `.+`.
//! Most of those that people write are such; they are tried without a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A text, and what may be around it.
#[derive(Clone, Debug)]
pub(super) struct Around {
    before: Gap,
    text: String,
    after: Gap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    Anything,
    /// At least one character.
    Something,
}

impl Around {
    /// `None` where an expression says anything else.
    pub(super) fn of(tree: &Hir) -> Option<Around> {
        let parts = match tree.kind() {
            HirKind::Capture(group) => return Around::of(&group.sub),
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(tree),
        };
        let (before, parts) = match parts {
            [first, rest @ ..] if let Some(gap) = gap(first) => (gap, rest),
            _ => (Gap::None, parts),
        };
        let (after, parts) = match parts {
            [rest @ .., last] if let Some(gap) = gap(last) => (gap, rest),
            _ => (Gap::None, parts),
        };
        let text = match parts {
            [] => String::new(),
            [part] => match part.kind() {
                HirKind::Literal(literal) => str::from_utf8(&literal.0).ok()?.to_owned(),
                _ => return None,
            },
            _ => return None,
        };
        Some(Around { before, text, after })
    }

    pub(super) fn is_match(&self, value: &str) -> bool {
        let mut chars = value.chars();
        // What is left of the value when the characters are gone that have to be around the text.
        let has_both = (self.before != Gap::Something || chars.next().is_some())
            && (self.after != Gap::Something || chars.next_back().is_some());
        let (value, text) = (chars.as_str(), self.text.as_str());
        has_both
            && match (self.before, self.after) {
                (Gap::None, Gap::None) => value == text,
                (Gap::None, _) => value.starts_with(text),
                (_, Gap::None) => value.ends_with(text),
                (_, _) => value.contains(text),
            }
    }
}

/// What `.*` and `.+` leave open; a `.` stands for every character.
fn gap(tree: &Hir) -> Option<Gap> {
    let HirKind::Repetition(repeated) = tree.kind() else { return None };
    let HirKind::Class(Class::Unicode(class)) = repeated.sub.kind() else { return None };
    let is_any = matches!(class.ranges(), [all] if (all.start(), all.end()) == ('\0', char::MAX));
    match (repeated.min, repeated.max) {
        (0, None) if is_any => Some(Gap::Anything),
        (1, None) if is_any => Some(Gap::Something),
        _ => None,
    }
}
