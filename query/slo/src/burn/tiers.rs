//! Tiers: which burn rates over which windows alert, and whom.
//!
//! A factor is k = p * W / long: the share p of the budget of the period W that may be spent in the long
//! window. Source: Google SRE Workbook chapter 5 ("Alerting on SLOs"), table 5-8 and its rule listing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use telemetry::time::format_duration;

use crate::decimal::{Fraction, Ratio};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What a tier asks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody must act now.
    Page,
    /// Somebody must act within days.
    Ticket,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

/// When a rate counts as too fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exceeds {
    /// `>`: SRE Workbook, Sloth, Pyrra.
    #[default]
    Above,
    /// `>=`: Datadog.
    AtLeast,
}

impl Exceeds {
    pub fn holds(self, rate: Fraction, threshold: Fraction) -> bool {
        match self {
            Exceeds::Above => rate > threshold,
            Exceeds::AtLeast => rate >= threshold,
        }
    }
}

/// One burn-rate condition: two windows, one factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    pub severity: Severity,
    pub long: Duration,
    /// Clears the alert soon after the burn stops; equal to `long` where one window is all there is.
    pub short: Duration,
    pub threshold: Fraction,
    pub exceeds: Exceeds,
    /// How long it must hold before it alerts.
    pub alert_after: Duration,
    /// The alert policy it comes from; `None` for a default.
    pub policy: Option<String>,
}

impl Tier {
    pub(super) fn default_of(severity: Severity, long_secs: u64, threshold: Fraction) -> Tier {
        Tier {
            severity,
            long: Duration::from_secs(long_secs),
            short: Duration::from_secs(long_secs / 12),
            threshold,
            exceeds: Exceeds::default(),
            alert_after: Duration::ZERO,
            policy: None,
        }
    }

    /// `1h/5m`, for messages.
    pub fn windows(&self) -> String {
        format!("{}/{}", format_duration(self.long), format_duration(self.short))
    }
}

/// Windows of the default tiers with the share of the budget (in percent) behind each factor.
const DEFAULT_TIERS: [(Severity, u64, i128); 4] = [
    (Severity::Page, HOUR, 2),
    (Severity::Page, 6 * HOUR, 5),
    (Severity::Ticket, DAY, 10),
    (Severity::Ticket, 3 * DAY, 10),
];

/// Factors in hundredths for the usual periods; 0 means no such tier. At 7 and 90 days constant
/// shares would alert on a healthy burn or far too late, so the vendors' tables differ there.
const DEFAULT_FACTORS: [(u64, [i128; 4]); 4] = [
    (7, [1_680, 560, 280, 0]),
    (28, [1_344, 560, 280, 100]),
    (30, [1_440, 600, 300, 100]),
    (90, [2_160, 1_080, 450, 300]),
];

/// The default tiers for a period and a target, with a warning for each reason why some are left out:
/// below 1 a tier would alert on a healthy burn, at 1/B and above it could never fire. When no page
/// tier is left, one at 0.8/B over 1h/5m takes their place, which is a warning too.
pub fn tiers_for(period: Duration, target: Ratio) -> (Vec<Tier>, Vec<String>) {
    let table = DEFAULT_FACTORS.iter().find(|(days, _)| period == Duration::from_secs(days * DAY));
    let mut tiers = Vec::new();
    let mut left_out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, (severity, long_secs, percent)) in DEFAULT_TIERS.into_iter().enumerate() {
        let threshold = match table {
            Some((_, hundredths)) if hundredths[index] == 0 => continue,
            Some((_, hundredths)) => Fraction::new(hundredths[index], 100),
            None => Fraction::new(percent * i128::from(period.as_secs()), 100 * i128::from(long_secs)),
        };
        let tier = Tier::default_of(severity, long_secs, threshold);
        match unreachable_because(threshold, target) {
            Some(reason) => {
                let named = format!("{} {} at {}", severity.name(), tier.windows(), shown(threshold));
                left_out.entry(reason).or_default().push(named);
            }
            None => tiers.push(tier),
        }
    }
    let mut warnings: Vec<String> = left_out
        .into_iter()
        .map(|(reason, tiers)| format!("default tiers are left out ({}): {reason}", tiers.join(", ")))
        .collect();
    if !tiers.iter().any(|tier| tier.severity == Severity::Page) {
        let eighty_percent = Fraction::new(8, 10).checked_div(target.budget());
        // At a target so low that 0.8/B is below 1 too, nothing sensible can page.
        if let Some(threshold) = eighty_percent.filter(|k| unreachable_because(*k, target).is_none()) {
            let tier = Tier::default_of(Severity::Page, HOUR, threshold);
            warnings.push(format!(
                "no default tier pages at this window and target, so one does over {} at {}, when 80 % of everything is bad; `alertPolicies` replace the default tiers",
                tier.windows(),
                shown(threshold)
            ));
            tiers.insert(0, tier);
        }
    }
    (tiers, warnings)
}

