// Serves the built dashboard with invented but realistic answers on every endpoint, as the real server does:
// index.html is templated per request (nonce, base), the strict CSP is sent, unknown assets are 404.
// `FIXTURE_PREFIX=/evenkeel` serves everything under a path prefix.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import * as data from "./fixture-data.mjs";
import * as logs from "./fixture-logs.mjs";
import * as reliability from "./fixture-reliability.mjs";

const PORT = Number(process.env.FIXTURE_PORT ?? 7481);
const PREFIX = process.env.FIXTURE_PREFIX ?? "";
const DIST = new URL("../dist/", import.meta.url).pathname;
const TYPES = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
const BODY_MAX = 1_000_000;
const now = () => new Date().toISOString();

class Fault extends Error {
  constructor(status, title, detail, errors) {
    super(title);
    Object.assign(this, { status, title, detail, errors });
  }
}
const missing = (what) => new Fault(404, "Not found", `There is no ${what}.`);
const find = (list, key, value, what) =>
  list.find((one) => one[key] === value) ??
  (() => {
    throw missing(`${what} ${value}`);
  })();

let counter = 30;

function detailOf(incident) {
  const own = data.alerts.filter((alert) => alert.incident_id === incident.incident_id);
  return {
    ...incident,
    alerts_firing: own.filter((alert) => alert.state === "firing").length,
    alerts: own,
    pages: data.pages.filter((page) => page.incident_id === incident.incident_id),
    runbooks: [
      {
        id: "matchmaking-rollback",
        title: "Roll back matchmaking",
        risk: "medium",
        reason: `matches service=${incident.service}`,
      },
    ],
    runs: [...data.runs.values()].filter((run) => run.incident_id === incident.incident_id),
    retrospective:
      data.retros
        .map(({ id, state, incident_id }) => ({ id, state, incident_id }))
        .find((retro) => retro.incident_id === incident.incident_id) ?? null,
  };
}

function act(id, verb) {
  const incident = find(data.incidents, "incident_id", id, "incident");
  const changes = {
    acknowledge: {
      acknowledged_at: now(),
      acknowledged_by: "admin",
      commander: incident.commander ?? "admin",
      state: "investigating",
    },
    mitigate: { mitigated_at: now(), state: "mitigated" },
    restore: { restored_at: now() },
    resolve: { resolved_at: now(), restored_at: incident.restored_at ?? now(), state: "resolved" },
    close: { closed_at: now(), state: "closed" },
  }[verb];
  if (!changes) throw missing(`action ${verb}`);
  Object.assign(incident, changes);
  if (verb === "acknowledge") {
    for (const page of data.pages.filter((one) => one.incident_id === id))
      Object.assign(page, { state: "acknowledged", acknowledged_at: now() });
  }
  data.record(
    id,
    verb === "acknowledge" ? "acknowledgement" : "incident",
    `Incident ${verb}d`.replace("ed", "ed"),
  );
  if (verb === "resolve") draft(incident);
  return incident;
}

function draft(incident) {
  const existing = data.retros.find((retro) => retro.incident_id === incident.incident_id);
  if (existing) return existing;
  const lines = (data.timelines.get(incident.incident_id) ?? []).map(
    (entry) => `- ${entry.at.slice(11, 19)} ${entry.title}`,
  );
  const made = data.retro(
    incident.incident_id,
    incident.title,
    "draft",
    `# ${incident.title}\n\n## Summary\n\nTo be written.\n\n## Timeline\n\n${lines.join("\n")}\n`,
  );
  made.updated_at = now();
  data.retros.push(made);
  return made;
}

function startRun({ runbook_id, incident_id }) {
  const book = find(data.runbooks, "id", runbook_id, "runbook");
  const run = {
    id: `run-${++counter}`,
    runbook_id,
    runbook_title: book.title,
    incident_id: incident_id ?? null,
    state: "open",
    started_by: "admin",
    started_at: now(),
    finished_at: null,
    steps: book.steps.map(({ name, kind, title, html, preview }) => ({
      name,
      kind,
      title,
      html,
      preview,
      state: "waiting",
      exit_code: null,
      output: null,
      started_at: null,
      finished_at: null,
      actor: null,
    })),
  };
  data.runs.set(run.id, run);
  if (incident_id) data.record(incident_id, "runbook_run", `Runbook started: ${book.title}`);
  return run;
}

