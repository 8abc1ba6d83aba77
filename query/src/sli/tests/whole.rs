//! An SLO in parts, and several as one.

use super::*;

#[test]
fn each_group_has_a_budget_of_its_own() {
    run(async {
        let bench = Bench::new().await;
        for (region, bad) in [("eu", 1.0), ("us", 5.0)] {
            let grow = |each: f64| (0..10).map(|n| (second(30 * n), each * n as f64)).collect::<Vec<_>>();
            bench.samples(&[("__name__", "requests_total"), ("region", region)], &grow(10.0)).await;
            bench.samples(&[("__name__", "good_total"), ("region", region)], &grow(10.0 - bad)).await;
        }
        let mut catalog = ratio("sum by (region) (good_total)", "sum by (region) (requests_total)", true);
        let grouping = |groups_max| slo::Grouping { labels: vec!["region".into()], groups_max };
        catalog[0].grouping = Some(grouping(10));
        let now = second(330);
        let evaluator = evaluator(&bench, catalog.clone(), now).await;
        tick(&evaluator, now).await;
        let query = "SELECT group_key, good, total FROM slo_status ORDER BY group_key";
        let expected = [r#""{region=""eu""}",81.0,90.0"#, r#""{region=""us""}",45.0,90.0"#];
        assert_eq!(bench.rows(query).await, expected);
        let query = ReportQuery {
            slo: "checkout".into(),
            objective: Some("1".into()),
            group: r#"{region="us"}"#.into(),
            at: Some(second(300)),
            recorded_by: None,
            windows: Vec::new(),
            window: None,
        };
        let groups = evaluator.report(&query).await.unwrap().unwrap().groups;
        let parts: Vec<_> = groups.iter().map(|group| (group.bad, group.bad_share)).collect();
        assert_eq!(parts, [(45.0, Some(45.0 / 54.0)), (9.0, Some(9.0 / 54.0))]);
        // Another process continues with both.
        let successor = super::evaluator(&bench, catalog.clone(), now).await;
        assert_eq!(successor.statuses(), evaluator.statuses());
        // More groups than there may be are a problem of the SLO, not of the others.
        catalog[0].grouping = Some(grouping(1));
        catalog[0].name = "narrow".into();
        let narrow = super::evaluator(&bench, catalog, now).await;
        narrow.tick(now).await.unwrap();
        assert_eq!(narrow.statuses().len(), 1);
        assert!(narrow.problems()[0].1.contains("1 groups are left out"), "{:?}", narrow.problems());
    });
}

#[test]
fn a_composite_is_made_of_its_members() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        // One member loses a tenth, the other nothing.
        let mut catalog = ratio(GOOD, TOTAL, true);
        catalog[0].further_windows = vec![slo::Window::rolling(Duration::from_secs(86_400))];
        let mut other = ratio(TOTAL, TOTAL, true);
        other[0].name = "search".into();
        let member = |slo: &str, weight: u32| slo::composite::Member {
            slo: slo.into(),
            objective: "1".into(),
            weight: slo::Decimal::whole(weight),
        };
        let mut both = Slo { name: "shop".into(), objectives: Vec::new(), ..catalog[0].clone() };
        both.composite = Some(slo::Composite {
            name: "composite".into(),
            display_name: None,
            kind: slo::CompositeKind::WeightedAverage,
            target: slo::Ratio::new("0.9".parse().unwrap()),
            missing: slo::composite::MissingMember::Null,
            members: vec![member("checkout", 1), member("search", 3)],
            tiers: Vec::new(),
        });
        catalog.extend(other);
        catalog.push(both.clone());
        let now = second(630);
        let first = evaluator(&bench, catalog.clone(), now).await;
        tick(&first, now).await;
        let query =
            "SELECT objective, sli, error_budget_remaining, state, total FROM slo_status WHERE slo = 'shop'";
        assert_eq!(
            bench.rows(query).await,
            ["composite,0.975,0.75,healthy,", "composite,0.975,0.75,healthy,"]
        );
        // A quarter in seven days: four times as long for all of it, and what leaves the window comes back.
        let status = first.statuses()[2].clone();
        assert_eq!(status.exhausted_in_pace_secs, Some(28 * 86_400));
        assert_eq!((status.exhausted_in_rolling_secs, status.exhausted_in_secs), (None, None));
        let of = BudgetOf { slo: "shop", objective: "composite", group: "", window: None };
        let history = first.history(of, (second(0), now), 10).unwrap();
        assert_eq!((history.len(), history[9].at), (10, second(600)));
        assert_eq!((history[9].sli, history[9].error_budget_remaining), (Some(0.975), Some(0.75)));
        let line = first.projection(of, now, 4).unwrap();
        assert_eq!((line.len(), line[0].error_budget_remaining), (5, 0.75));
        let rows = "SELECT count(*), max(error_budget_remaining) FROM slo_history WHERE slo = 'shop'";
        assert_eq!(bench.rows(rows).await, ["720,0.75"]);
        let query = ReportQuery {
            slo: "shop".into(),
            objective: None,
            group: String::new(),
            at: Some(now),
            recorded_by: None,
            windows: vec![Duration::from_secs(300)],
            window: Some("1d".into()),
        };
        let report = first.report(&query).await.unwrap().unwrap();
        assert_eq!((report.status.window.as_str(), report.burn[0].burn_rate), ("1d", Some(0.25)));
        assert_eq!((report.spent.bad, report.spent.allowed_bad), (0.25, Some(1.0)));
        let members: Vec<_> = report.groups.iter().map(|part| (part.group.as_str(), part.bad)).collect();
        assert_eq!(members, [("checkout/1", 0.25), ("search/1", 0.0)]);
        // What had been recorded before anything was measured.
        let before = ReportQuery { recorded_by: Some(second(0)), ..query.clone() };
        assert_eq!(first.report(&before).await.unwrap().unwrap().status.state, SloState::NoData);
        let unknown = ReportQuery { window: Some("2d".into()), ..query };
        assert_eq!(first.report(&unknown).await.unwrap(), None);
        // Without one of them nothing is known.
        if let Some(composite) = &mut both.composite {
            composite.members[1].slo = "nobody".into();
        }
        catalog[2] = both;
        let second = super::evaluator(&bench, catalog, now).await;
        assert_eq!(second.statuses()[2].state, SloState::NoData);
    });
}

