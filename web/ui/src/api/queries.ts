// What the pages read: one function per endpoint, giving the options for TanStack Query.
import { queryOptions } from "@tanstack/react-query";
import { decisionsOf } from "../lib/gate.ts";
import { call } from "./call.ts";
import { get, query } from "./client.ts";
import type { PromAnswer, PromData } from "./types.ts";

export const session = () =>
  queryOptions({
    queryKey: ["session"],
    queryFn: ({ signal }) => call("get", "/api/session", {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const services = () =>
  queryOptions({
    queryKey: ["services"],
    queryFn: ({ signal }) => call("get", "/api/services", {}, signal),
    select: (answer) => answer.services,
  });

export const slos = () =>
  queryOptions({
    queryKey: ["slos"],
    queryFn: ({ signal }) => call("get", "/api/slos", {}, signal),
    select: (answer) => answer.slos,
  });

export const slo = (name: string) =>
  queryOptions({
    queryKey: ["slos", name],
    queryFn: ({ signal }) => call("get", "/api/slos/{name}", { path: { name } }, signal),
  });

/** One objective of an SLO over one of its windows, and the group of it where there are groups. */
export interface ObjectiveOf {
  slo: string;
  objective: string;
  group_key: string;
  window: string;
}

export const sloHistory = (of: ObjectiveOf, from: string, to: string, points: number, reported_on?: string) =>
  queryOptions({
    queryKey: [
      "slos",
      of.slo,
      "history",
      of.objective,
      of.group_key,
      of.window,
      from,
      to,
      points,
      reported_on,
    ],
    queryFn: ({ signal }) => {
      const budget = { objective: of.objective, group: of.group_key, window: of.window };
      const search = { ...budget, from, to, points, reported_on };
      return call("get", "/api/slos/{name}/history", { path: { name: of.slo }, query: search }, signal);
    },
  });

export interface ReportAsked {
  objective?: string;
  group?: string;
  window?: string;
  at?: string;
  reported_on?: string;
  windows?: string;
}

export const sloReport = (name: string, asked: ReportAsked) =>
  queryOptions({
    queryKey: ["slos", name, "report", asked],
    queryFn: ({ signal }) =>
      call("get", "/api/slos/{name}/report", { path: { name }, query: { ...asked } }, signal),
  });

/** What every gate would say; asking so records nothing. */
export const gates = () =>
  queryOptions({
    queryKey: ["gates"],
    queryFn: ({ signal }) => call("get", "/api/gates", {}, signal),
    select: (answer) => answer.gates,
  });

const DECISIONS = "SELECT at, service, verdict, policy, actor, conditions, event_id FROM gate_decisions";

/** What gates have answered, the newest first: of one service, or of all. */
export const gateDecisions = (service: string | null, limit: number) =>
  queryOptions({
    queryKey: ["gates", "decisions", service, limit],
    queryFn: ({ signal }) => {
      const [where, parameters] = service === null ? ["", []] : [" WHERE service = $1", [service]];
      const query = `${DECISIONS}${where} ORDER BY at DESC LIMIT ${limit}`;
      return call("post", "/api/sql", { body: { query, parameters } }, signal);
    },
    select: decisionsOf,
  });

/** Which incidents and deploys: a range of time, divided and as it was known at a time. */
export interface MetricsAsked {
  from: string;
  to: string;
  by?: string;
  width?: string;
  time_zone?: string;
  as_of?: string;
}

export const recovery = (asked: MetricsAsked) =>
  queryOptions({
    queryKey: ["recovery", asked],
    queryFn: ({ signal }) => call("get", "/api/recovery", { query: { ...asked } }, signal),
    select: (answer) => answer.rows,
  });

export const delivery = (asked: MetricsAsked) =>
  queryOptions({
    queryKey: ["delivery", asked],
    queryFn: ({ signal }) => call("get", "/api/delivery", { query: { ...asked } }, signal),
    select: (answer) => answer.rows,
  });

export const impact = ({ from, to, as_of }: MetricsAsked) =>
  queryOptions({
    queryKey: ["impact", from, to, as_of],
    queryFn: ({ signal }) => call("get", "/api/impact", { query: { from, to, as_of } }, signal),
    select: (answer) => answer.incidents,
  });

export const alerts = () =>
  queryOptions({
    queryKey: ["alerts"],
    queryFn: ({ signal }) => call("get", "/api/alerts", {}, signal),
    select: (answer) => answer.alerts,
  });

export const incidents = (state: "open" | "all", limit?: number) =>
  queryOptions({
    queryKey: ["incidents", "list", state, limit ?? null],
    queryFn: ({ signal }) => call("get", "/api/incidents", { query: { state, limit } }, signal),
    select: (answer) => answer.incidents,
  });

export const incident = (id: string) =>
  queryOptions({
    queryKey: ["incidents", id],
    queryFn: ({ signal }) => call("get", "/api/incidents/{id}", { path: { id } }, signal),
  });

export const timeline = (id: string) =>
  queryOptions({
    queryKey: ["incidents", id, "timeline"],
    queryFn: ({ signal }) => call("get", "/api/incidents/{id}/timeline", { path: { id } }, signal),
    select: (answer) => answer.entries,
  });

export const retrospectives = () =>
  queryOptions({
    queryKey: ["retrospectives"],
    queryFn: ({ signal }) => call("get", "/api/retrospectives", {}, signal),
    select: (answer) => answer.retrospectives,
  });

export const retrospective = (id: string) =>
  queryOptions({
    queryKey: ["retrospectives", id],
    queryFn: ({ signal }) => call("get", "/api/retrospectives/{id}", { path: { id } }, signal),
  });

export const runbooks = () =>
  queryOptions({
    queryKey: ["runbooks"],
    queryFn: ({ signal }) => call("get", "/api/runbooks", {}, signal),
    select: (answer) => answer.runbooks,
  });

export const runbook = (id: string) =>
  queryOptions({
    queryKey: ["runbooks", id],
    queryFn: ({ signal }) => call("get", "/api/runbooks/{id}", { path: { id } }, signal),
  });

export const run = (id: string) =>
  queryOptions({
    queryKey: ["runs", id],
    queryFn: ({ signal }) => call("get", "/api/runs/{id}", { path: { id } }, signal),
  });

export const oncall = () =>
  queryOptions({
    queryKey: ["oncall"],
    queryFn: ({ signal }) => call("get", "/api/oncall", {}, signal),
    select: (answer) => answer.schedules,
  });

export const targets = () =>
  queryOptions({
    queryKey: ["targets"],
    queryFn: ({ signal }) => call("get", "/api/targets", {}, signal),
  });

export const status = () =>
  queryOptions({
    queryKey: ["status"],
    queryFn: ({ signal }) => call("get", "/api/status", {}, signal),
  });

export const cardinality = () =>
  queryOptions({
    queryKey: ["cardinality"],
    queryFn: ({ signal }) => call("get", "/api/cardinality", {}, signal),
  });

export const inbox = () =>
  queryOptions({
    queryKey: ["inbox"],
    queryFn: ({ signal }) => call("get", "/api/inbox", {}, signal),
    select: (answer) => answer.mails,
  });

export const sql = (text: string, signal?: AbortSignal) =>
  call("post", "/api/sql", { body: { query: text } }, signal);

export const promqlRange = (expr: string, start: number, end: number, step: number, signal?: AbortSignal) =>
  get<PromAnswer<PromData>>(
    `prometheus/api/v1/query_range${query({ query: expr, start, end, step })}`,
    signal,
  );

export const promqlInstant = (expr: string, time: number, signal?: AbortSignal) =>
  get<PromAnswer<PromData>>(`prometheus/api/v1/query${query({ query: expr, time })}`, signal);

// What people do.

export const overrideGate = (service: string, body: { reason: string; expires_at: string }) =>
  call("post", "/api/gates/{service}/override", { path: { service }, body });

export const revokeOverride = (service: string, id: number, reason: string) =>
  call("post", "/api/gates/{service}/overrides/{id}/revoke", {
    path: { service, id },
    body: { reason },
  });

export const declareIncident = (body: { title: string; service: string; severity: string }) =>
  call("post", "/api/incidents", { body });

export type IncidentVerb = "acknowledge" | "mitigate" | "restore" | "resolve" | "close";

export const actOnIncident = (id: string, verb: IncidentVerb) =>
  call("post", `/api/incidents/{id}/${verb}`, { path: { id }, body: {} });

export const addNote = (id: string, text: string) =>
  call("post", "/api/incidents/{id}/notes", { path: { id }, body: { text } });

export const setSeverity = (id: string, severity: string) =>
  call("post", "/api/incidents/{id}/severity", { path: { id }, body: { severity } });

export const draftRetrospective = (id: string) =>
  call("post", "/api/incidents/{id}/retrospective", { path: { id } });

export const saveRetrospective = (id: string, markdown: string) =>
  call("put", "/api/retrospectives/{id}", { path: { id }, body: { markdown } });

export const publishRetrospective = (id: string) =>
  call("post", "/api/retrospectives/{id}/publish", { path: { id } });

export const startRun = (body: {
  runbook_id: string;
  incident_id: string | null;
  params: Record<string, string>;
}) => call("post", "/api/runs", { body });

export type StepVerb = "start" | "skip" | "done";

export const actOnStep = (id: string, name: string, verb: StepVerb) =>
  call("post", `/api/runs/{id}/steps/{name}/${verb}`, { path: { id, name } });

export const signOut = () => call("delete", "/api/session", {});
