// What the pages read: one function per endpoint, giving the options for TanStack Query.
import { queryOptions } from "@tanstack/react-query";
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

export const sloHistory = (name: string, objective: string, from: string, to: string, points: number) =>
  queryOptions({
    queryKey: ["slos", name, "history", objective, from, to, points],
    queryFn: ({ signal }) => {
      const input = { path: { name }, query: { objective, from, to, points } };
      return call("get", "/api/slos/{name}/history", input, signal);
    },
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
