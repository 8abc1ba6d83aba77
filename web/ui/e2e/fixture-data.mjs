// The state behind the fixture server: a small game backend in trouble, told relative to now. Simulated, and
// used by the dashboard's own tests only.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const boot = Date.now();
export const at = (agoMs) => new Date(boot - agoMs).toISOString();
const counters = (stored_rows, requests, duplicate_rows = 0, rejected_rows = 0) => ({
  duplicate_rows,
  failed_requests: 0,
  rejected_rows,
  requests,
  stored_rows,
});
const now = () => new Date().toISOString();

const SERVICES = [
  ["matchmaking", "Matchmaking", "Finds a fair match within seconds", "gameplay", "v412"],
  ["inventory", "Inventory", "Items, currencies, trades", "economy", "v88"],
  ["session-gateway", "Session gateway", "Keeps players connected", "platform", "v1207"],
  ["chat", "Chat", "Party, guild and whisper chat", "social", "v54"],
  ["login", "Login", "Accounts and tokens", "platform", "v301"],
  ["leaderboards", "Leaderboards", "Seasonal rankings", "gameplay", "v77"],
  ["payments", "Payments", "Store purchases", "economy", "v132"],
  ["telemetry-relay", "Telemetry relay", "Client metrics in", "platform", null],
  ["patcher", "Patcher", "Client updates", "platform", "v19"],
  ["matchmaking-eu", "Matchmaking EU", "Regional pool", "gameplay", "v412"],
  ["matchmaking-us", "Matchmaking US", "Regional pool", "gameplay", "v411"],
  ["matchmaking-ap", "Matchmaking AP", "Regional pool", "gameplay", "v411"],
  ["guilds", "Guilds", "Rosters and permissions", "social", "v61"],
  ["friends", "Friends", "Presence and invites", "social", "v61"],
  ["replays", "Replays", "Recording and playback", "gameplay", "v8"],
  ["anticheat", "Anticheat", "Signals and bans", "trust", "v230"],
  ["node", "This machine", "Real metrics of this host", null, null],
];

const ALLOWED = 76_900;

function windows(burn, state) {
  const row = (severity, long, short, factor, threshold, used) => {
    const value = burn === null ? null : burn * factor;
    return {
      severity,
      long,
      short,
      burn_long: value,
      burn_short: value === null ? null : value * 0.94,
      threshold,
      state:
        value === null
          ? "unknown"
          : value > threshold
            ? "firing"
            : value > threshold * 0.8
              ? "one_window_over"
              : "quiet",
      budget_used: used,
    };
  };
  return [
    row("page", "1h", "5m", 1, 14.4, 0.02),
    row("page", "6h", "30m", 0.75, 6, 0.05),
    row("ticket", "1d", "2h", 0.38, 3, 0.1),
    row("ticket", "3d", "6h", 0.11, 1, 0.1),
  ].map((window) =>
    state === "frozen" ? { ...window, state: "unknown", burn_long: null, burn_short: null } : window,
  );
}

function slo(name, service, display, left, burn, state, target = 0.999) {
  const unknown = left === null;
  const bad = unknown ? null : Math.round(ALLOWED * (1 - left));
  const total = 76_900_000;
  const exhausted = !unknown && left > 0 && burn > 1 ? (left * 30 * 86_400) / burn : null;
  return {
    slo: name,
    objective: "1",
    group_key: "",
    method: "Occurrences",
    clamped_slices: 0,
    no_data: null,
    display_name: display,
    service,
    window: "30d",
    target,
    good: unknown ? null : total - bad,
    total: unknown ? null : total,
    bad,
    allowed_bad: unknown ? null : ALLOWED,
    sli: unknown ? null : 1 - (1 - target) * (1 - left),
    consumed: unknown ? null : 1 - left,
    error_budget_remaining: left,
    error_budget_remaining_units: unknown ? null : Math.round(ALLOWED * left),
    error_budget_remaining_secs: unknown ? null : 30 * 86_400 * (1 - target) * left,
    error_budget_remaining_to_date: left,
    exhausted_in_pace_secs: burn ? Math.round((30 * 86_400) / burn) : null,
    exhausted_in_fixed_window_secs: burn ? Math.max(0, Math.round((left * 30 * 86_400) / burn)) : null,
    exhausted_in_rolling_secs: unknown ? null : left <= 0 ? 0 : exhausted && Math.round(exhausted * 1.3),
    burn_rate_1h: burn,
    burn_rate_6h: burn === null ? null : burn * 0.75,
    coverage: state === "frozen" ? 0.41 : state === "no_data" ? 0 : 0.998,
    state,
    as_of: at(0),
    exhausted_in_secs: exhausted,
    exhausted_at: exhausted === null ? null : new Date(boot + exhausted * 1000).toISOString(),
    burn_windows: windows(burn, state),
  };
}

