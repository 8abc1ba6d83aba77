// The geometry of the error-budget bar. The track runs from -100 % to +100 % only when something is
// overspent; the zero tick stays where it is, so that bars in one column can be compared.

export interface BarGeometry {
  /** Percent of the track's width. */
  left: number;
  width: number;
  overspent: boolean;
}

/** The zero tick sits this far from the left of the track (percent): overspending grows to its left. */
export const ZERO_TICK = 30;

export function budgetBar(remaining: number | null): BarGeometry | null {
  if (remaining === null || !Number.isFinite(remaining)) return null;
  if (remaining < 0) {
    // At least a visible sliver: one tenth of a percent over is over.
    const width = Math.max(2, Math.min(1, -remaining) * ZERO_TICK);
    return { left: ZERO_TICK - width, width, overspent: true };
  }
  return { left: ZERO_TICK, width: Math.min(1, remaining) * (100 - ZERO_TICK), overspent: false };
}
