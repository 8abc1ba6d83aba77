// Reports, gates, recovery and delivery of the invented game: what the pages about reliability ask for.
import { at, slos } from "./fixture-data.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function report(status, params) {
  const end = Date.parse(params.get("at") ?? at(0));
  const known = status.error_budget_remaining !== null;
  const bad = known ? status.bad : 0;
  const share = (part) => (known ? (part * bad) / status.allowed_bad : null);
  const cause = (kind, id, title, agoMs, lasted, part) => ({
    kind,
    id,
    title,
    from: at(agoMs),
    to: at(agoMs - lasted),
    bad: Math.round(part * bad),
    budget_share: share(part),
    bad_share: part,
  });
  return {
    status: { ...status, ...(params.has("reported_on") && known && { sli: status.sli - 0.0002 }) },
    burn: (params.get("windows") ?? "1h,6h,1d,3d").split(",").map((window, index) => ({
      window,
      burn_rate: known ? status.burn_rate_1h / 2 ** index : null,
      budget_used: known ? (0.02 * status.burn_rate_1h) / 14.4 : null,
      coverage: status.coverage,
    })),
    spent: {
      from: new Date(end - 30 * DAY).toISOString(),
      to: new Date(end).toISOString(),
      bad,
      allowed_bad: status.allowed_bad,
      causes: known
        ? [
            cause("incident", "INC-17", "Region failover took nine hours", 20 * DAY, 9 * HOUR, 0.48),
            cause("deploy", "d2", "v412", 3 * DAY, HOUR, 0.21),
            cause(
              "incident",
              "INC-23",
              "Matchmaking errors after deploy v412",
              26 * MINUTE,
              26 * MINUTE,
              0.13,
            ),
          ]
        : [],
      unexplained_bad: Math.round(0.18 * bad),
      unexplained_budget_share: share(0.18),
    },
    groups: [],
    excluded: [
      {
        maintenance_id: "db-upgrade",
        title: "Database upgrade",
        from: at(9 * DAY),
        to: at(9 * DAY - 2 * HOUR),
        effect: "remove",
        actor: "Lena Fischer",
        recorded_at: at(10 * DAY),
      },
    ],
  };
}

const condition = (check, subject, window, value, relation, limit, detail, blocks = false) => ({
  check,
  subject,
  window,
  value,
  relation,
  limit,
  outcome: value === null ? "unknown" : blocks ? "not_met" : "met",
  blocks,
  detail,
});

function gateOf(service) {
  const own = slos.filter((one) => one.service === service);
  const conditions = own.flatMap((one) => {
    const id = `${one.slo}/1`;
    const [left, burn] = [one.error_budget_remaining, one.burn_rate_1h];
    const words = left === null ? "it is not known" : `${(left * 100).toFixed(1)} %`;
    return [
      condition(
        "budget_remaining",
        id,
        null,
        left,
        "above",
        0.1,
        `${words} of the error budget is left, more than 10 % has to be`,
        left !== null && left <= 0.1,
      ),
      condition(
        "burn_rate",
        id,
        "1h",
        burn,
        "below",
        14.4,
        `the budget burns at ${burn}x over 1h, it has to be below 14.4x`,
        burn !== null && burn >= 14.4,
      ),
    ];
  });
  const firing = service === "matchmaking" ? 1 : 0;
  conditions.push(
    condition(
      "open_incidents",
      "SEV2",
      null,
      firing,
      "at_most",
      0,
      `${firing} open incidents of SEV2`,
      firing > 0,
    ),
    condition(
      "firing_pages",
      null,
      null,
      firing,
      "at_most",
      0,
      `${firing} alerts that page are firing`,
      firing > 0,
    ),
    condition(
      "change_fail_rate",
      null,
      null,
      service === "chat" ? null : 0.08,
      "at_most",
      0.25,
      "8 % of changes failed",
    ),
    condition("freeze", null, null, 0, "at_most", 0, "no freeze holds"),
  );
  const blocked = conditions.some(({ blocks }) => blocks);
  return {
    service,
    allowed: !blocked,
    verdict: blocked ? "blocked" : "allowed",
    policy: blocked ? "game" : "default",
    decided_at: at(0),
    explanation: "",
    conditions,
    opened_by: null,
    overrides: [],
    next_freeze: { name: "weekend", reason: null, from: at(-2 * DAY), until: at(-4 * DAY) },
  };
}

export const gates = [...new Set(slos.map(({ service }) => service))].map(gateOf);

const REASON_CHARS_MAX = 1000;

/** What the real server refuses, at the same fields. */
export function refuse({ reason = "", expires_at = "" }) {
  if (reason.trim() === "") return { pointer: "/reason", message: "must not be empty" };
  if (reason.length > REASON_CHARS_MAX) return { pointer: "/reason", message: "is too long" };
  if (Date.parse(expires_at) > Date.now() + 12 * HOUR)
    return {
      pointer: "/expires_at",
      message: "an override lasts 12h at most (overrideMax of the gate policy)",
    };
  return null;
}

function settle(gate) {
  gate.opened_by = gate.overrides.find(({ active }) => active) ?? null;
  const blocked = gate.conditions.some(({ blocks }) => blocks);
  gate.verdict = !blocked ? "allowed" : gate.opened_by ? "overridden" : "blocked";
  gate.allowed = gate.verdict !== "blocked";
}

export function open(gate, { reason, expires_at }, id) {
  const given = {
    id,
    reason,
    actor: "admin",
    created_at: new Date().toISOString(),
    expires_at,
    active: true,
    revoked_at: null,
    revoked_by: null,
    revoke_reason: null,
  };
  gate.overrides.unshift(given);
  settle(gate);
  return given;
}

