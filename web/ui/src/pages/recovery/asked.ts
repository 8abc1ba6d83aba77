// What the page asks, from the URL: the range, how it is divided, and as it was known when.
import { useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { MetricsAsked } from "../../api/queries.ts";
import { useNow, useRange, useZone } from "../../components/hooks.ts";
import { before, widthFor } from "../../lib/metrics.ts";
import type { MetricsSearch, Width } from "../../lib/metricsSearch.ts";
import { reportedOnField } from "../../lib/sloReport.ts";
import { iso, type Range } from "../../lib/time.ts";

/** As the route of this page has it. */
export const DEFAULT_FROM = "now-90d";

export interface Asked extends MetricsSearch {
  range: Range;
  width: Width;
  /** The whole range in one row. */
  whole: MetricsAsked;
  /** The range as long, right before. */
  earlier: MetricsAsked;
  /** One row per period. */
  periods: MetricsAsked;
}

export function useAsked(): Asked {
  const search: MetricsSearch = useSearch({ from: "/recovery" });
  const { resolve } = useRange(DEFAULT_FROM);
  const zone = useZone();
  // The minute keeps the keys (and so the requests) the same between renders.
  const minute = Math.floor(useNow(60_000) / 60_000) * 60_000;
  return useMemo(() => {
    const range = resolve(minute);
    const of = ({ from, to }: Range): MetricsAsked => ({
      from: iso(from),
      to: iso(to),
      time_zone: zone,
      as_of: reportedOnField(search.as_of ?? "", minute).at,
    });
    const width = search.width ?? widthFor(range);
    const whole = of(range);
    return {
      ...search,
      range,
      width,
      whole,
      earlier: of(before(range)),
      periods: { ...whole, width: `1 ${width}` },
    };
  }, [search, resolve, zone, minute]);
}
