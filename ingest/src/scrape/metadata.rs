//! What a target's pages say of its metric families: type, help and unit, for those who ask. Series
//! carry their type on their own way.
//!
//! A family stays as long as pages name it. Texts are bounded; what does not fit is not remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use telemetry::MetricType;

use crate::exposition::Entry;

/// One family by its name as `TYPE` and `HELP` say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyText {
    pub metric_type: MetricType,
    pub help: Box<str>,
    pub unit: Box<str>,
}

/// All families of a target; cheap to clone.
pub type TargetMetadata = Arc<BTreeMap<Box<str>, FamilyText>>;

/// Gathers them page by page.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    families: BTreeMap<Box<str>, (FamilyText, u64)>,
    bytes: usize,
    page: u64,
    /// As of the last page that was read to its end.
    shown: TargetMetadata,
    has_news: bool,
}

impl Gathering {
    pub fn begin(&mut self) {
        self.page += 1;
    }

    /// Notes what a comment says. `bytes_max` bounds the texts of all families together.
    pub fn learn(&mut self, entry: &Entry<'_>, bytes_max: usize) {
        let (family, said) = match entry {
            Entry::Type { family, metric_type } => (family, Said::Type(*metric_type)),
            Entry::Help { family, text } => (family, Said::Help(text)),
            Entry::Unit { family, unit } => (family, Said::Unit(unit)),
            Entry::Sample(_) => return,
        };
        if let Some((known, page)) = self.families.get_mut(&**family) {
            *page = self.page;
            let others = self.bytes - known.bytes_instead_of(&said);
            if known.differs(&said) && others + said.bytes() <= bytes_max {
                self.bytes = others + said.bytes();
                known.set(said);
                self.has_news = true;
            }
            return;
        }
        let mut new = FamilyText::default();
        new.set(said);
        let bytes = family.len() + new.bytes();
        if self.bytes + bytes <= bytes_max {
            self.bytes += bytes;
            self.families.insert((**family).into(), (new, self.page));
            self.has_news = true;
        }
    }

    /// The page was read to its end: what was not on it is forgotten.
    pub fn end(&mut self) {
        let Gathering { families, bytes, page, .. } = self;
        let before = families.len();
        families.retain(|name, (text, named_on)| {
            let stays = *named_on == *page;
            if !stays {
                *bytes -= name.len() + text.bytes();
            }
            stays
        });
        if self.has_news || self.families.len() != before {
            let texts = self.families.iter().map(|(name, (text, _))| (name.clone(), text.clone()));
            self.shown = Arc::new(texts.collect());
            self.has_news = false;
        }
    }

    pub fn shown(&self) -> TargetMetadata {
        self.shown.clone()
    }
}

enum Said<'a> {
    Type(MetricType),
    Help(&'a str),
    Unit(&'a str),
}

impl Said<'_> {
    fn bytes(&self) -> usize {
        match self {
            Said::Type(_) => 0,
            Said::Help(text) | Said::Unit(text) => text.len(),
        }
    }
}

impl FamilyText {
    fn bytes(&self) -> usize {
        self.help.len() + self.unit.len()
    }

    /// Of the text that `said` replaces.
    fn bytes_instead_of(&self, said: &Said<'_>) -> usize {
        match said {
            Said::Type(_) => 0,
            Said::Help(_) => self.help.len(),
            Said::Unit(_) => self.unit.len(),
        }
    }

    fn differs(&self, said: &Said<'_>) -> bool {
        match said {
            Said::Type(metric_type) => self.metric_type != *metric_type,
            Said::Help(text) => &*self.help != *text,
            Said::Unit(text) => &*self.unit != *text,
        }
    }

    fn set(&mut self, said: Said<'_>) {
        match said {
            Said::Type(metric_type) => self.metric_type = metric_type,
            Said::Help(text) => self.help = text.into(),
            Said::Unit(text) => self.unit = text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Format, entries};

    fn read(gathering: &mut Gathering, page: &str, bytes_max: usize) -> Vec<String> {
        gathering.begin();
        for entry in entries(page, Format::Text) {
            gathering.learn(&entry.unwrap(), bytes_max);
        }
        gathering.end();
        let shown = gathering.shown();
        shown
            .iter()
            .map(|(name, text)| format!("{name} {} {}", text.metric_type.as_str(), text.help))
            .collect()
    }

    #[test]
    fn families_stay_while_pages_name_them() {
        let mut gathering = Gathering::default();
        let page = "# HELP up Is it up?\n# TYPE up gauge\nup 1\n# TYPE x_total counter\n";
        assert_eq!(read(&mut gathering, page, 100), ["up gauge Is it up?", "x_total counter "]);
        let before = gathering.shown();
        read(&mut gathering, page, 100);
        assert!(Arc::ptr_eq(&before, &gathering.shown()), "nothing is copied when nothing is new");
        assert_eq!(read(&mut gathering, "# HELP up Up.\n# TYPE up counter\n", 100), ["up counter Up."]);
        assert_eq!(gathering.bytes, "upUp.".len());
    }

    #[test]
    fn texts_are_bounded() {
        let mut gathering = Gathering::default();
        let page = "# HELP a 12345678\n# HELP b 12345678\n# TYPE c gauge\n";
        assert_eq!(read(&mut gathering, page, 10), ["a unknown 12345678", "c gauge "]);
        let longer = "# HELP a 123456789012\n# TYPE c gauge\n";
        assert_eq!(read(&mut gathering, longer, 10), ["a unknown 12345678", "c gauge "], "no room for more");
        let others = "# HELP a 1\n# HELP b 1234567\n";
        assert_eq!(read(&mut gathering, others, 10), ["a unknown 1"], "c leaves when its page has ended");
        assert_eq!(read(&mut gathering, others, 10), ["a unknown 1", "b unknown 1234567"]);
    }
}
