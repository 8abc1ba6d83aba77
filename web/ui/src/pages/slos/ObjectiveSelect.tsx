import { NativeSelect } from "@mantine/core";
import type { SloStatus } from "../../api/types.ts";
import { usePatchSearch } from "../../components/hooks.ts";
import { objectiveChoices, objectiveKey, objectiveSearch } from "../../lib/objective.ts";

interface Props {
  budgets: SloStatus[];
  chosen: SloStatus | undefined;
  label?: string;
}

/** Which budget of an SLO the page is about; nothing where there is only one. */
export function ObjectiveSelect({ budgets, chosen, label }: Props) {
  const patch = usePatchSearch();
  if (budgets.length < 2) return null;
  return (
    <NativeSelect
      label={label}
      aria-label="Objective"
      value={chosen && objectiveKey(chosen)}
      data={objectiveChoices(budgets)}
      onChange={(event) => {
        const next = budgets.find((one) => objectiveKey(one) === event.currentTarget.value);
        if (next) patch({ group: undefined, ...objectiveSearch(next) });
      }}
    />
  );
}