function actOnStep(run, name, verb) {
  const step = find(run.steps, "name", name, "step");
  Object.assign(step, { actor: "admin", started_at: verb === "start" ? now() : step.started_at });
  if (verb === "start") {
    Object.assign(step, { state: "running", output: "" });
    const lines = [
      "checking region eu-central\r\n",
      "\u001b[32minstance mm-7f9c\u001b[0m v412\n",
      "instance mm-a210 v412\n",
      "done\n",
    ];
    for (const [index, line] of lines.entries()) {
      setTimeout(() => {
        step.output += line;
      }, 250 * index);
    }
    setTimeout(
      () => finish(run, step, "succeeded", step.kind === "http" ? 200 : 0),
      250 * lines.length + 200,
    );
  } else {
    finish(run, step, verb === "skip" ? "skipped" : "done", null);
  }
  return run;
}

function finish(run, step, state, exit_code) {
  Object.assign(step, { state, exit_code, finished_at: now() });
  if (run.incident_id)
    data.record(run.incident_id, "runbook_step", `${step.title}: ${state}`, "admin", run.runbook_title);
  if (run.steps.every((one) => !["waiting", "running"].includes(one.state)))
    Object.assign(run, { state: "done", finished_at: now() });
}

function promRange(params) {
  const start = Number(params.get("start"));
  const end = Number(params.get("end"));
  const step = Number(params.get("step")) || 15;
  const expr = params.get("query") ?? "";
  if (/\(\s*$|\[\s*\]/.test(expr))
    throw Object.assign(new Fault(400, "bad_data"), {
      prom: { status: "error", errorType: "bad_data", error: `parse error in "${expr}"` },
    });
  if (expr.includes("nothing")) return { status: "success", data: { resultType: "matrix", result: [] } };
  const routes = ["/match", "/cart", "/login", "/search", "/health"];
  const result = routes.map((route, series) => {
    const values = [];
    for (let t = start; t <= end; t += step)
      values.push([t, String(Math.max(0, 250 + 250 * Math.sin(t / (900 + series * 120) + series)))]);
    return { metric: { __name__: "game_requests_per_second", route, service: "matchmaking" }, values };
  });
  return { status: "success", data: { resultType: "matrix", result } };
}

function sql({ query, parameters = [] }) {
  if (!/^\s*(select|with|show|explain)/i.test(query))
    throw new Fault(400, "The query was refused", "Only reading is allowed: the statement must be a SELECT.");
  if (query.includes("gate_decisions")) return reliability.decisions(parameters[0]);
  return {
    columns: [
      { name: "slo", type: "Utf8" },
      { name: "service", type: "Utf8" },
      { name: "sli", type: "Float64" },
      { name: "error_budget_remaining", type: "Float64" },
      { name: "state", type: "Utf8" },
    ],
    rows: Array.from({ length: 40 }, () => data.slos)
      .flat()
      .map((one) => [one.slo, one.service, one.sli, one.error_budget_remaining, one.state]),
  };
}

const session = {
  name: "admin",
  role: "admin",
  version: "0.1.0",
  external_url: `http://127.0.0.1:${PORT}${PREFIX}`,
  demo: true,
};
let signedIn = true;

const ROUTES = [
  [
    "GET",
    "/api/session",
    () => {
      if (!signedIn) throw new Fault(401, "Signed out");
      return session;
    },
  ],
  [
    "POST",
    "/api/session",
    () => {
      signedIn = true;
      return session;
    },
  ],
  [
    "DELETE",
    "/api/session",
    () => {
      signedIn = false;
    },
  ],
  ["GET", "/api/services", () => ({ services: data.services() })],
  ["GET", "/api/slos", () => ({ slos: data.slos, further_windows: [], problems: [] })],
  [
    "GET",
    "/api/slos/:name",
    ({ name }) => {
      const one = find(data.slos, "slo", name, "SLO");
      return {
        ...one,
        description: "Requests answered without a server error, over all regions.",
        objectives: [one],
        further_windows: name === "inventory-latency" ? [{ ...one, window: "90d" }] : [],
        definition: { file: `objects/slo-${name}.yaml`, line: 1, yaml: data.definition(name) },
        method: "Occurrences",
        alerts: true,
        problems: [],
      };
    },
  ],
  [
    "GET",
    "/api/slos/:name/history",
    ({ name }, { params }) =>
      data.sloHistory(name, params.get("from"), params.get("to"), Number(params.get("points") ?? 200)),
  ],
  [
    "GET",
    "/api/slos/:name/report",
    ({ name }, { params }) => reliability.report(find(data.slos, "slo", name, "SLO"), params),
  ],
  ["GET", "/api/gates", () => ({ gates: reliability.gates })],
  [
    "POST",
    "/api/gates/:service/override",
    ({ service }, { body }) => {
      const gate = find(reliability.gates, "service", service, "service");
      const refused = reliability.refuse(body);
      if (refused) throw new Fault(400, "The override was refused", refused.message, [refused]);
      return reliability.open(gate, body, ++counter);
    },
  ],
  [
    "POST",
    "/api/gates/:service/overrides/:id/revoke",
    ({ service, id }, { body }) => {
      const gate = find(reliability.gates, "service", service, "service");
      return reliability.revoke(gate, find(gate.overrides, "id", Number(id), "override"), body.reason);
    },
  ],
  ["GET", "/api/recovery", (_, { params }) => reliability.recovery(params)],
  ["GET", "/api/delivery", (_, { params }) => reliability.delivery(params)],
  ["GET", "/api/impact", (_, { params }) => reliability.impact(params)],
  ["GET", "/api/alerts", () => ({ alerts: data.alerts })],
  [
    "GET",
    "/api/incidents",
    (_, { params }) => ({
      incidents: data.incidents.filter(
        (one) => params.get("state") === "all" || !["resolved", "closed"].includes(one.state),
      ),
    }),
  ],
  [
    "POST",
    "/api/incidents",
    (_, { body }) => {
      if (!body.title)
        throw new Fault(422, "The incident was refused", "A field is at fault.", [
          { pointer: "/title", message: "must not be empty" },
        ]);
      const made = data.makeIncident(`INC-${++counter}`, body);
      data.incidents.unshift(made);
      data.record(made.incident_id, "incident", `Incident opened as ${made.severity}`);
      return made;
    },
  ],
  ["GET", "/api/incidents/:id", ({ id }) => detailOf(find(data.incidents, "incident_id", id, "incident"))],
  ["GET", "/api/incidents/:id/timeline", ({ id }) => ({ entries: data.timelines.get(id) ?? [] })],
  [
    "POST",
    "/api/incidents/:id/notes",
    ({ id }, { body }) => {
      data.record(id, "note", "Note", "admin", body.text);
    },
  ],
  [
    "POST",
    "/api/incidents/:id/severity",
    ({ id }, { body }) =>
      Object.assign(find(data.incidents, "incident_id", id, "incident"), { severity: body.severity }),
  ],
  [
    "POST",
    "/api/incidents/:id/retrospective",
    ({ id }) => draft(find(data.incidents, "incident_id", id, "incident")),
  ],
  ["POST", "/api/incidents/:id/:verb", ({ id, verb }) => act(id, verb)],
  [
    "GET",
    "/api/retrospectives",
    () => ({
      retrospectives: data.retros.map(({ id, incident_id, title, state, updated_at }) => ({
        id,
        incident_id,
        title,
        state,
        updated_at,
        service: "chat",
        severity: "SEV3",
      })),
    }),
  ],
  ["GET", "/api/retrospectives/:id", ({ id }) => find(data.retros, "id", id, "retrospective")],
  [
    "PUT",
    "/api/retrospectives/:id",
    ({ id }, { body }) =>
      Object.assign(find(data.retros, "id", id, "retrospective"), {
        markdown: body.markdown,
        html: data.render(body.markdown),
        updated_at: now(),
        updated_by: "admin",
      }),
  ],
  [
    "POST",
    "/api/retrospectives/:id/publish",
    ({ id }) =>
      Object.assign(find(data.retros, "id", id, "retrospective"), { state: "published", updated_at: now() }),
  ],
  [
    "GET",
    "/api/runbooks",
    () => ({
      runbooks: data.runbooks.map((book) => ({
        id: book.id,
        title: book.title,
        risk: book.risk,
        owner: book.owner,
        steps: book.steps.length,
        source: book.source,
      })),
    }),
  ],
  ["GET", "/api/runbooks/:id", ({ id }) => find(data.runbooks, "id", id, "runbook")],
  ["POST", "/api/runs", (_, { body }) => startRun(body)],
  [
    "GET",
    "/api/runs/:id",
    ({ id }) =>
      data.runs.get(id) ??
      (() => {
        throw missing(`run ${id}`);
      })(),
  ],
  [
    "POST",
    "/api/runs/:id/steps/:name/:verb",
    ({ id, name, verb }) => actOnStep(data.runs.get(id), name, verb),
  ],
  ["GET", "/api/targets", () => data.targets],
  ["GET", "/api/oncall", () => ({ schedules: data.oncall })],
  ["GET", "/api/status", () => data.status()],
  ["GET", "/api/cardinality", () => data.cardinality],
  ["GET", "/api/inbox", () => ({ mails: data.mails })],
  ["POST", "/api/sql", (_, { body }) => sql(body)],
  ["GET", "/api/logs", (_, { params }) => logs.search(params)],
  ["GET", "/api/logs/histogram", (_, { params }) => logs.histogram(params)],
  ["GET", "/api/logs/facets", (_, { params }) => logs.facets(params)],
  ["GET", "/api/logs/context", (_, { params }) => logs.context(params)],
  ["GET", "/prometheus/api/v1/query_range", (_, { params }) => promRange(params)],
  ["GET", "/prometheus/api/v1/labels", () => ({ status: "success", data: ["__name__", "route", "service"] })],
  [
    "GET",
    "/prometheus/api/v1/series",
    () => ({ status: "success", data: [{ __name__: "game_requests_total", service: "matchmaking" }] }),
  ],
  [
    "GET",
    "/prometheus/api/v1/label/:name/values",
    () => ({ status: "success", data: ["game_requests_total", "node_load1", "up"] }),
  ],
].map(([method, pattern, handle]) => ({
  method,
  pattern: new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
  handle,
}));

async function readBody(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_MAX) throw new Fault(413, "The body is too large");
  }
  return text === "" ? {} : JSON.parse(text);
}

