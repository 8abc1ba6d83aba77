// What the pages read: one function per endpoint, giving the options for TanStack Query.
import { queryOptions } from "@tanstack/react-query";
import { get, query, send } from "./client.ts";
import type {
  Alert,
  Incident,
  IncidentDetail,
  Mail,
  OnCallSchedule,
  PromAnswer,
  PromData,
  Retrospective,
  RetrospectiveSummary,
  Run,
  Runbook,
  RunbookSummary,
  ServiceSummary,
  Session,
  SloDetail,
  SloHistory,
  SloStatus,
  SqlResult,
  Status,
  TimelineEntry,
} from "./types.ts";

const path = (strings: TemplateStringsArray, ...values: string[]): string =>
  strings.reduce((text, part, index) => text + encodeURIComponent(values[index - 1] ?? "") + part);

export const session = () =>
  queryOptions({
    queryKey: ["session"],
    queryFn: ({ signal }) => get<Session>("api/session", signal),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const services = () =>
  queryOptions({
    queryKey: ["services"],
    queryFn: ({ signal }) => get<{ services: ServiceSummary[] }>("api/services", signal),
    select: (answer) => answer.services,
  });

export const slos = () =>
  queryOptions({
    queryKey: ["slos"],
    queryFn: ({ signal }) => get<{ slos: SloStatus[] }>("api/slos", signal),
    select: (answer) => answer.slos,
  });

export const slo = (name: string) =>
  queryOptions({
    queryKey: ["slos", name],
    queryFn: ({ signal }) => get<SloDetail>(path`api/slos/${name}`, signal),
  });

export const sloHistory = (name: string, objective: string, from: string, to: string, points: number) =>
  queryOptions({
    queryKey: ["slos", name, "history", objective, from, to, points],
    queryFn: ({ signal }) =>
      get<SloHistory>(path`api/slos/${name}/history` + query({ objective, from, to, points }), signal),
  });

export const alerts = () =>
  queryOptions({
    queryKey: ["alerts"],
    queryFn: ({ signal }) => get<{ alerts: Alert[] }>("api/alerts", signal),
    select: (answer) => answer.alerts,
  });

export const incidents = (state: "open" | "all", limit?: number) =>
  queryOptions({
    queryKey: ["incidents", "list", state, limit ?? null],
    queryFn: ({ signal }) =>
      get<{ incidents: Incident[] }>(`api/incidents${query({ state, limit })}`, signal),
    select: (answer) => answer.incidents,
  });

export const incident = (id: string) =>
  queryOptions({
    queryKey: ["incidents", id],
    queryFn: ({ signal }) => get<IncidentDetail>(path`api/incidents/${id}`, signal),
  });

export const timeline = (id: string) =>
  queryOptions({
    queryKey: ["incidents", id, "timeline"],
    queryFn: ({ signal }) => get<{ entries: TimelineEntry[] }>(path`api/incidents/${id}/timeline`, signal),
    select: (answer) => answer.entries,
  });

export const retrospectives = () =>
  queryOptions({
    queryKey: ["retrospectives"],
    queryFn: ({ signal }) => get<{ retrospectives: RetrospectiveSummary[] }>("api/retrospectives", signal),
    select: (answer) => answer.retrospectives,
  });

export const retrospective = (id: string) =>
  queryOptions({
    queryKey: ["retrospectives", id],
    queryFn: ({ signal }) => get<Retrospective>(path`api/retrospectives/${id}`, signal),
  });

export const runbooks = () =>
  queryOptions({
    queryKey: ["runbooks"],
    queryFn: ({ signal }) => get<{ runbooks: RunbookSummary[] }>("api/runbooks", signal),
    select: (answer) => answer.runbooks,
  });

export const runbook = (id: string) =>
  queryOptions({
    queryKey: ["runbooks", id],
    queryFn: ({ signal }) => get<Runbook>(path`api/runbooks/${id}`, signal),
  });

export const run = (id: string) =>
  queryOptions({
    queryKey: ["runs", id],
    queryFn: ({ signal }) => get<Run>(path`api/runs/${id}`, signal),
  });

export const oncall = () =>
  queryOptions({
    queryKey: ["oncall"],
    queryFn: ({ signal }) => get<{ schedules: OnCallSchedule[] }>("api/oncall", signal),
    select: (answer) => answer.schedules,
  });

export const status = () =>
  queryOptions({ queryKey: ["status"], queryFn: ({ signal }) => get<Status>("api/status", signal) });

export const inbox = () =>
  queryOptions({
    queryKey: ["inbox"],
    queryFn: ({ signal }) => get<{ mails: Mail[] }>("api/inbox", signal),
    select: (answer) => answer.mails,
  });

export const sql = (text: string, signal?: AbortSignal) =>
  send<SqlResult>("POST", "api/sql", { query: text }, signal);

export const promqlRange = (expr: string, start: number, end: number, step: number, signal?: AbortSignal) =>
  get<PromAnswer<PromData>>(
    `prometheus/api/v1/query_range${query({ query: expr, start, end, step })}`,
    signal,
  );

export const promqlInstant = (expr: string, time: number, signal?: AbortSignal) =>
  get<PromAnswer<PromData>>(`prometheus/api/v1/query${query({ query: expr, time })}`, signal);

// What people do.

export const declareIncident = (body: { title: string; service: string; severity: string }) =>
  send<Incident>("POST", "api/incidents", body);

export type IncidentVerb = "acknowledge" | "mitigate" | "restore" | "resolve" | "close";

export const actOnIncident = (id: string, verb: IncidentVerb) =>
  send<Incident>("POST", path`api/incidents/${id}/${verb}`, {});

export const addNote = (id: string, text: string) =>
  send<void>("POST", path`api/incidents/${id}/notes`, { text });

export const setSeverity = (id: string, severity: string) =>
  send<Incident>("POST", path`api/incidents/${id}/severity`, { severity });

export const draftRetrospective = (incidentId: string) =>
  send<Retrospective>("POST", path`api/incidents/${incidentId}/retrospective`, {});

export const saveRetrospective = (id: string, markdown: string) =>
  send<Retrospective | undefined>("PUT", path`api/retrospectives/${id}`, { markdown });

export const publishRetrospective = (id: string) =>
  send<Retrospective | undefined>("POST", path`api/retrospectives/${id}/publish`, {});

export const startRun = (body: {
  runbook_id: string;
  incident_id: string | null;
  params: Record<string, string>;
}) => send<Run>("POST", "api/runs", body);

export type StepVerb = "start" | "skip" | "done";

export const actOnStep = (runId: string, step: string, verb: StepVerb) =>
  send<Run>("POST", path`api/runs/${runId}/steps/${step}/${verb}`, {});

export const signOut = () => send<void>("DELETE", "api/session");
