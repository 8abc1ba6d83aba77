import { expect, test } from "vitest";
import type { DeliveryRow, Lengths, RecoveryRow } from "../api/types.ts";
import { csv } from "./csv.ts";
import {
  before,
  DELIVERY_MEASURES,
  deliveryCells,
  groupName,
  RECOVERY_MEASURES,
  recoveryCells,
  trendOf,
  trendSentence,
  widthFor,
  write,
} from "./metrics.ts";
import { validateMetrics } from "./metricsSearch.ts";

const lengths = (given: Partial<Lengths> = {}): Lengths => ({
  n: 0,
  open: 0,
  missing: 0,
  negative: 0,
  mean_secs: null,
  median_secs: null,
  p90_secs: null,
  ...given,
});

const row = (from: string, given: Partial<RecoveryRow> = {}): RecoveryRow => ({
  from,
  to: from,
  service: null,
  team: null,
  severity: null,
  incidents: 0,
  open: 0,
  oldest_open_secs: null,
  false_alarms: 0,
  precision: null,
  downtime_secs: 0,
  availability: null,
  failures: 0,
  mtbf_secs: null,
  mtbsi_secs: null,
  uptime_per_failure_secs: null,
  detect: lengths(),
  acknowledge: lengths(),
  respond: lengths(),
  repair: lengths(),
  restore: lengths(),
  resolve: lengths(),
  resolve_active: lengths(),
  ...given,
});

const restore = RECOVERY_MEASURES.find(({ key }) => key === "restore");
const availability = RECOVERY_MEASURES.find(({ key }) => key === "availability");

test("what is not known is a dash in every unit, and zero is a number", () => {
  for (const kind of ["duration", "share", "availability", "count", "rate"] as const)
    expect(write(kind, null)).toBe("—");
  expect(write("duration", 528)).toBe("8 min 48 s");
  expect(write("share", 0.25)).toBe("25%");
  expect(write("availability", 0.99951)).toBe("99.951%");
  expect(write("count", 0)).toBe("0");
});

test("a frequency is told in the unit in which it is a plain number", () => {
  const written = [0, 2.4, 0.5, 0.1, 0.01].map((perDay) => write("rate", perDay));
  expect(written).toEqual(["none", "2.4 per day", "3.5 per week", "3 per month", "less than monthly"]);
});

test("a trend keeps its gaps and says what it is made of", () => {
  if (!restore || !availability) throw new Error("the measures are gone");
  const trend = trendOf(
    [
      row("2026-11-16T00:00:00Z"),
      row("2026-11-09T00:00:00Z", {
        restore: lengths({ n: 2, mean_secs: 60, median_secs: 50, p90_secs: 90 }),
      }),
      row("2026-11-23T00:00:00Z", {
        restore: lengths({ n: 1, mean_secs: 30, median_secs: 30, p90_secs: 30 }),
      }),
    ],
    restore,
  );
  expect(trend.lines.map(({ name, values }) => [name, ...values])).toEqual([
    ["Mean", 60, null, 30],
    ["Median", 50, null, 30],
    ["90th percentile", 90, null, 30],
  ]);
  expect(trend.n).toEqual([2, 0, 1]);
  expect(trendSentence(trend, restore)).toBe(
    "Time to restore, mean: from 1 min to 30 s over 3 periods, 2 of them with a number.",
  );
  const none = trendOf([row("2026-11-16T00:00:00Z")], availability);
  expect(none.lines).toEqual([{ name: "Availability", values: [null] }]);
  expect(trendSentence(none, availability)).toBe("Availability: nothing to say in 1 period.");
});

test("rows are named by what they were divided by", () => {
  expect(groupName({ service: "shop", severity: "SEV1" }, "service,severity")).toBe("shop · SEV1");
  expect(groupName({ team: null }, "team")).toBe("not told");
});

test("periods fit the range, and the range before is as long", () => {
  const days = (count: number) => ({ from: 0, to: count * 86_400_000 });
  expect([7, 90, 365].map((count) => widthFor(days(count)))).toEqual(["day", "week", "month"]);
  expect(before({ from: 100, to: 150 })).toEqual({ from: 50, to: 100 });
});

test("nonsense in the URL is dropped", () => {
  expect(validateMetrics({ tab: "delivery", by: "team", width: "month", group: "play" })).toMatchObject({
    tab: "delivery",
    by: "team",
    width: "month",
    group: "play",
  });
  expect(validateMetrics({ tab: "x", by: "planet", width: "eon", group: 7 })).toEqual({});
});

test("an export has every number, and nothing for what is not known", () => {
  const cells = recoveryCells(row("2026-11-16T00:00:00Z", { restore: lengths({ n: 1, mean_secs: 60 }) }));
  const text = csv(Object.keys(cells), [Object.values(cells)]);
  const [names = "", values = ""] = text.split("\r\n");
  const of = (name: string) => values.split(",")[names.split(",").indexOf(name)];
  expect([of("restore_mean_secs"), of("restore_n"), of("detect_mean_secs"), of("detect_n")]).toEqual([
    "60",
    "1",
    "",
    "0",
  ]);
  const deploys = deliveryCells({ deployments: 0, lead_time: lengths(), recovery: lengths() } as DeliveryRow);
  expect(deploys).toMatchObject({ deployments: 0, lead_time_n: 0, recovery_median_secs: null });
  expect(DELIVERY_MEASURES).toHaveLength(5);
});
