//! Configuration that several promises share.

/// The service whose policy pages.
pub const PAGED_SERVICE: &str = "checkout";

/// Ada is paged at once, Grace ten minutes later.
pub const PEOPLE: &str = "
apiVersion: evenkeel/v1
kind: User
metadata: {name: ada}
spec: {email: ada@shop.example, timezone: UTC, contacts: [{channel: email}]}
---
apiVersion: evenkeel/v1
kind: User
metadata: {name: grace}
spec: {email: grace@shop.example, timezone: UTC, contacts: [{channel: email}]}
---
apiVersion: evenkeel/v1
kind: Schedule
metadata: {name: primary}
spec:
  timezone: UTC
  layers: [{start: '2026-01-05T09:00:00', rotation: weekly, users: [ada]}]
---
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: shop}
spec:
  steps:
    - {delay: 0m, targets: [{schedule: primary}]}
    - {delay: 10m, targets: [{user: grace}]}
---
apiVersion: evenkeel/v1
kind: Service
metadata: {name: checkout}
spec: {escalationPolicy: shop}
";

/// A Prometheus rule file with one alert of that service, evaluated every second.
pub fn rule(alert: &str, expr: &str, hold: &str, severity: &str) -> String {
    format!(
        "groups:
  - name: {alert}
    interval: 1s
    rules:
      - alert: {alert}
        expr: {expr}
        for: {hold}
        labels: {{severity: {severity}, service: {PAGED_SERVICE}}}
        annotations: {{summary: '{alert} on {PAGED_SERVICE}'}}
"
    )
}