#[test]
fn a_composite_of_time_slices_spends_by_member_and_time() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let timeslices = |mut slos: Vec<Slo>, name: &str| {
            slos[0].name = name.into();
            slos[0].method = slo::BudgetingMethod::Timeslices;
            slos[0].objectives[0].counting = slo::objective::Counting::Timeslices {
                width: Duration::from_secs(60),
                target: "0.95".parse().unwrap(),
                empty: slo::objective::EmptyPolicy::Exclude,
            };
            slos.remove(0)
        };
        // Nine tenths are less than 95 %: each slice of the one is bad, none of the other.
        let bad = timeslices(ratio(GOOD, TOTAL, true), "bad");
        let good = timeslices(ratio(TOTAL, TOTAL, true), "good");
        let member = |slo: &str| slo::composite::Member {
            slo: slo.into(),
            objective: "1".into(),
            weight: slo::Decimal::whole(1),
        };
        let mut both = Slo { name: "both".into(), objectives: Vec::new(), ..bad.clone() };
        both.composite = Some(slo::Composite {
            name: "composite".into(),
            display_name: None,
            kind: slo::CompositeKind::AnyBad,
            target: slo::Ratio::new("0.5".parse().unwrap()),
            missing: slo::composite::MissingMember::Null,
            members: vec![member("bad"), member("good")],
            tiers: Vec::new(),
        });
        let evaluator = evaluator(&bench, vec![bad, good, both], now).await;
        tick(&evaluator, now).await;
        let status = evaluator.statuses()[2].clone();
        assert_eq!((status.sli, status.error_budget_remaining), (Some(0.0), Some(-1.0)));
        assert_eq!(status.exhausted_in_rolling_secs, Some(0));
        let of = BudgetOf { slo: "both", objective: "composite", group: "", window: None };
        let history = evaluator.history(of, (second(0), now), 5).unwrap();
        assert!(
            history.iter().skip(1).all(|point| point.error_budget_remaining == Some(-1.0)),
            "{history:?}"
        );
        let query = ReportQuery {
            slo: "both".into(),
            objective: None,
            group: String::new(),
            at: None,
            recorded_by: None,
            windows: Vec::new(),
            window: None,
        };
        let report = evaluator.report(&query).await.unwrap().unwrap();
        assert_eq!((report.spent.bad, report.spent.unexplained.bad), (2.0, 2.0));
        let members: Vec<_> = report.groups.iter().map(|part| (part.group.as_str(), part.bad)).collect();
        assert_eq!(members, [("bad/1", 2.0), ("good/1", 0.0)]);
    });
}
