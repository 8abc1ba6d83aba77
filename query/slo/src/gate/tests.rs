//! Each condition on both sides of its limit, the unknown, and overrides.

use super::*;

fn now() -> Timestamp {
    Timestamp::from_secs(1_000_000)
}

fn objective(remaining: Option<f64>, hour: Option<f64>) -> ObjectiveFact {
    let rates = hour.map(|rate| (BURN_1H, rate)).into_iter();
    ObjectiveFact {
        slo: "checkout/1".into(),
        budget_remaining: remaining,
        burn_rates: rates.chain([(BURN_6H, 0.5)]).collect(),
    }
}

fn healthy() -> GateFacts {
    GateFacts {
        objectives: Ok(vec![objective(Some(0.5), Some(1.0))]),
        open_incidents: Ok(BTreeMap::new()),
        firing_pages: Ok(0),
        deployments: Ok(Deployments { all: 20, failed: 1 }),
        freezes: Vec::new(),
    }
}

fn strict() -> GateTerms {
    GateTerms {
        change_fail_rate_below: Some(ChangeFailRate {
            below: 0.25,
            over: Duration::from_secs(7 * 86_400),
            deployments_min: 4,
        }),
        on_unknown: OnUnknown::Block,
        ..GateTerms::default()
    }
}

/// The conditions that block, as `check subject: detail`.
fn blocking(terms: &GateTerms, facts: &GateFacts) -> Vec<String> {
    let decision = decide(terms, facts, &[], now());
    let blocking = decision.conditions.iter().filter(|condition| condition.blocks);
    let text = |condition: &Condition| {
        let subject = condition.subject.as_deref().unwrap_or("-");
        format!("{:?} {subject}: {}", condition.check, condition.detail)
    };
    let blocking: Vec<String> = blocking.map(text).collect();
    assert_eq!(decision.is_allowed(), blocking.is_empty());
    blocking
}

#[test]
fn a_healthy_service_may_be_changed_and_hears_why() {
    let decision = decide(&strict(), &healthy(), &[], now());
    assert_eq!(decision.verdict, Verdict::Allowed);
    let looked_at: Vec<_> = decision
        .conditions
        .iter()
        .map(|condition| (condition.check, condition.value, condition.limit, condition.outcome))
        .collect();
    assert_eq!(
        looked_at,
        [
            (Check::BudgetRemaining, Some(0.5), 0.0, Outcome::Met),
            (Check::BurnRate, Some(1.0), 14.4, Outcome::Met),
            (Check::BurnRate, Some(0.5), 6.0, Outcome::Met),
            (Check::OpenIncidents, Some(0.0), 0.0, Outcome::Met),
            (Check::OpenIncidents, Some(0.0), 0.0, Outcome::Met),
            (Check::FiringPages, Some(0.0), 0.0, Outcome::Met),
            (Check::ChangeFailRate, Some(0.05), 0.25, Outcome::Met),
            (Check::Freeze, Some(0.0), 0.0, Outcome::Met),
        ]
    );
}

#[test]
fn each_condition_blocks_at_its_limit() {
    let budget = GateFacts { objectives: Ok(vec![objective(Some(0.0), Some(1.0))]), ..healthy() };
    assert_eq!(
        blocking(&strict(), &budget),
        ["BudgetRemaining checkout/1: 0 % of the error budget is left, more than 0 % has to be"]
    );
    let burn = GateFacts { objectives: Ok(vec![objective(Some(0.5), Some(14.4))]), ..healthy() };
    assert_eq!(
        blocking(&strict(), &burn),
        ["BurnRate checkout/1: the budget burns at 14.4x over 1h, it has to be below 14.4x"]
    );
    let open = BTreeMap::from([("SEV1".to_owned(), 1), ("SEV3".to_owned(), 7)]);
    let incident = GateFacts { open_incidents: Ok(open), ..healthy() };
    assert_eq!(
        blocking(&strict(), &incident),
        ["OpenIncidents SEV1: 1 open incidents of SEV1, at most 0 may be"]
    );
    let page = GateFacts { firing_pages: Ok(2), ..healthy() };
    assert_eq!(
        blocking(&strict(), &page),
        ["FiringPages -: 2 alerts that page are firing, at most 0 may be"]
    );
    let failing = GateFacts { deployments: Ok(Deployments { all: 20, failed: 5 }), ..healthy() };
    assert_eq!(
        blocking(&strict(), &failing),
        ["ChangeFailRate -: 5 of 20 deployments in 1w failed: 25 %, it has to be below 25 %"]
    );
    let freeze =
        Freeze { name: "peak".into(), reason: Some("sale".into()), until: Timestamp::from_secs(1_086_400) };
    let frozen = GateFacts { freezes: vec![freeze], ..healthy() };
    assert_eq!(blocking(&strict(), &frozen), ["Freeze peak: frozen until 1970-01-13T13:46:40Z (sale)"]);
}