export const slos = [
  slo("matchmaking-availability", "matchmaking", "Matchmaking availability", -0.38, 16.2, "breached"),
  slo("inventory-latency", "inventory", "Inventory latency", 0.204, 8.4, "at_risk", 0.99),
  slo("inventory-availability", "inventory", "Inventory availability", 0.71, 0.6, "healthy"),
  slo("session-availability", "session-gateway", "Session availability", 0.913, 0.42, "healthy", 0.9995),
  slo("chat-delivery", "chat", "Chat delivery", 0.88, 0.08, "healthy", 0.99),
  slo("login-availability", "login", "Login availability", 0.997, 0, "healthy", 0.9999),
  slo("leaderboards-freshness", "leaderboards", "Leaderboards freshness", null, null, "no_data", 0.95),
  slo("payments-availability", "payments", "Payments availability", null, null, "frozen", 0.9995),
  ...[
    "patcher",
    "matchmaking-eu",
    "matchmaking-us",
    "matchmaking-ap",
    "guilds",
    "friends",
    "replays",
    "anticheat",
  ].map((service, index) =>
    slo(
      `${service}-availability`,
      service,
      `${service} availability`,
      0.62 + index * 0.045,
      0.3 + index * 0.1,
      "healthy",
    ),
  ),
  slo("node-disk-free", "node", "Disk space of this machine", 1, 0, "healthy", 0.99),
];

export function services() {
  return SERVICES.map(([name, display_name, description, team, version], index) => {
    const own = slos
      .filter((one) => one.service === name)
      .sort((a, b) => (a.error_budget_remaining ?? 2) - (b.error_budget_remaining ?? 2));
    const worst = own[0] ?? null;
    const status = !worst || worst.state === "frozen" ? "no_data" : worst.state;
    const open = incidents.filter(
      (one) => one.service === name && !["resolved", "closed"].includes(one.state),
    );
    return {
      name,
      display_name,
      description,
      team,
      status,
      slo_count: own.length,
      worst_slo: worst,
      alerts_firing: alerts.filter((alert) => alert.service === name && alert.state === "firing").length,
      incidents_open: open.length,
      worst_severity: open[0]?.severity ?? null,
      on_call: ["Amara Diallo"],
      last_change: version
        ? {
            deploy_id: `d-${name}`,
            version,
            status: index === 0 ? "failed" : "succeeded",
            at: at((index * 7 + 1) * HOUR),
          }
        : null,
    };
  });
}

export const definition = (name) => `apiVersion: openslo/v1
kind: SLO
metadata:
  name: ${name}
  displayName: ${slos.find((one) => one.slo === name)?.display_name ?? name}
spec:
  service: ${slos.find((one) => one.slo === name)?.service ?? "unknown"}
  description: Requests answered without a server error.
  budgetingMethod: Occurrences
  timeWindow:
    - duration: 30d
      isRolling: true
  indicator:
    metadata:
      name: ${name}-ratio
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            type: Prometheus
            spec:
              query: sum(game_requests_total{service="matchmaking",code!~"5.."})
        total:
          metricSource:
            type: Prometheus
            spec:
              query: sum(game_requests_total{service="matchmaking"})
  objectives:
    - target: 0.999
`;

