// Prometheus answers -> columns for a chart, with the statistics of the legend.
import type { PromData } from "../api/types.ts";
import type { Column } from "./burndown.ts";

export interface Series {
  name: string;
  labels: Record<string, string>;
  values: Column;
  last: number | null;
  min: number | null;
  max: number | null;
  avg: number | null;
}

export interface SeriesTable {
  /** Epoch seconds. */
  at: number[];
  series: Series[];
  samples: number;
}

/** `+Inf`, `-Inf` and `NaN` come as text. A chart cannot draw them: they are gaps there. */
export function promNumber(text: string): number {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** `name{a="b"}` with the labels sorted; an empty label set reads `{}`. */
export function seriesName(labels: Record<string, string>): string {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 && name ? name : `${name}{${pairs.join(", ")}}`;
}

/** What tells the series apart: labels whose value is the same everywhere are left out of the short name. */
export function shortNames(all: Record<string, string>[]): string[] {
  if (all.length < 2) return all.map(seriesName);
  const keys = [...new Set(all.flatMap(Object.keys))];
  const differing = keys.filter((key) => new Set(all.map((labels) => labels[key] ?? "")).size > 1);
  return all.map((labels) =>
    differing.length === 1
      ? labels[differing[0] ?? ""] || "(empty)"
      : seriesName(Object.fromEntries(Object.entries(labels).filter(([key]) => differing.includes(key)))),
  );
}

export function seriesTable(data: PromData): SeriesTable {
  const list =
    data.resultType === "matrix"
      ? data.result.map(({ metric, values }) => ({ metric, values }))
      : data.resultType === "vector"
        ? data.result.map(({ metric, value }) => ({ metric, values: [value] }))
        : [{ metric: {}, values: [data.result] }];
  const at = [...new Set(list.flatMap(({ values }) => values.map(([t]) => t)))].sort((a, b) => a - b);
  const index = new Map(at.map((t, position) => [t, position]));
  const names = shortNames(list.map(({ metric }) => metric));
  const series = list.map(({ metric, values }, position) => {
    const column: Column = new Array(at.length).fill(null);
    for (const [t, text] of values) {
      const value = promNumber(text);
      column[index.get(t) ?? 0] = Number.isFinite(value) ? value : null;
    }
    return { name: names[position] ?? "", labels: metric, values: column, ...statistics(column) };
  });
  return { at, series, samples: list.reduce((sum, { values }) => sum + values.length, 0) };
}

export function statistics(column: Column): Pick<Series, "last" | "min" | "max" | "avg"> {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let known = 0;
  for (const value of column) {
    if (value === null) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    known++;
  }
  if (known === 0) return { last: null, min: null, max: null, avg: null };
  return { last: column.findLast((value) => value !== null) ?? null, min, max, avg: sum / known };
}

/** The series worth drawing when there are more than `limit`: those with the highest peak. */
export function topSeries(series: Series[], limit: number): Series[] {
  if (series.length <= limit) return series;
  return [...series].sort((a, b) => (b.max ?? 0) - (a.max ?? 0)).slice(0, limit);
}
