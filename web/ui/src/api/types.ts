// The shapes of Evenkeel's JSON API by their names, from the types that openapi.json generates. Times are
// RFC 3339 UTC, ratios fractions (0.999 is 99.9 %), durations seconds unless named otherwise, and null
// means unknown: never zero.
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Role = Schemas["Role"];
export type SloState = Schemas["SloState"];
export type ServiceStatus = Schemas["ServiceStatus"];
export type AlertState = Schemas["AlertState"];
export type IncidentState = Schemas["IncidentState"];

export type Session = Schemas["Session"];
export type ServiceSummary = Schemas["ServiceSummary"];
export type SloStatus = Schemas["SloStatus"];
export type SloDetail = Schemas["SloDetail"];
export type SloHistory = Schemas["SloHistory"];
export type HistoryIncident = Schemas["HistoryIncident"];
export type HistoryDeploy = Schemas["HistoryDeploy"];
export type ProjectionPoint = Schemas["ProjectionPoint"];
export type SloReport = Schemas["SloReport"];
export type WindowBurn = Schemas["WindowBurn"];
export type Spending = Schemas["Spending"];
export type Gate = Schemas["Gate"];
export type GateCondition = Schemas["GateCondition"];
export type GateVerdict = Schemas["GateVerdict"];
export type GateOverride = Schemas["GateOverride"];
export type RecoveryRow = Schemas["RecoveryRow"];
export type DeliveryRow = Schemas["DeliveryRow"];
export type Lengths = Schemas["Lengths"];
export type IncidentImpact = Schemas["IncidentImpact"];
export type Alert = Schemas["Alert"];
export type Incident = Schemas["Incident"];
export type IncidentDetail = Schemas["IncidentDetail"];
export type Page = Schemas["Page"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type Retrospective = Schemas["Retrospective"];
export type RetrospectiveSummary = Schemas["RetrospectiveSummary"];
export type Runbook = Schemas["Runbook"];
export type RunbookSummary = Schemas["RunbookSummary"];
export type RunbookParam = Schemas["RunbookParam"];
export type Run = Schemas["Run"];
export type RunStep = Schemas["RunStep"];
export type OnCallSchedule = Schemas["OnCallSchedule"];
export type Cardinality = Schemas["Cardinality"];
export type LogLine = Schemas["LogLine"];
export type LogHistogram = Schemas["LogHistogram"];
export type LogFacet = Schemas["LogFacet"];
export type LogFacets = Schemas["LogFacets"];
export type TailLines = Schemas["TailLines"];
export type TailLagged = Schemas["TailLagged"];
export type Target = Schemas["Target"];
export type TargetFault = Schemas["TargetFault"];
export type Status = Schemas["Status"];
export type Defect = Schemas["Defect"];
export type Mail = Schemas["Mail"];
export type SqlResult = Schemas["SqlResult"];
export type Problem = Schemas["Problem"];

// Prometheus' own HTTP API, which its project describes and ours does not.

export type PromAnswer<T> =
  | { status: "success"; data: T; warnings?: string[]; infos?: string[] }
  | { status: "error"; errorType: string; error: string };

export type PromSample = [number, string];
export type PromData =
  | { resultType: "matrix"; result: { metric: Record<string, string>; values: PromSample[] }[] }
  | { resultType: "vector"; result: { metric: Record<string, string>; value: PromSample }[] }
  | { resultType: "scalar" | "string"; result: PromSample };
