import { describe, expect, it } from "vitest";
import { budgetBar, ZERO_TICK } from "./budgetBar.ts";

describe("the budget bar", () => {
  it("fills to the right of zero", () => {
    expect(budgetBar(1)).toEqual({ left: ZERO_TICK, width: 100 - ZERO_TICK, overspent: false });
    expect(budgetBar(0.5)?.width).toBeCloseTo((100 - ZERO_TICK) / 2);
  });

  it("grows left of zero when overspent, so that it differs from an empty bar", () => {
    expect(budgetBar(0)).toEqual({ left: ZERO_TICK, width: 0, overspent: false });
    const over = budgetBar(-0.38);
    expect(over?.overspent).toBe(true);
    expect((over?.left ?? 0) + (over?.width ?? 0)).toBeCloseTo(ZERO_TICK);
    expect(over?.width).toBeGreaterThan(5);
    expect(budgetBar(-0.001)?.width).toBeGreaterThan(0);
  });

  it("stays within the track", () => {
    for (const value of [-50, -1, -0.5, 0, 0.5, 1, 7]) {
      const bar = budgetBar(value);
      expect(bar?.left).toBeGreaterThanOrEqual(0);
      expect((bar?.left ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(100);
    }
  });

  it("draws nothing for unknown", () => {
    expect(budgetBar(null)).toBeNull();
    expect(budgetBar(Number.NaN)).toBeNull();
  });
});
