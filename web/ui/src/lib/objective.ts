// An SLO has objectives, and where it is divided, each of them once per group and per window: which one is
// meant.
import type { SloDetail, SloStatus } from "../api/types.ts";
import { target, windowText } from "./format.ts";

type Named = Pick<SloStatus, "objective" | "group_key" | "window">;

/** What the URL says about it; what is absent may be any. */
export interface ObjectiveSearch {
  objective?: string;
  group?: string;
  window?: string;
}

/** Everything that has a budget of its own: the objectives, and they again over further windows. */
export const budgetsOf = (detail: Pick<SloDetail, "objectives" | "further_windows">): SloStatus[] => [
  ...detail.objectives,
  ...detail.further_windows,
];

/** Unique within an SLO. */
export const objectiveKey = ({ objective, group_key, window }: Named): string =>
  [objective, group_key, window].join(" ");

export const objectiveSearch = (one: Named): ObjectiveSearch => ({
  objective: one.objective,
  group: one.group_key || undefined,
  window: one.window,
});

/** The first that the URL may mean; none when it says nothing. */
export const objectiveOf = <T extends Named>(
  list: T[],
  { objective, group, window }: ObjectiveSearch,
): T | undefined =>
  objective === undefined && group === undefined && window === undefined
    ? undefined
    : list.find(
        (one) =>
          (objective === undefined || one.objective === objective) &&
          (group === undefined || one.group_key === group) &&
          (window === undefined || one.window === window),
      );

export const objectiveChoices = (list: SloStatus[]): { value: string; label: string }[] =>
  list.map((one) => ({
    value: objectiveKey(one),
    label: `${[one.objective, one.group_key].filter(Boolean).join(" ")}: ${target(one.target)} over ${windowText(one.window)}`,
  }));