async function api(request, response, path, params) {
  try {
    for (const route of ROUTES) {
      const match = route.method === request.method && route.pattern.exec(path);
      if (!match) continue;
      const groups = Object.fromEntries(
        Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
      );
      const answer = route.handle(groups, {
        params,
        body: request.method === "GET" ? {} : await readBody(request),
      });
      if (answer === undefined) return response.writeHead(204).end();
      return response
        .writeHead(request.method === "POST" && path === "/api/incidents" ? 201 : 200, {
          "content-type": "application/json",
        })
        .end(JSON.stringify(answer));
    }
    throw missing(`endpoint ${path}`);
  } catch (error) {
    const { status = 500, title = "Something broke", detail = error.message, errors, prom } = error;
    response
      .writeHead(status, { "content-type": prom ? "application/json" : "application/problem+json" })
      .end(JSON.stringify(prom ?? { title, detail, status, errors }));
  }
}

function page(response) {
  const nonce = randomBytes(16).toString("base64");
  const html = readFileSync(join(DIST, "index.html"), "utf8")
    .replaceAll("__CSP_NONCE__", nonce)
    .replaceAll("__BASE_HREF__", `${PREFIX}/`);
  response
    .writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "content-security-policy": `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'`,
      "x-content-type-options": "nosniff",
    })
    .end(html);
}

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  if (!pathname.startsWith(`${PREFIX}/`)) return response.writeHead(404).end();
  const path = pathname.slice(PREFIX.length);
  if (path === "/api/logs/export")
    return response
      .writeHead(200, { "content-type": "text/csv; charset=utf-8", "content-disposition": "attachment" })
      .end(logs.csv(searchParams));
  if (path.startsWith("/api/") || path.startsWith("/prometheus/"))
    return void api(request, response, path, searchParams);
  if (path === "/login") {
    signedIn = true;
    return response
      .writeHead(200, { "content-type": "text/html; charset=utf-8" })
      .end("<!doctype html><html lang=en><title>Sign in</title><h1>Sign in</h1></html>");
  }
  if (path.endsWith("/export.md"))
    return response
      .writeHead(200, { "content-type": "text/markdown; charset=utf-8", "content-disposition": "attachment" })
      .end(data.retros[0].markdown);
  const file = join(DIST, normalize(path));
  if (extname(path) && file.startsWith(DIST) && existsSync(file)) {
    return response
      .writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" })
      .end(readFileSync(file));
  }
  if (path.startsWith("/assets/")) return response.writeHead(404).end();
  return page(response);
}).listen(PORT, "127.0.0.1", () => console.log(`fixtures on http://127.0.0.1:${PORT}${PREFIX}/`));
