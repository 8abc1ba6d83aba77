// Whether an SQL answer can be drawn: a first timestamp column and at least one numeric column.
import type { SqlResult } from "../api/types.ts";
import { type SeriesTable, statistics } from "./series.ts";

const isTime = (type: string): boolean => /timestamp|date/i.test(type);
const isNumber = (type: string): boolean => /int|float|double|decimal|numeric|real/i.test(type);

export function sqlSeries(answer: SqlResult): SeriesTable | null {
  const timeColumn = answer.columns.findIndex((column) => isTime(column.type));
  const numeric = answer.columns.flatMap((column, index) => (isNumber(column.type) ? [index] : []));
  if (timeColumn < 0 || numeric.length === 0) return null;
  const rows = answer.rows
    .map((row) => ({ at: Date.parse(String(row[timeColumn])) / 1000, row }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const at = rows.map(({ at }) => at);
  // A repeated instant means one row per group: not one line, so a table says it better.
  if (at.length < 2 || new Set(at).size !== at.length) return null;
  const series = numeric.map((index) => {
    const values = rows.map(({ row }) => (typeof row[index] === "number" ? (row[index] as number) : null));
    const name = answer.columns[index]?.name ?? "";
    return { name, labels: { __name__: name }, values, ...statistics(values) };
  });
  return { at, series, samples: at.length * series.length };
}
