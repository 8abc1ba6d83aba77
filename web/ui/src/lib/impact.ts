// What incidents cost the people they hit. What nobody reported is unknown, and a sum says of how many it
// is not known.
import type { IncidentImpact } from "../api/types.ts";
import type { Measure } from "./metrics.ts";

export interface Sum {
  /** Null when nothing is known. */
  total: number | null;
  known: number;
  of: number;
}

type Measured = "minutes" | "users_affected" | "user_minutes" | "requests_affected";

export function sum(list: IncidentImpact[], what: Measured): Sum {
  const known = list.map((one) => one[what]).filter((value): value is number => value !== null);
  return {
    total: known.length === 0 ? null : known.reduce((total, value) => total + value, 0),
    known: known.length,
    of: list.length,
  };
}

/** "all 12 incidents", "known of 5 of 12 incidents". */
export function knownOf({ known, of }: Sum): string {
  const noun = of === 1 ? "incident" : "incidents";
  if (of === 0) return "no incident";
  if (known === of) return of === 1 ? "1 incident" : `all ${of} ${noun}`;
  return known === 0 ? `not known of ${of} ${noun}` : `known of ${known} of ${of} ${noun}`;
}

/** The most user-minutes first, then the most requests, then the longest; what is not known last. */
export const worstImpact = (a: IncidentImpact, b: IncidentImpact): number =>
  (b.user_minutes ?? -1) - (a.user_minutes ?? -1) ||
  (b.requests_affected ?? -1) - (a.requests_affected ?? -1) ||
  (b.minutes ?? -1) - (a.minutes ?? -1) ||
  a.incident_id.localeCompare(b.incident_id);

/** The incidents that started in one period. */
export interface ImpactPeriod {
  from: string;
  to: string;
  list: IncidentImpact[];
}

/** Puts incidents into the periods they started in; the server says where periods begin. */
export function byPeriod(periods: { from: string; to: string }[], list: IncidentImpact[]): ImpactPeriod[] {
  const started = list.map((one) => ({ one, at: Date.parse(one.started_at) }));
  return periods.map(({ from, to }) => {
    const [start, end] = [Date.parse(from), Date.parse(to)];
    return { from, to, list: started.filter(({ at }) => start <= at && at < end).map(({ one }) => one) };
  });
}

/** A period without an incident cost nothing; one of which nothing is known has no number. */
const summed =
  (what: Measured, factor = 1) =>
  ({ list }: ImpactPeriod): number | null => {
    if (list.length === 0) return 0;
    const { total } = sum(list, what);
    return total === null ? null : total * factor;
  };
const n = ({ list }: ImpactPeriod): number => list.length;

export const IMPACT_MEASURES: Measure<ImpactPeriod>[] = [
  { key: "user_minutes", name: "User-minutes", kind: "count", read: summed("user_minutes"), n },
  { key: "users", name: "Users affected", kind: "count", read: summed("users_affected"), n },
  { key: "requests", name: "Requests affected", kind: "count", read: summed("requests_affected"), n },
  { key: "time", name: "Time", kind: "duration", read: summed("minutes", 60), n },
  { key: "incidents", name: "Incidents", kind: "count", read: n },
];
