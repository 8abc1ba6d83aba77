//! Runbooks good and broken, with the exact defects.

use expect_test::{Expect, expect};

use super::*;

const GOOD: &str = r#"---
id: drain-region
title: Drain a region
owner: play
risk: low
timeout: 2m
params:
  - {name: region, from_alert: region, regex: "[a-z]+-[a-z]+", required: true}
trigger:
  matchers: ['service="matchmaking"', 'region=~"eu-.*"']
---
When one region burns the budget alone.

## Look at the queue

It should be below 500.

```sh {step=queue timeout=30s}
wc -l "/var/spool/$region"
```

```text
an example of the output, no step
```

## Drain it
```http {step=drain confirm}
POST http://127.0.0.1:9/drain/${region}
Content-Type: application/json

{"region": "${region}"}
```

```manual {step=tell}
Tell support.
```
"#;

#[test]
fn a_runbook_has_an_intro_and_steps_with_their_prose() {
    let runbook = parse("drain.md", GOOD).unwrap();
    assert_eq!(runbook.intro, "When one region burns the budget alone.");
    let steps: Vec<_> = runbook
        .steps
        .iter()
        .map(|step| {
            (step.name.as_str(), step.title.as_str(), step.kind.as_str(), step.timeout.as_secs(), step.line)
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("queue", "Look at the queue", "command", 30, 18),
            ("drain", "Drain it", "http", 120, 27),
            ("tell", "tell", "manual", 120, 34)
        ]
    );
    assert_eq!(runbook.steps[0].text, "It should be below 500.");
    assert!(runbook.steps[1].confirm && !runbook.steps[0].confirm);
    assert_eq!(runbook.matchers.len(), 2);
}

fn check_defects(text: &str, expect: Expect) {
    let defects = parse("bad.md", text).expect_err("the runbook is bad");
    let lines: Vec<String> = defects.iter().map(ToString::to_string).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn defects_name_the_line_and_what_is_wrong() {
    check_defects(
        "# No head\n",
        expect!["bad.md:1: a runbook begins with a YAML head between two lines ---"],
    );
    check_defects(
        "---\nid: x\ntitle: X\n---\nprose\n",
        expect!["bad.md: no step: mark a fenced block with {step=NAME}"],
    );
    check_defects(
        "---\nid: x\ntitle: X\n---\n```python {step=a}\n1\n```\n```sh {step=b retry=3}\n```\n```http {step=c}\nSEND x\n```\n",
        expect![[r#"
            bad.md:5: a step in "python" is not known: use sh, http or manual
            bad.md:8: "retry=3" is not one of step=NAME, timeout=DURATION, confirm
            bad.md:10: "SEND" is not one of GET, HEAD, POST, PUT, PATCH, DELETE
            bad.md: no step: mark a fenced block with {step=NAME}"#]],
    );
    check_defects(
        "---\nid: x\ntitle: X\nparams:\n  - {name: PATH}\n  - {name: a, regex: '('}\ntrigger: {matchers: ['job']}\n---\n```sh {step=a}\n```\n```sh {step=a}\n```\n",
        expect![[r#"
            bad.md: params: "PATH": a name is lower-case letters, digits and _, and starts with a letter
            bad.md: params: "a": regex: unclosed group
            bad.md: trigger.matchers: "job" is not a matcher such as service="checkout" or region=~"eu-.*"
            bad.md:11: step "a" is there twice"#]],
    );
}

#[test]
fn an_unknown_key_of_the_head_is_an_error_with_its_line() {
    let defects =
        parse("bad.md", "---\nid: x\ntitle: X\nrisks: low\n---\n```sh {step=a}\n```\n").expect_err("bad");
    assert_eq!(defects.len(), 1);
    assert_eq!(defects[0].line, Some(4));
    assert!(defects[0].message.contains("risks"), "{}", defects[0]);
}

#[test]
fn a_runbook_that_would_run_by_itself_is_refused() {
    let defects = parse("bad.md", "---\nid: x\ntitle: X\ntrigger: {mode: auto}\n---\n```sh {step=a}\n```\n")
        .expect_err("bad");
    assert!(defects[0].message.contains("auto"), "{}", defects[0]);
}