export function sloHistory(name, from, to, points) {
  const one = slos.find((candidate) => candidate.slo === name);
  const left = one?.error_budget_remaining ?? null;
  const start = Date.parse(from);
  const end = Math.min(Date.parse(to), Date.now());
  const step = (end - start) / points;
  const dip = boot - 20 * DAY;
  const recent = boot - 3 * DAY;
  const list = [];
  for (let index = 0; index <= points; index++) {
    const t = start + index * step;
    let value = left;
    if (left !== null) {
      const drift = Math.min(1, Math.max(0, (t - (boot - 30 * DAY)) / (27 * DAY)));
      const before = 1 - drift * 0.2 - (t > dip ? 0.3 * Math.min(1, (t - dip) / (9 * HOUR)) : 0);
      const fall = t > recent ? (t - recent) / (boot - recent) : 0;
      value = left > 0.6 ? 1 - (1 - left) * drift : before + (left - 0.5) * fall;
    }
    // A gap in the data, so that the gap is drawn as one.
    if (t > boot - 12.6 * DAY && t < boot - 12.2 * DAY) value = null;
    list.push({
      at: new Date(t).toISOString(),
      good: value === null ? null : 2_500_000,
      total: value === null ? null : 2_502_000,
      sli: value === null ? null : 0.9992,
      error_budget_remaining: value,
    });
  }
  const projection =
    left === null
      ? []
      : Array.from({ length: 21 }, (_, index) => {
          const days = index * 0.3;
          const fall = left > 0.6 ? days * 0.006 : days * 0.08;
          return {
            at: new Date(boot + days * DAY).toISOString(),
            error_budget_remaining: left - fall,
            low: left - fall * 1.6,
            high: left - fall * 0.6,
          };
        });
  return {
    points: list,
    incidents: [
      {
        incident_id: "INC-17",
        title: "Region failover",
        severity: "SEV2",
        started_at: at(20 * DAY),
        restored_at: at(20 * DAY - 9 * HOUR),
      },
      {
        incident_id: "INC-23",
        title: "Matchmaking errors after v412",
        severity: "SEV2",
        started_at: at(26 * MINUTE),
        restored_at: null,
      },
    ],
    deploys: [
      {
        deploy_id: "d1",
        version: "v409",
        service: one?.service ?? "",
        at: at(16 * DAY),
        status: "succeeded",
      },
      { deploy_id: "d2", version: "v412", service: one?.service ?? "", at: at(3 * DAY), status: "failed" },
    ],
    projection,
  };
}

export const alerts = [
  alert(
    "a1",
    "SloBurnRate",
    "matchmaking",
    "page",
    "firing",
    26,
    "slo:matchmaking-availability",
    "INC-23",
    16.2,
    {
      slo: "matchmaking-availability",
      objective: "1",
      window: "1h",
    },
  ),
  alert("a2", "SloBurnRate", "inventory", "ticket", "firing", 190, "slo:inventory-latency", null, 8.4, {
    slo: "inventory-latency",
    objective: "1",
    window: "1d",
  }),
  alert("a3", "HighQueueDepth", "matchmaking", "SEV3", "firing", 21, "rule:game.yaml", "INC-23", 18_240, {
    queue: "ranked",
    region: "eu-central",
    instance: "mm-7f9c",
  }),
  alert("a4", "DiskFillingUp", "node", "warning", "pending", 4, "rule:node.yaml", null, 0.08, {
    device: "/dev/vda1",
    mountpoint: "/",
    instance: "localhost",
  }),
  {
    ...alert(
      "a6",
      "ErrorBudgetSpent",
      "inventory",
      "notice",
      "firing",
      320,
      "slo:inventory-latency",
      null,
      79.6,
      {
        slo: "inventory-latency",
        objective: "1",
        percent: "75",
      },
    ),
    kind: "notice",
    explains: "79.6 % of the 30d budget is spent (notice at 75 %): 61212 bad of 76900 allowed",
  },
  alert("a5", "ChatDeliveryDelay", "chat", "SEV4", "resolved", 900, "rule:game.yaml", "INC-22", 2.4, {
    region: "us-east",
  }),
];

