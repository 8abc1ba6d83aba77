//! What a regular expression cannot match without: the questions that the index in log files answers.
//!
//! A match may begin and end within a word (`efuse` is in `refused`), so only words count that have
//! something else than a word on both sides: of `user \d+ not found` that is `not`. Everything here errs to
//! the side of asking for less. A word boundary (`\b`) counts for nothing: it stands before `²`, which is
//! part of a word in the index.

use std::collections::HashSet;

use lake::log_index::{fold, is_word_char, words};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};

/// Texts that a part of an expression may be; beyond it the part is taken for anything.
const TEXTS_MAX: usize = 64;
/// Characters of a class that are looked at; white space has 25.
const CLASS_CHARS_MAX: usize = 64;
/// Words of a group; one of so many is in almost every block.
const GROUP_WORDS_MAX: usize = 16;
/// Repetitions that are written out.
const COPIES_MAX: u32 = 8;

/// One or more characters that are no word's, or an end of the text or of a line.
const GAP: &str = " ";

/// Folded words: every text in which the expression has a match has one of each group.
pub(super) fn words_of(pattern: &str) -> Vec<Vec<String>> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let mut found = Found::default();
    found.follow(&hir);
    found.finish()
}

/// All texts that match as a whole; `None` when they are many, or when what stands around them counts.
pub(super) fn values_of(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    if !hir.properties().look_set().is_empty() {
        return None;
    }
    let found = Extractor::new().limit_total(TEXTS_MAX).extract(&hir);
    let texts = found.literals().filter(|_| found.is_exact())?;
    texts.iter().map(|text| String::from_utf8(text.as_bytes().to_vec()).ok()).collect()
}

/// The expression that matches as a pattern of LIKE does, or more.
pub(super) fn pattern_of_like(like: &str, any_case: bool) -> String {
    const ANYTHING: &str = "(?s:.*)";
    let mut pattern = String::from(if any_case { "(?i)^" } else { "^" });
    let mut literal = String::new();
    let mut chars = like.chars();
    while let Some(c) = chars.next() {
        let wild = match c {
            '%' => ANYTHING,
            '_' => "(?s:.)",
            '\\' => match chars.next() {
                Some(escaped @ ('%' | '_' | '\\')) => {
                    literal.push(escaped);
                    continue;
                }
                // Here a backslash may stand for itself or for nothing.
                _ => ANYTHING,
            },
            _ => {
                literal.push(c);
                continue;
            }
        };
        pattern.push_str(&regex_syntax::escape(&std::mem::take(&mut literal)));
        pattern.push_str(wild);
    }
    pattern + &regex_syntax::escape(&literal) + "$"
}

/// What is known while an expression is read from left to right.
struct Found {
    /// What stands in one piece at this place: one of these. Their ends may be within words.
    texts: Vec<String>,
    groups: Vec<Vec<String>>,
}

impl Default for Found {
    fn default() -> Found {
        Found { texts: vec![String::new()], groups: Vec::new() }
    }
}

impl Found {
    fn follow(&mut self, hir: &Hir) {
        if let Some(texts) = texts_of(hir) {
            match product(&self.texts, &texts) {
                Some(longer) => self.texts = longer,
                None => {
                    self.cut();
                    self.texts = texts;
                }
            }
            return;
        }
        match hir.kind() {
            HirKind::Capture(capture) => self.follow(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.follow(part)),
            HirKind::Repetition(Repetition { min: 1.., sub, .. }) => {
                self.cut();
                self.follow(sub);
                self.cut();
            }
            HirKind::Alternation(branches) => {
                self.cut();
                let narrowest = |branch| {
                    let mut found = Found::default();
                    found.follow(branch);
                    found.finish().into_iter().min_by_key(Vec::len)
                };
                // A branch without a word lets everything through.
                let groups: Option<Vec<Vec<String>>> = branches.iter().map(narrowest).collect();
                if let Some(groups) = groups {
                    self.add(groups.concat());
                }
            }
            _ => self.cut(),
        }
    }

