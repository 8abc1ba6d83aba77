import { Button } from "@mantine/core";
import { usePatchSearch } from "../../components/hooks.ts";
import css from "./recovery.module.css";

/** Says that everything here is about one group, and leads back to all. */
export function Picked({ group }: { group: string }) {
  const patch = usePatchSearch();
  return (
    <p className={css.picked} role="status">
      <span>
        Only <strong>{group}</strong>
      </span>
      <Button size="xs" onClick={() => patch({ group: undefined }, false)}>
        Show all
      </Button>
    </p>
  );
}

/** The name of a group in a table: choosing it makes the page be about it. */
export function GroupName({ name, picked }: { name: string; picked: boolean }) {
  const patch = usePatchSearch();
  return (
    <button
      type="button"
      className={css.pick}
      aria-pressed={picked}
      data-row
      onClick={() => patch({ group: picked ? undefined : name }, false)}
    >
      {name}
    </button>
  );
}
