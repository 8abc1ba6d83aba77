// Recovery and delivery metrics: which there are, how each is written, and how rows are told apart.
// A number that nothing was measured for is null and written as a dash, never as zero.
import type { DeliveryRow, Lengths, RecoveryRow } from "../api/types.ts";
import type { Cell } from "./csv.ts";
import { budget, count, duration, sli, UNKNOWN } from "./format.ts";
import type { Grouping, Width } from "./metricsSearch.ts";
import type { Range } from "./time.ts";

const DAY_MS = 86_400_000;

/** Periods that give a trend something to show: about four to thirty of them. */
export function widthFor({ from, to }: Range): Width {
  const days = (to - from) / DAY_MS;
  return days <= 21 ? "day" : days <= 200 ? "week" : "month";
}

/** The range as long as this one and right before it. */
export const before = ({ from, to }: Range): Range => ({ from: from - (to - from), to: from });

type Grouped = Partial<Record<"service" | "team" | "severity", string | null>>;

/** What a row is about, in the order of the grouping: "checkout · SEV1". */
export const groupName = (row: Grouped, by: Grouping): string =>
  by
    .split(",")
    .map((key) => row[key as keyof Grouped] ?? "not told")
    .join(" · ");

/** The rows of one group where the page is about one, else all. */
export const ofGroup = <R extends Grouped>(
  rows: R[],
  by: Grouping | undefined,
  group: string | undefined,
): R[] => (by === undefined ? rows : rows.filter((row) => groupName(row, by) === group));

export type Kind = "duration" | "share" | "availability" | "count" | "rate";

/** One measure: how to read it off a row and how to write it. */
export interface Measure<Row> {
  key: string;
  name: string;
  /** What the field calls it. */
  short?: string;
  kind: Kind;
  read: (row: Row) => number | null;
  /** Of how many measurements it is made; no mean without it. */
  n?: (row: Row) => number;
  /** Where the measure is a distribution. */
  lengths?: (row: Row) => Lengths;
}

export function write(kind: Kind, value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  switch (kind) {
    case "duration":
      return duration(value);
    case "share":
      return budget(value);
    case "availability":
      return sli(value);
    case "count":
      return count(value);
    case "rate":
      return rate(value);
  }
}

/** Deploys per day in the unit in which it is a plain number: "2.4 per day", "3 per week". */
function rate(perDay: number): string {
  if (perDay === 0) return "none";
  for (const [unit, days] of [
    ["day", 1],
    ["week", 7],
    ["month", 30],
  ] as const) {
    if (perDay * days >= 1) return `${count(Number((perDay * days).toPrecision(2)))} per ${unit}`;
  }
  return "less than monthly";
}

const ofLengths = <Row>(
  key: string,
  name: string,
  short: string | undefined,
  lengths: (row: Row) => Lengths,
): Measure<Row> => ({
  key,
  name,
  short,
  kind: "duration",
  lengths,
  read: (row) => lengths(row).mean_secs,
  n: (row) => lengths(row).n,
});

/** Every length of a recovery by its own name: "MTTR" alone means four different things. */
export const RECOVERY_LENGTHS: (Measure<RecoveryRow> & { from: string; to: string })[] = [
  {
    ...ofLengths("detect", "Time to detect", "MTTD", (row: RecoveryRow) => row.detect),
    from: "started",
    to: "detected",
  },
  {
    ...ofLengths("acknowledge", "Time to acknowledge", "MTTA", (row: RecoveryRow) => row.acknowledge),
    from: "detected",
    to: "acknowledged by a person",
  },
  {
    ...ofLengths("respond", "Time to respond", "MTTR: respond", (row: RecoveryRow) => row.respond),
    from: "detected",
    to: "restored",
  },
  {
    ...ofLengths("repair", "Time to repair", "MTTR: repair", (row: RecoveryRow) => row.repair),
    from: "started",
    to: "the component works, recovery goes on",
  },
  {
    ...ofLengths("restore", "Time to restore", "MTTR: restore", (row: RecoveryRow) => row.restore),
    from: "started",
    to: "the service is normal",
  },
  {
    ...ofLengths("resolve", "Time to resolve", "MTTR: resolve", (row: RecoveryRow) => row.resolve),
    from: "started",
    to: "the cause is gone",
  },
  {
    ...ofLengths(
      "resolve_active",
      "Time to resolve, active",
      undefined,
      (row: RecoveryRow) => row.resolve_active,
    ),
    from: "started",
    to: "the cause is gone, without pauses before a reopening",
  },
];

