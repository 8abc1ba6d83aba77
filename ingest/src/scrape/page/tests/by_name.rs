//! A target whose series the lake has named stores what a target stores whose series it never names.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Names series as the lake does: each label set once, for good.
#[derive(Default)]
struct Names(Vec<Labels>);

impl Names {
    fn name(&mut self, labels: &Labels) -> SeriesRef {
        let at = self.0.iter().position(|known| known == labels).unwrap_or_else(|| {
            self.0.push(labels.clone());
            self.0.len() - 1
        });
        SeriesRef::new(at as u32)
    }

    fn labels(&self, name: SeriesRef) -> &Labels {
        &self.0[name.get() as usize]
    }
}

/// All that comes of a page, with labels in place of names.
#[derive(Debug, PartialEq)]
struct Told {
    samples: BTreeMap<(Labels, Timestamp), u64>,
    counts: [u64; 4],
    live: usize,
    exemplars: usize,
    refused: u64,
    ended: Vec<Labels>,
}

fn told(read: &PageRead, memory: &Memory, names: &Names) -> Told {
    let mut samples = BTreeMap::new();
    let mut add = |labels: &Labels, sample: &Sample| {
        let before = samples.insert((labels.clone(), sample.ts), sample.value.to_bits());
        assert_eq!(before, None, "{labels} has two samples at {}", sample.ts);
    };
    read.known.iter().for_each(|known| add(names.labels(known.series), &known.sample));
    for series in &read.series {
        series.samples.iter().for_each(|sample| add(&series.labels, sample));
    }
    let ended = memory.ended(&read.live);
    let by_name = ended.named.into_iter().map(|name| names.labels(name).clone());
    let mut ended: Vec<Labels> = by_name.chain(ended.unnamed).collect();
    ended.sort();
    Told {
        samples,
        counts: [read.scraped, read.kept, read.added, read.duplicates],
        live: read.live.len(),
        exemplars: read.exemplars.len(),
        refused: read.rejections.refused("").iter().map(|refused| refused.count).sum(),
        ended,
    }
}

const SERIES: [&str; 8] = [
    "a",
    "a{x=\"1\",y=\"2\"}",
    "a{y=\"2\", x=\"1\"}",
    "a{x=\"1\"}",
    "b{job=\"own\"}",
    "dropped",
    "over{x=\"123456\"}",
    "c{x=\"\"}",
];

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![(0_i32..9).prop_map(|value| value.to_string()), Just("NaN".to_owned())];
    let time = prop_oneof![4 => Just(""), 1 => Just(" 5000"), 1 => Just(" 6000")];
    (prop::sample::select(&SERIES[..]), value, time)
        .prop_map(|(series, value, time)| format!("{series} {value}{time}\n"))
}

#[derive(Clone, Debug)]
struct Scrape {
    page: String,
    /// Whether the lake takes it.
    is_stored: bool,
    /// Whether the configuration is read again before.
    has_new_rules: bool,
}

prop_compose! {
    fn scrape()(
        lines in prop::collection::vec(line(), 0..10),
        is_broken in prop::bool::weighted(0.1),
        is_stored in prop::bool::weighted(0.8),
        has_new_rules in prop::bool::weighted(0.1),
    ) -> Scrape {
        let end = if is_broken { "}\n" } else { "" };
        Scrape { page: lines.concat() + end, is_stored, has_new_rules }
    }
}

const RULES: &str = "metric_relabel_configs: [{source_labels: [__name__], regex: dropped, action: drop}]";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn named_series_come_to_the_same(scrapes in prop::collection::vec(scrape(), 1..8)) {
        let mut names = Names::default();
        let (mut named, mut unnamed) = (Reader::new(RULES), Reader::new(RULES));
        named.limits.label_value_bytes_max = 5;
        unnamed.limits.label_value_bytes_max = 5;
        for Scrape { page, is_stored, has_new_rules } in scrapes {
            if has_new_rules {
                named.memory.forget_labels();
                unnamed.memory.forget_labels();
            }
            let (ours, theirs) = match (named.try_read(&page), unnamed.try_read(&page)) {
                (Ok(ours), Ok(theirs)) => (ours, theirs),
                (ours, theirs) => {
                    prop_assert_eq!(ours.unwrap_err(), theirs.unwrap_err());
                    continue;
                }
            };
            prop_assert_eq!(
                told(&ours, &named.memory, &names),
                told(&theirs, &unnamed.memory, &names)
            );
            if is_stored {
                let given: Vec<_> = ours
                    .series
                    .iter()
                    .map(|series| (series.labels.clone(), names.name(&series.labels)))
                    .collect();
                named.memory.stored(ours.live, given.into_iter());
                unnamed.memory.stored(theirs.live, std::iter::empty());
            }
        }
    }
}
