// Worst first: the orders in which lists are shown.
import type { ServiceStatus, SloState } from "../api/types.ts";

const STATUS_ORDER: Record<ServiceStatus | SloState, number> = {
  breached: 0,
  at_risk: 1,
  frozen: 2,
  no_data: 2,
  healthy: 3,
};

interface Rated {
  status: ServiceStatus | SloState;
  remaining: number | null;
  name: string;
}

/** Breached, at risk, no data, healthy; within one, the least budget first. */
export function worstFirst(a: Rated, b: Rated): number {
  return (
    STATUS_ORDER[a.status] - STATUS_ORDER[b.status] ||
    (a.remaining ?? Number.POSITIVE_INFINITY) - (b.remaining ?? Number.POSITIVE_INFINITY) ||
    a.name.localeCompare(b.name)
  );
}

/** `SEV1` is 1; what is no severity comes last. */
export function severityRank(severity: string | null): number {
  const match = /^SEV(\d)$/i.exec(severity ?? "");
  return match ? Number(match[1]) : 9;
}