export function revoke(gate, given, reason) {
  Object.assign(given, {
    active: false,
    revoked_at: new Date().toISOString(),
    revoked_by: "admin",
    revoke_reason: reason,
  });
  settle(gate);
  return given;
}

const ASKED = [
  [4 * MINUTE, "matchmaking", "blocked", "game", "ci"],
  [50 * MINUTE, "inventory", "allowed", "default", "ci"],
  [3 * HOUR, "matchmaking", "overridden", "game", "Amara Diallo"],
  [26 * HOUR, "chat", "allowed", "default", "ci"],
];

export function decisions(service) {
  const names = ["at", "service", "verdict", "policy", "actor", "conditions", "event_id"];
  const rows = ASKED.filter(([, asked]) => service === undefined || asked === service).map(
    ([ago, asked, verdict, policy, actor]) => {
      const conditions = verdict === "allowed" ? [] : gateOf(asked).conditions;
      return [at(ago), asked, verdict, policy, actor, JSON.stringify(conditions), `${asked}-${ago}`];
    },
  );
  return { columns: names.map((name) => ({ name, type: "Utf8" })), rows };
}

const lengths = (n, mean, open = 0) => ({
  n,
  open,
  missing: 0,
  negative: 0,
  mean_secs: n === 0 ? null : mean,
  median_secs: n === 0 ? null : mean * 0.7,
  p90_secs: n === 0 ? null : mean * 2.2,
});

const WIDTHS = { "1 day": DAY, "1 week": 7 * DAY, "1 month": 30 * DAY };
const GROUPS = {
  service: ["chat", "matchmaking", "payments"],
  team: ["economy", "gameplay", "social"],
  severity: ["SEV1", "SEV2", "SEV3"],
};

/** Periods times groups, each made by `row(n, period)`; a period of which nothing is known has n = 0. */
function rowsOf(params, make) {
  const from = Date.parse(params.get("from"));
  const to = Date.parse(params.get("to"));
  const width = WIDTHS[params.get("width")] ?? to - from;
  const keys = (params.get("by") ?? "").split(",").filter((key) => key in GROUPS);
  const groups = keys.reduce(
    (list, key) => list.flatMap((group) => GROUPS[key].map((value) => ({ ...group, [key]: value }))),
    [{}],
  );
  const rows = [];
  for (let start = from, period = 0; start < to; start += width, period++) {
    for (const [index, group] of groups.entries()) {
      const n = params.has("width") ? (period * 2 + index) % 4 : 9 - index * 3;
      rows.push({
        from: new Date(start).toISOString(),
        to: new Date(Math.min(to, start + width)).toISOString(),
        service: null,
        team: null,
        ...make(n, period),
        ...group,
      });
    }
  }
  return { from: params.get("from"), to: params.get("to"), rows };
}

export const recovery = (params) =>
  rowsOf(params, (n, period) => ({
    severity: null,
    incidents: n,
    open: n > 3 ? 1 : 0,
    oldest_open_secs: n > 3 ? 26 * 60 : null,
    false_alarms: n > 3 ? 2 : 0,
    precision: n === 0 ? null : n / (n + 2),
    downtime_secs: n * 1500,
    availability: n === 0 ? null : 1 - n * 0.0004,
    failures: n,
    mtbf_secs: n < 3 ? null : 8 * 86_400,
    mtbsi_secs: n < 3 ? null : 8.1 * 86_400,
    uptime_per_failure_secs: n === 0 ? null : 9 * 86_400,
    detect: lengths(n, 95 + period * 4),
    acknowledge: lengths(Math.max(0, n - 1), 240, n > 3 ? 1 : 0),
    respond: lengths(n, 1900 - period * 60),
    repair: lengths(0, 0),
    restore: lengths(n, 2100 - period * 80, n > 3 ? 1 : 0),
    resolve: lengths(n, 4200 - period * 90, n > 3 ? 1 : 0),
    resolve_active: lengths(n, 4000),
  }));

export const delivery = (params) =>
  rowsOf(params, (n, period) => ({
    deployments: n * 4,
    deployments_per_day: n * 0.3,
    failed_deployments: n > 2 ? 2 : 0,
    change_fail_rate: n === 0 ? null : n > 2 ? 2 / (n * 4) : 0,
    rework_deployments: n > 3 ? 1 : 0,
    rework_rate: n === 0 ? null : n > 3 ? 1 / (n * 4) : 0,
    attributed_incidents: n > 2 ? 2 : 0,
    unattributed_incidents: n > 3 ? 1 : 0,
    lead_time: lengths(n * 9, 90_000 - period * 2000),
    recovery: lengths(n > 2 ? 2 : 0, 3300),
  }));

export function impact(params) {
  const one = (incident_id, service, severity, agoMs, minutes, users, requests, requests_source) => ({
    incident_id,
    service,
    team: service === "payments" ? "shop" : "game",
    severity,
    started_at: at(agoMs),
    ended_at: minutes === null ? null : at(agoMs - minutes * MINUTE),
    minutes: minutes ?? 26,
    users_affected: users,
    user_minutes: users === null ? null : users * (minutes ?? 26),
    requests_affected: requests,
    requests_source,
  });
  return {
    from: params.get("from"),
    to: params.get("to"),
    rows: [],
    incidents: [
      one("INC-23", "matchmaking", "SEV2", 26 * MINUTE, null, null, 18_240, "slo"),
      one("INC-22", "chat", "SEV3", 15 * HOUR, 52, null, null, null),
      one("INC-21", "payments", "SEV1", 4 * DAY, 95, 1200, 5400, "reported"),
      one("INC-17", "matchmaking", "SEV2", 20 * DAY, 540, 41_000, 96_000, "reported"),
    ],
  };
}
