// The report of an objective: the times people type, and the report as a table for spreadsheets.
import type { SloReport } from "../api/types.ts";
import { type Cell, csv } from "./csv.ts";
import { iso, parseDuration, parseInstant } from "./time.ts";

export const WINDOWS_DEFAULT = "1h,6h,1d,3d";
/** As many as the server answers at once. */
const WINDOWS_MAX = 20;

const DAY_MS = 86_400_000;

/** What was typed as `at`: an instant, or why it is none. Empty is now. */
export function instantField(typed: string, now: number): { at?: string; fault?: string } {
  if (typed.trim() === "") return {};
  const ms = parseInstant(typed, now);
  return ms === null ? { fault: `"${typed}" is not a time` } : { at: iso(ms) };
}

/** "As reported on" a day is what was known when that day (in UTC) ended. */
export function reportedOnField(typed: string, now: number): { at?: string; fault?: string } {
  const field = instantField(typed, now);
  if (field.at === undefined || !/^\s*(\d{4}-\d{2}-\d{2}|today|yesterday)\s*$/i.test(typed)) return field;
  return { at: iso(Math.min(Date.parse(field.at) + DAY_MS, now)) };
}

/** Windows with commas, as the server takes them. */
export function windowsField(typed: string): { windows?: string; fault?: string } {
  const windows = typed.split(/[\s,]+/).filter((window) => window !== "");
  const wrong = windows.find((window) => !(Number(parseDuration(window)) > 0));
  if (wrong !== undefined) return { fault: `"${wrong}" is no duration such as 6h` };
  if (windows.length > WINDOWS_MAX) return { fault: `At most ${WINDOWS_MAX} windows at once` };
  return { windows: windows.join(",") };
}

/** One long table: a section, a name, and what is known of it. */
export function reportCsv(report: SloReport): string {
  const { status, spent } = report;
  const number = (name: string, value: Cell): Cell[] => ["objective", name, null, null, value, null, null];
  const rows: Cell[][] = [
    number("slo", status.slo),
    number("objective", status.objective),
    number("group", status.group_key),
    number("service", status.service),
    number("window", status.window),
    number("window_from", spent.from),
    number("window_to", spent.to),
    number("target", status.target),
    number("sli", status.sli),
    number("good", status.good),
    number("total", status.total),
    number("bad", status.bad),
    number("allowed_bad", status.allowed_bad),
    number("consumed", status.consumed),
    number("error_budget_remaining", status.error_budget_remaining),
    number("error_budget_remaining_units", status.error_budget_remaining_units),
    number("error_budget_remaining_secs", status.error_budget_remaining_secs),
    number("exhausted_in_pace_secs", status.exhausted_in_pace_secs),
    number("exhausted_in_fixed_window_secs", status.exhausted_in_fixed_window_secs),
    number("exhausted_in_rolling_secs", status.exhausted_in_rolling_secs),
    number("coverage", status.coverage),
    ...report.burn.map((burn) => [
      "burn_rate",
      burn.window,
      null,
      null,
      burn.burn_rate,
      null,
      burn.budget_used,
    ]),
    ...spent.causes.map((cause) => [
      cause.kind,
      cause.title === "" ? cause.id : `${cause.id}: ${cause.title}`,
      cause.from,
      cause.to,
      null,
      cause.bad,
      cause.budget_share,
    ]),
    ["unexplained", "", spent.from, spent.to, null, spent.unexplained_bad, spent.unexplained_budget_share],
    ...report.groups.map((group) => ["group", group.group_key, null, null, group.bad_share, group.bad, null]),
    ...report.excluded.map((time) => [
      "excluded",
      `${time.maintenance_id}: ${time.title}`,
      time.from,
      time.to,
      time.effect,
      null,
      null,
    ]),
  ];
  return csv(["section", "name", "from", "to", "value", "bad", "budget_share"], rows);
}