    /// What comes next may be anything.
    fn cut(&mut self) {
        let texts = std::mem::replace(&mut self.texts, vec![String::new()]);
        let inner: Vec<Vec<&str>> = texts.iter().map(|text| inner_words(text)).collect();
        let Some((first, others)) = inner.split_first() else { return };
        let is_in_all = |word: &&str| others.iter().all(|words| words.contains(word));
        let (in_all, own): (Vec<&str>, Vec<&str>) = first.iter().copied().partition(is_in_all);
        in_all.iter().for_each(|word| self.add(vec![(*word).to_owned()]));
        let longest = |words: &[&str]| {
            let own = words.iter().filter(|word| !in_all.contains(word));
            own.max_by_key(|word| word.len()).map(|word| (*word).to_owned())
        };
        if !own.is_empty()
            && let Some(group) = inner.iter().map(|words| longest(words)).collect()
        {
            self.add(group);
        }
    }

    fn add(&mut self, mut group: Vec<String>) {
        let mut seen = HashSet::new();
        group.retain(|word| seen.insert(word.clone()));
        if group.len() <= GROUP_WORDS_MAX && !self.groups.contains(&group) {
            self.groups.push(group);
        }
    }

    fn finish(mut self) -> Vec<Vec<String>> {
        self.cut();
        self.groups
    }
}

/// Words with something else before and behind them.
fn inner_words(text: &str) -> Vec<&str> {
    let is_gap = |c: char| !is_word_char(c);
    let mut found = Vec::new();
    if let (Some(first), Some(last)) = (text.find(is_gap), text.rfind(is_gap)) {
        words(&text[first..last], |word| found.push(word));
    }
    found
}

/// Every text that a part can be, folded; `None` when they are many.
fn texts_of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![fold(text).into_owned()])
        }
        HirKind::Class(Class::Unicode(class)) => texts_of_class(class),
        HirKind::Class(Class::Bytes(class)) => texts_of_class(&class.to_unicode_class()?),
        HirKind::Look(look) => Some(vec![if is_end(*look) { GAP.to_owned() } else { String::new() }]),
        HirKind::Capture(capture) => texts_of(&capture.sub),
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![String::new()], |texts, part| product(&texts, &texts_of(part)?))
        }
        HirKind::Alternation(branches) => {
            let all: Option<Vec<Vec<String>>> = branches.iter().map(texts_of).collect();
            bounded(all?.concat())
        }
        HirKind::Repetition(repetition) => texts_of_repetition(repetition),
    }
}

fn is_end(look: Look) -> bool {
    matches!(look, Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF)
}

fn texts_of_class(class: &ClassUnicode) -> Option<Vec<String>> {
    let chars = || class.iter().flat_map(|range| range.start()..=range.end());
    if chars().nth(CLASS_CHARS_MAX).is_some() {
        return None;
    }
    let fold_of = |c: char| c.to_lowercase().collect::<String>();
    if chars().all(|c| !fold_of(c).chars().any(is_word_char)) {
        return Some(vec![GAP.to_owned()]);
    }
    bounded(chars().map(fold_of).collect())
}

fn texts_of_repetition(repetition: &Repetition) -> Option<Vec<String>> {
    let Repetition { min, max, ref sub, .. } = *repetition;
    let once = texts_of(sub)?;
    if once == [GAP] {
        // Gap upon gap is one.
        let none = (min == 0).then(String::new);
        return Some(none.into_iter().chain(once).collect());
    }
    let max = max.filter(|max| *max <= COPIES_MAX)?;
    let mut copies = vec![String::new()];
    let mut all = Vec::new();
    for count in 0..=max {
        if count >= min {
            all.extend_from_slice(&copies);
        }
        if count < max {
            copies = product(&copies, &once)?;
        }
    }
    bounded(all)
}

fn product(heads: &[String], tails: &[String]) -> Option<Vec<String>> {
    let with = |head: &String| tails.iter().map(|tail| format!("{head}{tail}")).collect::<Vec<_>>();
    (heads.len() * tails.len() <= TEXTS_MAX).then(|| heads.iter().flat_map(with).collect())
}

fn bounded(mut texts: Vec<String>) -> Option<Vec<String>> {
    texts.sort_unstable();
    texts.dedup();
    (texts.len() <= TEXTS_MAX).then_some(texts)
}

#[cfg(test)]
mod tests;