/// Why a factor makes no sense for a target, if so. The burn rate is at most 1/B.
pub fn unreachable_because(threshold: Fraction, target: Ratio) -> Option<String> {
    if threshold < Fraction::ONE {
        return Some("a factor below 1 alerts on a healthy burn".to_owned());
    }
    let fastest = Fraction::ONE.checked_div(target.budget())?;
    (threshold >= fastest)
        .then(|| format!("at target {target} the burn rate never exceeds {}", shown(fastest)))
}

/// Four decimals are enough to recognise a factor in a sentence.
fn shown(factor: Fraction) -> f64 {
    (factor.to_f64() * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

    fn target(text: &str) -> Ratio {
        Ratio::new(text.parse::<Decimal>().unwrap()).unwrap()
    }

    fn check(days: u64, target_text: &str, expected: expect_test::Expect) {
        let (tiers, warnings) = tiers_for(Duration::from_secs(days * DAY), target(target_text));
        let mut lines: Vec<String> = tiers
            .iter()
            .map(|tier| format!("{} {} {}", tier.severity.name(), tier.windows(), tier.threshold.to_f64()))
            .collect();
        lines.extend(warnings);
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn default_tiers() {
        use expect_test::expect;
        check(
            7,
            "0.999",
            expect![[r#"
            page 1h/5m 16.8
            page 6h/30m 5.6
            ticket 1d/2h 2.8"#]],
        );
        check(
            28,
            "0.999",
            expect![[r#"
            page 1h/5m 13.44
            page 6h/30m 5.6
            ticket 1d/2h 2.8
            ticket 3d/6h 1"#]],
        );
        check(
            30,
            "0.999",
            expect![[r#"
            page 1h/5m 14.4
            page 6h/30m 6
            ticket 1d/2h 3
            ticket 3d/6h 1"#]],
        );
        check(
            90,
            "0.999",
            expect![[r#"
            page 1h/5m 21.6
            page 6h/30m 10.8
            ticket 1d/2h 4.5
            ticket 3d/6h 3"#]],
        );
        check(
            10,
            "0.999",
            expect![[r#"
                page 1h/5m 4.8
                page 6h/30m 2
                ticket 1d/2h 1
                default tiers are left out (ticket 3d/6h at 0.3333): a factor below 1 alerts on a healthy burn"#]],
        );
        check(
            30,
            "0.9",
            expect![[r#"
            page 6h/30m 6
            ticket 1d/2h 3
            ticket 3d/6h 1
            default tiers are left out (page 1h/5m at 14.4): at target 0.9 the burn rate never exceeds 10"#]],
        );
        check(
            30,
            "0.5",
            expect![[r#"
            page 1h/5m 1.6
            ticket 3d/6h 1
            default tiers are left out (page 1h/5m at 14.4, page 6h/30m at 6, ticket 1d/2h at 3): at target 0.5 the burn rate never exceeds 2
            no default tier pages at this window and target, so one does over 1h/5m at 1.6, when 80 % of everything is bad; `alertPolicies` replace the default tiers"#]],
        );
        check(
            1,
            "0.99",
            expect![[r#"
                page 1h/5m 80
                default tiers are left out (page 1h/5m at 0.48, page 6h/30m at 0.2, ticket 1d/2h at 0.1, ticket 3d/6h at 0.0333): a factor below 1 alerts on a healthy burn
                no default tier pages at this window and target, so one does over 1h/5m at 80, when 80 % of everything is bad; `alertPolicies` replace the default tiers"#]],
        );
        check(
            30,
            "0",
            expect![[r#"
            default tiers are left out (page 1h/5m at 14.4, page 6h/30m at 6, ticket 1d/2h at 3, ticket 3d/6h at 1): at target 0 the burn rate never exceeds 1"#]],
        );
    }
}
