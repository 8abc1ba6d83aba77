// Turns an SLO's history into aligned columns for the burn-down chart: one time axis, and null wherever a
// column has nothing to say (a gap in the data stays a gap).
import type { HistoryDeploy, HistoryIncident, ProjectionPoint, SloHistory } from "../api/types.ts";

export type Column = (number | null)[];

export interface Burndown {
  /** Epoch seconds, strictly increasing. */
  at: number[];
  left: Column;
  projected: Column;
  low: Column;
  high: Column;
  regions: { from: number; to: number | null; label: string; title: string }[];
  deploys: { at: number; label: string; failed: boolean }[];
  /** The y scale, as fractions of the budget. */
  min: number;
  max: number;
}

const secs = (text: string): number => Date.parse(text) / 1000;

export function burndown(history: SloHistory): Burndown {
  const past = history.points
    .map((point) => ({ at: secs(point.at), left: point.error_budget_remaining }))
    .filter((point) => Number.isFinite(point.at))
    .sort((a, b) => a.at - b.at);
  const last = past.findLast((point) => point.left !== null);
  const future = history.projection
    .map((point) => ({ ...point, at: secs(point.at) }))
    .filter((point) => Number.isFinite(point.at) && (last === undefined || point.at > last.at))
    .sort((a, b) => a.at - b.at);

  const rows = new Map<
    number,
    { left: number | null; projected: number | null; low: number | null; high: number | null }
  >();
  for (const { at, left } of past) rows.set(at, { left, projected: null, low: null, high: null });
  // The projection starts where the line ends, so that the dashes continue it.
  if (last && future.length > 0) {
    rows.set(last.at, { left: last.left, projected: last.left, low: last.left, high: last.left });
  }
  for (const { at, error_budget_remaining, low, high } of future) {
    const row = rows.get(at) ?? { left: null, projected: null, low: null, high: null };
    rows.set(at, { ...row, projected: error_budget_remaining, low, high });
  }
  const at = [...rows.keys()].sort((a, b) => a - b);
  const column = (key: "left" | "projected" | "low" | "high"): Column =>
    at.map((t) => rows.get(t)?.[key] ?? null);
  const left = column("left");
  const projected = column("projected");
  const low = column("low");
  const high = column("high");
  return {
    at,
    left,
    projected,
    low,
    high,
    ...extent(left, projected, low),
    regions: regions(history.incidents),
    deploys: deploys(history.deploys),
  };
}

/** The projection up to a time; its last point lies exactly there when it goes on. */
export function projectionUntil(points: ProjectionPoint[], untilMs: number): ProjectionPoint[] {
  const cut = points.findIndex((point) => Date.parse(point.at) > untilMs);
  const after = points[cut];
  const before = points[cut - 1];
  if (after === undefined) return points;
  if (before === undefined) return [];
  const start = Date.parse(before.at);
  if (start === untilMs) return points.slice(0, cut);
  const share = (untilMs - start) / (Date.parse(after.at) - start);
  const between = (key: "error_budget_remaining" | "low" | "high") =>
    before[key] + (after[key] - before[key]) * share;
  const last = {
    at: new Date(untilMs).toISOString(),
    error_budget_remaining: between("error_budget_remaining"),
    low: between("low"),
    high: between("high"),
  };
  return [...points.slice(0, cut), last];
}

const regions = (incidents: HistoryIncident[]) =>
  incidents.map((incident) => ({
    from: secs(incident.started_at),
    to: incident.restored_at ? secs(incident.restored_at) : null,
    label: incident.incident_id,
    title: incident.title,
  }));

const deploys = (list: HistoryDeploy[]) =>
  list.map((deploy) => ({
    at: secs(deploy.at),
    label: `deploy ${deploy.version}`,
    failed: /fail|roll/i.test(deploy.status),
  }));

/** How far below what was measured a projection is followed: a steep one leaves the picture there. */
const PROJECTED_BELOW = 0.5;

/** Room for the whole budget above and always some of the "spent" area below. */
function extent(left: Column, ...projected: Column[]): { min: number; max: number } {
  let [lowest, highest] = range(left, 0, 1);
  // A budget that burns in an hour would flatten the month that was measured.
  const [low, high] = range(projected.flat(), lowest, highest);
  lowest = Math.max(low, lowest - PROJECTED_BELOW);
  highest = high;
  // The scale ends on a round step that keeps about six grid lines.
  const step = niceStep((highest - lowest) / 6);
  const min = Math.min(-step, Math.floor(lowest / step + 1e-9) * step);
  return { min: round(min), max: round(Math.max(1.05, highest + step / 4)) };
}

function range(values: Column, lowest: number, highest: number): [number, number] {
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  return [lowest, highest];
}

const round = (value: number): number => Number(value.toFixed(6));

export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  const unit = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return unit * power;
}

/** One sentence that says what the picture shows, for people who do not see it. */
export function burndownSentence(data: Burndown, write: (value: number | null) => string): string {
  const known = data.left.filter((value): value is number => value !== null);
  if (known.length === 0) return "No budget history in this range.";
  const end = known.at(-1) ?? null;
  const parts = [`Error budget from ${write(known[0] ?? null)} to ${write(end)}`];
  if (data.regions.length > 0)
    parts.push(`${data.regions.length} ${data.regions.length === 1 ? "incident" : "incidents"}`);
  if (data.deploys.length > 0)
    parts.push(`${data.deploys.length} ${data.deploys.length === 1 ? "deploy" : "deploys"}`);
  const projected = data.projected.findLast((value) => value !== null) ?? null;
  if (projected !== null) parts.push(`projected to reach ${write(projected)}`);
  return `${parts.join(", ")}.`;
}
