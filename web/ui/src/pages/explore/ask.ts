// One question, one answer in the shape the page shows, whatever the language.
import { ApiError } from "../../api/client.ts";
import { promqlRange, sql } from "../../api/queries.ts";
import type { QueryLanguage } from "../../components/editor/QueryEditor.tsx";
import { type SeriesTable, seriesName, seriesTable } from "../../lib/series.ts";
import { sqlSeries } from "../../lib/sqlChart.ts";
import { type Range, stepFor } from "../../lib/time.ts";

export interface Column {
  name: string;
  type: string;
  numeric: boolean;
}

export interface Answer {
  columns: Column[];
  rows: unknown[][];
  /** Present when the answer can be drawn. */
  series: SeriesTable | null;
  json: string;
  tookMs: number;
  step: number | null;
  range: Range | null;
  warnings: string[];
}

const POINTS = 400;
const JSON_CHARS = 200_000;

const NUMERIC = /int|float|double|decimal|numeric|real/i;

export async function ask(
  text: string,
  language: QueryLanguage,
  range: Range,
  signal: AbortSignal,
): Promise<Answer> {
  const begun = performance.now();
  const answer = language === "sql" ? await askSql(text, signal) : await askPromql(text, range, signal);
  return { ...answer, tookMs: performance.now() - begun };
}

async function askSql(text: string, signal: AbortSignal): Promise<Omit<Answer, "tookMs">> {
  const answer = await sql(text, signal);
  return {
    columns: answer.columns.map((column) => ({ ...column, numeric: NUMERIC.test(column.type) })),
    rows: answer.rows,
    series: sqlSeries(answer),
    json: pretty(answer),
    step: null,
    range: null,
    warnings: [],
  };
}

async function askPromql(text: string, range: Range, signal: AbortSignal): Promise<Omit<Answer, "tookMs">> {
  const step = stepFor(range, POINTS);
  // Whole steps, so that refreshing does not shift every point a little.
  const start = Math.floor(range.from / 1000 / step) * step;
  const end = Math.floor(range.to / 1000 / step) * step;
  const answer = await promqlRange(text, start, end, step, signal);
  if (answer.status === "error")
    throw new ApiError({ title: answer.errorType, detail: answer.error, status: 400 });
  const series = seriesTable(answer.data);
  return {
    columns: [
      { name: "Series", type: "text", numeric: false },
      { name: "Last", type: "number", numeric: true },
      { name: "Min", type: "number", numeric: true },
      { name: "Max", type: "number", numeric: true },
      { name: "Avg", type: "number", numeric: true },
    ],
    rows: series.series.map((one) => [seriesName(one.labels), one.last, one.min, one.max, one.avg]),
    series,
    json: pretty(answer.data),
    step,
    range,
    warnings: [...(answer.warnings ?? []), ...(answer.infos ?? [])],
  };
}

function pretty(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.length > JSON_CHARS
    ? `${text.slice(0, JSON_CHARS)}\n(cut here: ${text.length} characters in all)`
    : text;
}