#[test]
fn the_unknown_is_said_and_blocks_where_the_policy_says_so() {
    let facts =
        GateFacts { objectives: Ok(Vec::new()), open_incidents: Err("the store failed".into()), ..healthy() };
    assert_eq!(
        blocking(&strict(), &facts),
        [
            "BudgetRemaining -: no objective names the service",
            "BurnRate -: no objective names the service",
            "BurnRate -: no objective names the service",
            "OpenIncidents SEV1: the store failed",
            "OpenIncidents SEV2: the store failed",
        ]
    );
    let lenient = decide(&GateTerms::default(), &facts, &[], now());
    assert_eq!(lenient.verdict, Verdict::Allowed);
    let unknown = lenient.conditions.iter().filter(|condition| condition.outcome == Outcome::Unknown);
    assert_eq!(unknown.count(), 5);
    let no_data = GateFacts { objectives: Ok(vec![objective(None, None)]), ..healthy() };
    assert_eq!(
        blocking(&strict(), &no_data),
        [
            "BudgetRemaining checkout/1: how much of the error budget is left is not known",
            "BurnRate checkout/1: the burn rate over 1h is not known",
        ]
    );
}

#[test]
fn a_burn_rate_may_be_asked_for_over_any_window() {
    let three_days = Duration::from_secs(3 * 86_400);
    let terms = GateTerms { burn_rate_below: BTreeMap::from([(three_days, 1.0)]), ..strict() };
    let mut burning = objective(Some(0.5), Some(1.0));
    burning.burn_rates.insert(three_days, 1.5);
    let mut unknown = objective(Some(0.5), Some(1.0));
    unknown.slo = "checkout/2".into();
    let facts = GateFacts { objectives: Ok(vec![burning, unknown]), ..healthy() };
    assert_eq!(
        blocking(&terms, &facts),
        [
            "BurnRate checkout/1: the budget burns at 1.5x over 3d, it has to be below 1x",
            "BurnRate checkout/2: the burn rate over 3d is not known",
        ]
    );
    let decision = decide(&terms, &facts, &[], now());
    assert_eq!(
        decision.explanation(),
        "checkout/1: the budget burns at 1.5x over 3d, it has to be below 1x; \
         checkout/2: the burn rate over 3d is not known"
    );
    let windows = decision.conditions.iter().filter_map(|condition| condition.window.as_deref());
    assert_eq!(windows.collect::<Vec<_>>(), ["3d", "3d", "1w"]);
}

#[test]
fn few_deployments_say_nothing_about_failures() {
    let facts = GateFacts { deployments: Ok(Deployments { all: 3, failed: 3 }), ..healthy() };
    assert!(blocking(&strict(), &facts).is_empty());
    let none = GateFacts { deployments: Ok(Deployments::default()), ..healthy() };
    assert!(blocking(&strict(), &none).is_empty());
}

#[test]
fn an_override_opens_a_blocked_gate_until_it_expires() {
    let given = |from: i64, to: i64| Override {
        id: 1,
        reason: "the fix for the outage".into(),
        actor: "ada".into(),
        created_at: Timestamp::from_secs(from),
        expires_at: Timestamp::from_secs(to),
        revoked: None,
    };
    let facts = GateFacts { firing_pages: Ok(1), ..healthy() };
    let verdict = |overrides: &[Override]| decide(&strict(), &facts, overrides, now()).verdict;
    assert_eq!(verdict(&[]), Verdict::Blocked);
    assert_eq!(verdict(&[given(999_000, 1_000_000)]), Verdict::Blocked);
    assert_eq!(verdict(&[given(999_000, 1_000_001)]), Verdict::Overridden);
    let decision = decide(&strict(), &facts, &[given(0, 1_000_001), given(0, 2_000_000)], now());
    let expires_at = decision.opened_by.as_ref().map(|given| given.expires_at);
    assert_eq!(expires_at, Some(Timestamp::from_secs(2_000_000)));
    assert_eq!(
        decision.explanation(),
        "opened by ada until 1970-01-24T03:33:20Z (the fix for the outage), although \
         1 alerts that page are firing, at most 0 may be"
    );
    // Taken back, it ends at that time, and not before.
    let revoked_at = |at: i64| {
        let (at, actor) = (Timestamp::from_secs(at), "bob".to_owned());
        let revoked = Some(Revocation { at, actor, reason: "it is fixed".into() });
        Override { revoked, ..given(0, 2_000_000) }
    };
    assert_eq!(verdict(&[revoked_at(1_000_000)]), Verdict::Blocked);
    assert_eq!(verdict(&[revoked_at(1_000_001)]), Verdict::Overridden);
    // What is not blocked needs no override.
    let decision = decide(&strict(), &healthy(), &[given(0, 2_000_000)], now());
    assert_eq!((decision.verdict, decision.opened_by), (Verdict::Allowed, None));
}
