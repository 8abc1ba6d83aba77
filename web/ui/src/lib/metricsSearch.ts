// What the URL says about recovery and delivery metrics: which, divided how, of what period.
import { oneOf, text } from "./search.ts";

export const GROUPINGS = ["service", "team", "severity", "service,severity", "team,severity"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const GROUPING_WORDS: Record<Grouping, string> = {
  service: "service",
  team: "team",
  severity: "severity",
  "service,severity": "service and severity",
  "team,severity": "team and severity",
};

/** Deploys have no severity. */
export const hasDeploys = (by: Grouping): boolean => !by.includes("severity");

export const WIDTHS = ["day", "week", "month"] as const;
export type Width = (typeof WIDTHS)[number];

export interface MetricsSearch {
  tab?: "delivery" | "impact";
  by?: Grouping;
  /** One of the groups; everything else on the page is about it. */
  group?: string;
  width?: Width;
  /** The key of the measure that the trend shows. */
  measure?: string;
  as_of?: string;
}

export function validateMetrics(raw: Record<string, unknown>): MetricsSearch {
  return {
    tab: oneOf(raw.tab, ["delivery", "impact"] as const),
    by: oneOf(raw.by, GROUPINGS),
    group: text(raw.group),
    width: oneOf(raw.width, WIDTHS),
    measure: text(raw.measure),
    as_of: text(raw.as_of),
  };
}
