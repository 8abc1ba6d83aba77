// What the page asks the server for. Relative ranges are resolved when the question is put, so that reading
// again reads up to now.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call } from "../../api/call.ts";
import { query } from "../../api/client.ts";
import type { LogHistogram, LogLine } from "../../api/types.ts";
import { iso, type Range } from "../../lib/time.ts";

/** What the URL says: the same filter for lines, bars, facets and the tail. */
export interface LogsAsked {
  q: string;
  severity: string | undefined;
  /** As written; the key of what is remembered. */
  from: string;
  to: string;
  resolve: (now: number) => Range;
}

const PAGE_LINES = 300;

const key = ({ q, severity, from, to }: LogsAsked) => [q, severity ?? null, from, to];

const filter = ({ q, severity, resolve }: LogsAsked) => {
  const range = resolve(Date.now());
  return { range, query: { q, severity, from: iso(range.from), to: iso(range.to) } };
};

export const lines = (asked: LogsAsked) =>
  infiniteQueryOptions({
    queryKey: ["logs", "lines", ...key(asked)],
    queryFn: ({ pageParam, signal }) => {
      const page = { limit: String(PAGE_LINES), after: pageParam ?? undefined };
      return call("get", "/api/logs", { query: { ...filter(asked).query, ...page } }, signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });

export interface Bars {
  range: Range;
  histogram: LogHistogram;
}

export const histogram = (asked: LogsAsked) =>
  queryOptions({
    queryKey: ["logs", "histogram", ...key(asked)],
    queryFn: async ({ signal }): Promise<Bars> => {
      const { range, query } = filter(asked);
      return { range, histogram: await call("get", "/api/logs/histogram", { query }, signal) };
    },
    placeholderData: (previous) => previous,
  });

export const facets = (asked: LogsAsked) =>
  queryOptions({
    queryKey: ["logs", "facets", ...key(asked)],
    queryFn: ({ signal }) => call("get", "/api/logs/facets", { query: filter(asked).query }, signal),
    placeholderData: (previous) => previous,
  });

export const context = (line: LogLine, count: number) =>
  queryOptions({
    queryKey: ["logs", "context", line.id, line.service, line.host, count],
    queryFn: ({ signal }) => {
      const { id, service, host } = line;
      const query = {
        id,
        service: service ?? undefined,
        host: host ?? undefined,
        lines: String(count),
      };
      return call("get", "/api/logs/context", { query }, signal);
    },
  });

/** Lines of a file to be taken away; below the server's own limit (query.logs.export_lines_max). */
export const EXPORT_LINES = 10_000;

export const exportPath = (asked: LogsAsked, format: "csv" | "ndjson"): string =>
  `/api/logs/export${query({ ...filter(asked).query, format, limit: EXPORT_LINES })}`;

export const tailPath = ({ q, severity }: LogsAsked): string => `/api/logs/tail${query({ q, severity })}`;