export const RECOVERY_MEASURES: Measure<RecoveryRow>[] = [
  ...RECOVERY_LENGTHS,
  {
    key: "mtbf",
    name: "Time between failures",
    short: "MTBF",
    kind: "duration",
    read: (row) => row.mtbf_secs,
    n: (row) => row.failures,
  },
  {
    key: "mtbsi",
    name: "Time between service incidents",
    short: "MTBSI",
    kind: "duration",
    read: (row) => row.mtbsi_secs,
    n: (row) => row.failures,
  },
  { key: "availability", name: "Availability", kind: "availability", read: (row) => row.availability },
  { key: "incidents", name: "Incidents", kind: "count", read: (row) => row.incidents },
  { key: "downtime", name: "Downtime", kind: "duration", read: (row) => row.downtime_secs },
];

export const DELIVERY_MEASURES: Measure<DeliveryRow>[] = [
  {
    key: "frequency",
    name: "Deployment frequency",
    kind: "rate",
    read: (row) => row.deployments_per_day,
    n: (row) => row.deployments,
  },
  {
    key: "lead_time",
    name: "Lead time for changes",
    kind: "duration",
    lengths: (row) => row.lead_time,
    read: (row) => row.lead_time.median_secs,
    n: (row) => row.lead_time.n,
  },
  {
    key: "change_fail_rate",
    name: "Change failure rate",
    kind: "share",
    read: (row) => row.change_fail_rate,
    n: (row) => row.deployments,
  },
  {
    key: "recovery",
    name: "Failed deployment recovery",
    kind: "duration",
    lengths: (row) => row.recovery,
    read: (row) => row.recovery.median_secs,
    n: (row) => row.recovery.n,
  },
  {
    key: "rework_rate",
    name: "Rework rate",
    kind: "share",
    read: (row) => row.rework_rate,
    n: (row) => row.deployments,
  },
];

/** Columns of a trend chart: starts of periods in epoch seconds, and one column per line. */
export interface Trend {
  at: number[];
  ends: number[];
  lines: { name: string; values: (number | null)[] }[];
  /** Of how many measurements each period is made. */
  n: (number | null)[];
}

export function trendOf<Row extends { from: string; to: string }>(rows: Row[], measure: Measure<Row>): Trend {
  const sorted = [...rows].sort((a, b) => a.from.localeCompare(b.from));
  const line = (name: string, read: (row: Row) => number | null) => ({ name, values: sorted.map(read) });
  const { lengths } = measure;
  return {
    at: sorted.map((row) => Date.parse(row.from) / 1000),
    ends: sorted.map((row) => Date.parse(row.to) / 1000),
    lines: lengths
      ? [
          line("Mean", (row) => lengths(row).mean_secs),
          line("Median", (row) => lengths(row).median_secs),
          line("90th percentile", (row) => lengths(row).p90_secs),
        ]
      : [line(measure.name, measure.read)],
    n: sorted.map((row) => measure.n?.(row) ?? null),
  };
}

/** One sentence that says what the picture shows. */
export function trendSentence(trend: Trend, measure: Pick<Measure<never>, "name" | "kind">): string {
  const line = trend.lines[0];
  const known = line?.values.filter((value) => value !== null) ?? [];
  const periods = trend.at.length === 1 ? "1 period" : `${trend.at.length} periods`;
  if (!line || known.length === 0) return `${measure.name}: nothing to say in ${periods}.`;
  const name = trend.lines.length > 1 ? `${measure.name}, ${line.name.toLowerCase()}` : measure.name;
  const first = write(measure.kind, known[0]);
  const last = write(measure.kind, known.at(-1));
  return `${name}: from ${first} to ${last} over ${periods}, ${known.length} of them with a number.`;
}

/** Rows as a table for spreadsheets: lengths with their n, what is unknown empty. */
export function recoveryCells(row: RecoveryRow): Record<string, Cell> {
  return {
    from: row.from,
    to: row.to,
    service: row.service,
    team: row.team,
    severity: row.severity,
    incidents: row.incidents,
    open: row.open,
    oldest_open_secs: row.oldest_open_secs,
    false_alarms: row.false_alarms,
    precision: row.precision,
    failures: row.failures,
    downtime_secs: row.downtime_secs,
    availability: row.availability,
    mtbf_secs: row.mtbf_secs,
    mtbsi_secs: row.mtbsi_secs,
    uptime_per_failure_secs: row.uptime_per_failure_secs,
    ...Object.assign(
      {},
      ...RECOVERY_LENGTHS.map(({ key, lengths }) => lengths && lengthCells(key, lengths(row))),
    ),
  };
}

export function deliveryCells(row: DeliveryRow): Record<string, Cell> {
  const { lead_time, recovery, ...plain } = row;
  return { ...plain, ...lengthCells("lead_time", lead_time), ...lengthCells("recovery", recovery) };
}

const lengthCells = (name: string, lengths: Lengths): Record<string, Cell> =>
  Object.fromEntries(Object.entries(lengths).map(([key, value]) => [`${name}_${key}`, value]));
