//! Expressions printed over several lines, and as Prometheus' trees.

use super::*;

#[test]
fn short_queries_stay_on_a_line_and_long_ones_do_not() {
    assert_eq!(format("foo/bar").unwrap(), "foo / bar");
    assert_eq!(format("sum  by(job)(rate( up [5m] ))").unwrap(), "sum by (job) (rate(up[5m]))");
    let long = r#"sum by (instance, job) (rate(http_requests_total{code=~"5..", job="checkout"}[5m])) / sum by (instance, job) (rate(http_requests_total{job="checkout"}[5m]))"#;
    let formatted = format(long).unwrap();
    assert!(formatted.lines().count() > 2, "{formatted}");
    assert_eq!(syntax_tree(&formatted).unwrap(), syntax_tree(long).unwrap());
    assert!(matches!(format("sum(").unwrap_err(), PromqlError::Bad(_)));
}

#[test]
fn trees_are_those_of_prometheus() {
    let empty: [&str; 0] = [];
    assert_eq!(
        syntax_tree("foo/bar").unwrap(),
        json!({
            "type": "binaryExpr", "op": "/", "bool": false,
            "matching": { "card": "one-to-one", "labels": empty, "on": false, "include": empty },
            "lhs": {
                "type": "vectorSelector", "name": "foo", "offset": 0, "timestamp": null, "startOrEnd": null,
                "matchers": [{ "name": "__name__", "type": "=", "value": "foo" }],
            },
            "rhs": {
                "type": "vectorSelector", "name": "bar", "offset": 0, "timestamp": null, "startOrEnd": null,
                "matchers": [{ "name": "__name__", "type": "=", "value": "bar" }],
            },
        })
    );
    let joined = syntax_tree("a * on(x) group_left(y) b").unwrap();
    assert_eq!(
        joined["matching"],
        json!({ "card": "many-to-one", "labels": ["x"], "on": true, "include": ["y"] })
    );
    assert_eq!(syntax_tree("a and b").unwrap()["matching"]["card"], "many-to-many");
    assert_eq!(syntax_tree("a > bool 1").unwrap()["matching"], Value::Null);
    assert_eq!(syntax_tree("a > bool 1").unwrap()["bool"], true);
    let call = syntax_tree("rate(up{job!~\"x\"}[5m] offset -1m @ 2)").unwrap();
    assert_eq!(
        call["func"],
        json!({ "name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector" })
    );
    let range = &call["args"][0];
    assert_eq!(
        (&range["type"], &range["range"], &range["offset"], &range["timestamp"]),
        (&json!("matrixSelector"), &json!(300_000), &json!(-60_000), &json!(2_000))
    );
    assert_eq!(range["matchers"][0], json!({ "name": "job", "type": "!~", "value": "x" }));
    let aggregate = syntax_tree("topk without(x) (3, -up)").unwrap();
    assert_eq!((&aggregate["op"], &aggregate["without"]), (&json!("topk"), &json!(true)));
    assert_eq!((&aggregate["param"]["val"], &aggregate["expr"]["type"]), (&json!("3"), &json!("unaryExpr")));
    let subquery = syntax_tree("max_over_time((up)[1h:1m] @ start())").unwrap();
    let inner = &subquery["args"][0];
    assert_eq!(
        (&inner["type"], &inner["step"], &inner["startOrEnd"], &inner["expr"]["type"]),
        (&json!("subquery"), &json!(60_000), &json!("start"), &json!("parenExpr"))
    );
}