function alert(id, name, service, severity, state, minutes, source, incident_id, value, labels) {
  return {
    id,
    alert: name,
    labels: { alertname: name, service, severity, ...labels },
    annotations: {
      summary:
        name === "SloBurnRate"
          ? `${service} burns its 30 day error budget ${value} times too fast`
          : name === "HighQueueDepth"
            ? "18,240 players wait for a match in eu-central"
            : "",
    },
    service,
    severity,
    state,
    active_at: at(minutes * MINUTE),
    fired_at: state === "pending" ? null : at((minutes - 1) * MINUTE),
    resolved_at: state === "resolved" ? at((minutes - 60) * MINUTE) : null,
    value,
    source,
    acknowledged_at: null,
    acknowledged_by: null,
    incident_id,
    explains: null,
    kind: "alert",
  };
}

export const incidents = [
  incident(
    "INC-23",
    "Matchmaking errors after deploy v412",
    "matchmaking",
    "SEV2",
    "triage",
    26 * MINUTE,
    {},
  ),
  incident("INC-24", "Disk of the build host fills up", "node", "SEV4", "investigating", 5 * HOUR, {
    acknowledged_at: at(5 * HOUR - 4 * MINUTE),
    acknowledged_by: "Jonas Weber",
    commander: "Jonas Weber",
  }),
  incident(
    "INC-22",
    "Chat delivery delayed in us-east",
    "chat",
    "SEV3",
    "resolved",
    15 * HOUR,
    ended(15 * HOUR, 52),
  ),
  incident(
    "INC-21",
    "Store purchases fail for some cards",
    "payments",
    "SEV1",
    "closed",
    4 * DAY,
    ended(4 * DAY, 95),
  ),
  incident(
    "INC-17",
    "Region failover took nine hours",
    "matchmaking",
    "SEV2",
    "closed",
    20 * DAY,
    ended(20 * DAY, 540),
  ),
];

function ended(agoMs, minutes) {
  return {
    acknowledged_at: at(agoMs - 3 * MINUTE),
    acknowledged_by: "Amara Diallo",
    commander: "Amara Diallo",
    mitigated_at: at(agoMs - (minutes - 10) * MINUTE),
    restored_at: at(agoMs - (minutes - 5) * MINUTE),
    resolved_at: at(agoMs - minutes * MINUTE),
  };
}

function incident(incident_id, title, service, severity, state, agoMs, rest) {
  return {
    incident_id,
    title,
    service,
    severity,
    state,
    commander: null,
    started_at: at(agoMs),
    detected_at: at(agoMs - 40_000),
    acknowledged_at: null,
    acknowledged_by: null,
    mitigated_at: null,
    restored_at: null,
    resolved_at: null,
    closed_at: null,
    source: "evenkeel",
    alerts_firing: 0,
    ...rest,
  };
}

const event = (event_id, kind, agoMs, actor, title, detail = null, links = []) => ({
  event_id,
  kind,
  at: at(agoMs),
  actor,
  title,
  detail,
  links,
});

export const timelines = new Map([
  [
    "INC-23",
    [
      event(
        "e1",
        "deploy",
        31 * MINUTE,
        "ci",
        "Deploy v412 of matchmaking finished",
        "9 commits, by Lena Fischer",
        [{ label: "Compare v411 and v412", href: "https://git.example.org/game/compare/v411...v412" }],
      ),
      event(
        "e2",
        "alert",
        26 * MINUTE,
        null,
        "SloBurnRate fires",
        "Burn rate 16.2× over 1 h and 15.2× over 5 min, threshold 14.4×",
        [{ label: "Matchmaking availability", href: "/slos/matchmaking-availability" }],
      ),
      event("e3", "incident", 26 * MINUTE - 2000, null, "Incident opened as SEV2"),
      event(
        "e4",
        "page",
        26 * MINUTE - 4000,
        null,
        "Page to Amara Diallo by email",
        "Step 1 of policy gameplay: sent",
      ),
      event("e5", "alert", 21 * MINUTE, null, "HighQueueDepth fires", "18,240 players wait in eu-central"),
      event(
        "e6",
        "escalation",
        11 * MINUTE,
        null,
        "Escalated to step 2",
        "Nobody acknowledged within 15 min: Jonas Weber is paged",
      ),
      event(
        "e7",
        "page",
        11 * MINUTE - 3000,
        null,
        "Page to Jonas Weber by email",
        "Step 2 of policy gameplay: sent",
      ),
    ],
  ],
]);

