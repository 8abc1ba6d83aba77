// Log lines of an invented game, three a second, the same for the same time; searched by plain words.
const SERVICES = ["matchmaking", "gateway", "payments", "chat"];
const BODIES = [
  "GET /api/v1/match/8812 200 12ms upstream=matchmaking-3",
  "player 88120 joined the ranked queue in eu-0",
  "cache hit for cart:1880 after 2ms",
  "retrying provider call, attempt 2 of 5, backing off 400ms",
  "payment for player 4711 failed: connection to payments:8443 refused\n  at Payments.charge(Payments.java:141)",
];
const LEVELS = ["INFO", "INFO", "DEBUG", "WARN", "ERROR"];
const STEP_MS = 333;
const RANKS = ["trace", "debug", "info", "warn", "error", "fatal"];

function lineAt(number) {
  const kind = number % 11 === 0 ? 4 : number % 7 === 0 ? 3 : number % 3;
  const ms = number * STEP_MS;
  return {
    id: `${ms * 1000}.000-${number.toString(16).padStart(16, "0")}-0`,
    ts: new Date(ms).toISOString(),
    ts_ns_rem: 0,
    service: SERVICES[number % 4],
    env: "prod",
    host: `game-${number % 5}`,
    severity: LEVELS[kind],
    level: LEVELS[kind].toLowerCase(),
    trace_id: kind === 4 ? "0af7651916cd43dd8448eb211c80319c" : null,
    span_id: null,
    body: BODIES[kind],
    attrs: { region: `eu-${number % 2}`, "k8s.pod.name": `pod-${number % 9}` },
  };
}

function matching(params) {
  const words = (params.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const least = RANKS.indexOf(params.get("severity") ?? "trace");
  return (line) => {
    const text = `${line.body} service=${line.service} region=${line.attrs.region}`.toLowerCase();
    return RANKS.indexOf(line.level) >= least && words.every((word) => text.includes(word));
  };
}

const numbers = (params) => ({
  first: Math.ceil(Date.parse(params.get("from")) / STEP_MS),
  end: Math.ceil(Date.parse(params.get("to")) / STEP_MS),
});

export function search(params) {
  const { first, end } = numbers(params);
  const limit = Number(params.get("limit") ?? 200);
  const keep = matching(params);
  const after = params.get("after");
  const lines = [];
  let number = after ? Number.parseInt(after.split("-")[1], 16) - 1 : end - 1;
  for (; number >= first && lines.length < limit; number--) {
    const line = lineAt(number);
    if (keep(line)) lines.push(line);
  }
  return { lines, next: number >= first ? (lines.at(-1)?.id ?? null) : null };
}

export function csv(params) {
  const row = ({ ts, severity, service, body }) => [ts, severity, service, JSON.stringify(body)].join(",");
  return ["ts,severity,service,body", ...search(params).lines.map(row)].join("\r\n");
}

function sample(params) {
  return search(new URLSearchParams({ ...Object.fromEntries(params), limit: "3000", after: "" })).lines;
}

export function histogram(params) {
  const from = Date.parse(params.get("from"));
  const step = Math.max(1, Math.ceil((Date.parse(params.get("to")) - from) / 60_000 / 15) * 15);
  const bars = new Map();
  for (const line of sample(params)) {
    const at = Math.floor(Date.parse(line.ts) / 1000 / step) * step;
    const empty = { trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0, other: 0 };
    const bar = bars.get(at) ?? { at: new Date(at * 1000).toISOString(), ...empty };
    bar[line.level] += 1;
    bars.set(at, bar);
  }
  const ordered = [...bars.entries()].sort(([a], [b]) => a - b).map(([, bar]) => bar);
  return { step_secs: step, total: sample(params).length, bars: ordered };
}

function facet(name, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ordered = [...counts].map(([value, lines]) => ({ value, lines })).sort((a, b) => b.lines - a.lines);
  return { name, lines: values.length, distinct: ordered.length, values: ordered };
}

export function facets(params) {
  const lines = sample(params);
  const column = (name) =>
    facet(
      name,
      lines.map((line) => line[name]),
    );
  const attribute = (name) =>
    facet(
      name,
      lines.map((line) => line.attrs[name]),
    );
  return {
    total: lines.length,
    sampled: lines.length,
    columns: ["service", "severity", "host", "env"].map(column),
    attributes: ["region", "k8s.pod.name"].map(attribute),
  };
}

export function context(params) {
  const number = Number.parseInt(params.get("id").split("-")[1], 16);
  const near = (offset) => lineAt(number + offset * 20);
  return { before: [-3, -2, -1].map(near), after: [1, 2, 3].map(near) };
}
