// What many pages ask of the shared state: the zone, the range, the clock, who is signed in.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { session } from "../api/queries.ts";
import type { Role } from "../api/types.ts";
import { refreshMs, type SharedSearch } from "../lib/search.ts";
import { iso, isRelative, parseRange, type Range } from "../lib/time.ts";

export function useShared(): SharedSearch {
  return useSearch({ strict: false }) as SharedSearch;
}

export const useZone = (): string => useShared().tz ?? "UTC";

/** The wall clock, for ages on the screen only: ticks every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** How often a page reads again: the URL's choice or the page's own. TanStack Query stops when hidden. */
export function useRefresh(fallback: number | false): number | false {
  const { refresh } = useShared();
  const chosen = refresh === undefined ? null : refreshMs(refresh);
  return chosen === null ? fallback : chosen;
}

export function usePatchSearch(): (patch: Record<string, string | undefined>, replace?: boolean) => void {
  const navigate = useNavigate();
  return useCallback(
    (patch, replace = true) => {
      // The patch is typed by each route's own validateSearch when the URL is read back.
      void navigate({
        to: ".",
        replace,
        search: ((current: Record<string, unknown>) => ({ ...current, ...patch })) as never,
      });
    },
    [navigate],
  );
}

export interface RangeState {
  from: string;
  to: string;
  /** The person chose it; otherwise it is the page's default. */
  explicit: boolean;
  relative: boolean;
  resolve: (now: number) => Range;
  set: (from: string, to: string) => void;
  freeze: () => void;
}

export function useRange(defaultFrom: string): RangeState {
  const shared = useShared();
  const patch = usePatchSearch();
  const from = shared.from ?? defaultFrom;
  const to = shared.to ?? "now";
  return useMemo(() => {
    const resolve = (now: number): Range => {
      const parsed = parseRange(from, to, now);
      if (parsed.ok) return parsed.range;
      const fallback = parseRange(defaultFrom, "now", now);
      return fallback.ok ? fallback.range : { from: now - 3_600_000, to: now };
    };
    const set = (nextFrom: string, nextTo: string) => patch({ from: nextFrom, to: nextTo }, false);
    return {
      from,
      to,
      explicit: shared.from !== undefined,
      relative: isRelative(from) || isRelative(to),
      resolve,
      set,
      freeze: () => {
        const range = resolve(Date.now());
        set(iso(range.from), iso(range.to));
      },
    };
  }, [from, to, shared.from, defaultFrom, patch]);
}

const RANK: Record<Role, number> = { ingest: 0, viewer: 1, responder: 2, admin: 3 };

/** Whether the person may do what needs `role`; the server decides, this only hides what would be refused. */
export function useMay(role: Role): boolean {
  const { data } = useQuery(session());
  return data !== undefined && RANK[data.role] >= RANK[role];
}