const page = (page_id, recipient, step, agoMs, state) => ({
  page_id,
  incident_id: "INC-23",
  alert: "SloBurnRate",
  recipient,
  channel: "email",
  address: `${recipient.split(" ")[0].toLowerCase()}@example.org`,
  step,
  state,
  queued_at: at(agoMs),
  sent_at: at(agoMs - 1000),
  delivered_at: null,
  acknowledged_at: null,
  error: null,
});
export const pages = [
  page("p1", "Amara Diallo", 1, 26 * MINUTE, "sent"),
  page("p2", "Jonas Weber", 2, 11 * MINUTE, "sent"),
];

export const runbooks = [
  {
    id: "matchmaking-rollback",
    title: "Roll back matchmaking",
    risk: "medium",
    owner: "gameplay",
    source: "runbooks/matchmaking-rollback.md",
    html: "<p>Use this when errors began with a deploy. Rolling back takes about <strong>two minutes</strong>; players in a queue stay in it.</p>",
    params: [
      {
        name: "region",
        type: "string",
        required: true,
        secret: false,
        default: "eu-central",
        from_alert: "region",
      },
      {
        name: "version",
        type: "string",
        required: false,
        secret: false,
        default: "v411",
        from_alert: "version",
      },
    ],
    steps: [
      step(
        "look",
        "manual",
        "Look at the error rate",
        "<p>Open the dashboard and check that the errors began with the deploy.</p>",
        null,
      ),
      step("status", "command", "Show the running version", "", 'matchctl status --region "$REGION"'),
      step(
        "rollback",
        "command",
        "Roll back",
        "<p>Replaces one instance after the other.</p>",
        'matchctl rollback --region "$REGION" --to "$VERSION"',
        true,
      ),
      step("health", "http", "Check the health endpoint", "", "GET https://matchmaking.example.org/healthz"),
    ],
  },
  {
    id: "drain-region",
    title: "Drain a region",
    risk: "high",
    owner: "platform",
    source: "runbooks/drain-region.md",
    html: "<p>Moves players to the next region.</p>",
    params: [
      { name: "region", type: "string", required: true, secret: false, default: null, from_alert: null },
    ],
    steps: [
      step("drain", "command", "Drain the region", "", 'gatewayctl drain "$REGION"', true),
      step("verify", "manual", "Verify that no player is left", "", null),
    ],
  },
  {
    id: "disk-space",
    title: "Free disk space",
    risk: "low",
    owner: "platform",
    source: "runbooks/disk-space.md",
    html: "",
    params: [],
    steps: [
      step("df", "command", "Show what is full", "", "df -h"),
      step("clean", "command", "Remove old build caches", "", "build-cache prune --older-than 7d"),
    ],
  },
];

function step(name, kind, title, html, preview, confirm = false) {
  return {
    name,
    kind,
    title,
    html,
    preview,
    timeout: kind === "manual" ? null : "60s",
    approve: null,
    confirm,
  };
}

export const runs = new Map();

const MARKDOWN = `# Chat delivery delayed in us-east

Incident INC-22, SEV3, service chat.

## Summary

Messages in us-east arrived up to 40 s late for 52 minutes.

## Impact

| what | value |
| --- | --- |
| Error budget spent | 12 % |
| Players affected | about 8,400 |

## Timeline

- 14:02 ChatDeliveryDelay fires
- 14:05 acknowledged by Amara Diallo
- 14:44 mitigated: queue consumers doubled
- 14:54 resolved

## Causes

One consumer group stopped after a rebalance and nothing noticed.

## Actions

- [ ] Alert on consumer lag (Amara, 2026-12-01)
- [ ] Rebalance with a cool-down (Jonas, 2026-12-08)
`;

