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
            objective: "1".into(),
            group: r#"{region="us"}"#.into(),
            at: second(300),
            recorded_by: None,
            windows: Vec::new(),
            causes: Vec::new(),
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
        assert_eq!(bench.rows(query).await, ["composite,0.975,0.75,healthy,"]);
        // Without one of them nothing is known.
        if let Some(composite) = &mut both.composite {
            composite.members[1].slo = "nobody".into();
        }
        catalog[2] = both;
        let second = super::evaluator(&bench, catalog, now).await;
        assert_eq!(second.statuses()[2].state, SloState::NoData);
    });
}
