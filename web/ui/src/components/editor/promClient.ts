// What PromQL completion asks of the server. A completion that fails offers nothing; it never disturbs typing.
import type { PrometheusClient } from "@prometheus-io/codemirror-promql";
import { get, query } from "../../api/client.ts";
import type { PromAnswer } from "../../api/types.ts";

const LOOKBACK_SECS = 6 * 3600;

async function ask<T>(path: string, match: string | undefined, empty: T): Promise<T> {
  const end = Math.floor(Date.now() / 1000);
  const params = query({ start: end - LOOKBACK_SECS, end, "match[]": match });
  try {
    const answer = await get<PromAnswer<T>>(`prometheus/api/v1/${path}${params}`);
    return answer.status === "success" ? answer.data : empty;
  } catch {
    return empty;
  }
}

let names: { at: number; list: Promise<string[]> } | null = null;
const NAMES_FRESH_MS = 60_000;

export const promClient: PrometheusClient = {
  labelNames: (metric) => ask<string[]>("labels", metric && `{__name__=${JSON.stringify(metric)}}`, []),
  labelValues: (label, metric) =>
    ask<string[]>(
      `label/${encodeURIComponent(label)}/values`,
      metric && `{__name__=${JSON.stringify(metric)}}`,
      [],
    ),
  metricNames: () => {
    if (!names || Date.now() - names.at > NAMES_FRESH_MS) {
      names = { at: Date.now(), list: ask<string[]>("label/__name__/values", undefined, []) };
    }
    return names.list;
  },
  metricMetadata: () => Promise.resolve({}),
  series: async (metric) => {
    const found = await ask<Record<string, string>[]>("series", `{__name__=${JSON.stringify(metric)}}`, []);
    return found.map((labels) => new Map(Object.entries(labels)));
  },
  flags: () => Promise.resolve({}),
};