const quote = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Just enough Markdown for the fixtures; the real server renders with a real parser and a sanitiser. */
export function render(markdown) {
  const inline = (text) =>
    quote(text)
      .replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
      .replace(/`(.+?)`/g, "<code>$1</code>");
  return markdown
    .trim()
    .split(/\n{2,}/)
    .map((block) => {
      const heading = /^(#{1,3}) (.+)$/.exec(block);
      if (heading) return `<h${heading[1].length + 1}>${inline(heading[2])}</h${heading[1].length + 1}>`;
      const lines = block.split("\n");
      if (lines.every((line) => line.startsWith("- "))) {
        return `<ul>${lines.map((line) => `<li>${inline(line.slice(2).replace(/^\[ \] /, "☐ "))}</li>`).join("")}</ul>`;
      }
      if (lines.every((line) => line.startsWith("|"))) {
        const cells = (line, tag) =>
          line
            .slice(1, -1)
            .split("|")
            .map((text) => `<${tag}>${inline(text.trim())}</${tag}>`)
            .join("");
        return `<table><thead><tr>${cells(lines[0], "th")}</tr></thead><tbody>${lines
          .slice(2)
          .map((line) => `<tr>${cells(line, "td")}</tr>`)
          .join("")}</tbody></table>`;
      }
      return `<p>${inline(block)}</p>`;
    })
    .join("\n");
}

export const retros = [
  retro("INC-22", "Chat delivery delayed in us-east", "draft", MARKDOWN),
  retro(
    "INC-21",
    "Store purchases fail for some cards",
    "published",
    MARKDOWN.replaceAll("INC-22", "INC-21"),
  ),
];

export function retro(incident_id, title, state, markdown) {
  return {
    id: `retro-${incident_id}`,
    incident_id,
    title,
    state,
    markdown,
    html: render(markdown),
    created_at: at(10 * HOUR),
    updated_at: at(2 * HOUR),
    updated_by: "Amara Diallo",
  };
}

export const targets = {
  targets: [
    {
      job: "node",
      instance: "db-2:9100",
      labels: { job: "node", instance: "db-2:9100", env: "production" },
      url: "http://db-2:9100/metrics",
      health: "down",
      interval: "15s",
      last_scrape: at(9_000),
      duration_secs: 0.002,
      samples: 0,
      error: "error sending request: tcp connect error: Connection refused (os error 111)",
      complaint: null,
    },
    {
      job: "node",
      instance: "db-1:9100",
      labels: { job: "node", instance: "db-1:9100", env: "production" },
      url: "http://db-1:9100/metrics",
      health: "up",
      interval: "15s",
      last_scrape: at(12_000),
      duration_secs: 0.0312,
      samples: 1284,
      error: null,
      complaint: null,
    },
  ],
  faults: [],
};

export const oncall = [
  {
    name: "gameplay-primary",
    display_name: "Gameplay primary",
    timezone: "Europe/Paris",
    on_call: { user: "Amara Diallo", until: at(-9 * HOUR) },
    next: { user: "Priya Nair", at: at(-9 * HOUR) },
    gaps: [],
  },
  {
    name: "platform-primary",
    display_name: "Platform primary",
    timezone: "UTC",
    on_call: { user: "Jonas Weber", until: at(-33 * HOUR) },
    next: { user: "Mei Tanaka", at: at(-33 * HOUR) },
    gaps: [{ from: at(-5 * DAY), to: at(-5 * DAY - 6 * HOUR) }],
  },
  {
    name: "trust-weekend",
    display_name: "Trust, weekends",
    timezone: "America/New_York",
    on_call: null,
    next: { user: "Sam Okafor", at: at(-4 * DAY) },
    gaps: [{ from: at(2 * DAY), to: at(-4 * DAY) }],
  },
];

export const cardinality = {
  series: 184_220,
  series_max: 2_000_000,
  series_per_metric_max: 300_000,
  series_per_source_max: 1_500_000,
  metrics: [
    {
      metric: "session_duration_seconds_bucket",
      series: 152_004,
      samples_per_minute: 608_016,
      widest_label: { label: "session_id", values: 12_667 },
    },
    {
      metric: "http_requests_total",
      series: 4_120,
      samples_per_minute: 16_480,
      widest_label: { label: "path", values: 412 },
    },
    { metric: "up", series: 64, samples_per_minute: 256, widest_label: { label: "instance", values: 64 } },
  ],
  labels: [
    { label: "session_id", values: 12_667, series: 152_004, value_bytes: 5_472_144 },
    { label: "path", values: 412, series: 4_120, value_bytes: 98_880 },
    { label: "instance", values: 64, series: 184_220, value_bytes: 3_500_180 },
  ],
  sources: [
    { source: "remote_write:prometheus-eu", series: 171_900, samples: 4_812_344, rejected: 112 },
    { source: "otlp_metrics:collector", series: 12_320, samples: 61_870, rejected: 0 },
  ],
};

export const status = () => ({
  ready: true,
  components: [
    { name: "ingest", ok: true, detail: "writing, 212 MiB of write-ahead log" },
    { name: "lake", ok: true, detail: "6 tables, last commit 12 s ago" },
    { name: "query", ok: true, detail: "0 of 8 queries running" },
    { name: "engine", ok: true, detail: "last evaluation 9 s ago" },
    { name: "mail", ok: true, detail: "127.0.0.1:2525, 3 sent" },
  ],
  version: "0.1.0",
  started_at: at(3 * HOUR),
  ingest: {
    remote_write: counters(4_812_344, 9_120, 112, 3),
    otlp_metrics: counters(61_870, 412),
    otlp_logs: counters(88_214, 410),
    events: counters(341, 342, 0, 1),
  },
  objects: {
    files: 14,
    defects: [
      {
        file: "objects/slo-leaderboards.yaml",
        line: 12,
        severity: "error",
        message: "unknown field `targt`, expected `target`",
      },
      {
        file: "objects/schedules.yaml",
        line: 31,
        severity: "warning",
        message: "schedule trust-weekend has no one on call Monday to Friday",
      },
    ],
  },
});

export const mails = [
  {
    id: "m2",
    to: "jonas@example.org",
    from: "evenkeel@example.org",
    subject: "[SEV2] Matchmaking errors after deploy v412 (escalated)",
    received_at: at(11 * MINUTE - 3500),
    text: `Nobody acknowledged within 15 minutes, so this comes to you (step 2).

INC-23  SEV2  matchmaking
Matchmaking availability burns its 30 day error budget 16.2 times too fast.

Acknowledge: http://127.0.0.1:7400/p/4hV2kq.example.token
Incident:    http://127.0.0.1:7400/incidents/INC-23
`,
    html: null,
    links: ["http://127.0.0.1:7400/p/4hV2kq.example.token", "http://127.0.0.1:7400/incidents/INC-23"],
  },
  {
    id: "m1",
    to: "amara@example.org",
    from: "evenkeel@example.org",
    subject: "[SEV2] Matchmaking errors after deploy v412",
    received_at: at(26 * MINUTE - 5000),
    text: `INC-23  SEV2  matchmaking
Matchmaking availability burns its 30 day error budget 16.2 times too fast.

Acknowledge: http://127.0.0.1:7400/p/9sT1ab.example.token
`,
    html: null,
    links: ["http://127.0.0.1:7400/p/9sT1ab.example.token"],
  },
];

export function record(incidentId, kind, title, actor = "admin", detail = null) {
  const list = timelines.get(incidentId) ?? [];
  list.push({ event_id: `e${Date.now()}${list.length}`, kind, at: now(), actor, title, detail, links: [] });
  timelines.set(incidentId, list);
}

export const makeIncident = (id, { title, service, severity }) => ({
  ...incident(id, title, service, severity, "triage", 0, {}),
  started_at: now(),
  detected_at: now(),
});
