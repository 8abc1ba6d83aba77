import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { usePatchSearch } from "../../components/hooks.ts";
import { capital } from "../../lib/format.ts";
import { GROUPING_WORDS, GROUPINGS, hasDeploys, WIDTHS } from "../../lib/metricsSearch.ts";
import { reportedOnField } from "../../lib/sloReport.ts";
import type { Asked } from "./asked.ts";
import css from "./recovery.module.css";

/** How the numbers are divided, and as of which day they are known. The range is in the header. */
export function MetricsFilter({ tab, asked }: { tab: "recovery" | "delivery" | "impact"; asked: Asked }) {
  const patch = usePatchSearch();
  const [typed, setTyped] = useState(asked.as_of ?? "");
  const fault = reportedOnField(typed, Date.now()).fault;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (fault === undefined) patch({ as_of: typed.trim() || undefined }, false);
  };
  const groupings = GROUPINGS.filter((by) => tab !== "delivery" || hasDeploys(by));
  const by = asked.by !== undefined && groupings.includes(asked.by) ? asked.by : "";
  return (
    <search aria-label="Filter">
      <form className={css.filter} onSubmit={submit}>
        <NativeSelect
          label="Divided by"
          value={by}
          data={[
            { value: "", label: "Nothing" },
            ...groupings.map((value) => ({ value, label: capital(GROUPING_WORDS[value]) })),
          ]}
          onChange={(event) => patch({ by: event.currentTarget.value || undefined, group: undefined })}
        />
        <NativeSelect
          label="Trend per"
          value={asked.width}
          data={WIDTHS.map((value) => ({ value, label: capital(value) }))}
          onChange={(event) => patch({ width: event.currentTarget.value })}
        />
        <TextInput
          label="As known on"
          placeholder="today"
          title="Only what had been recorded by then counts: a day, or a time in UTC"
          value={typed}
          error={fault}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button type="submit">Show</Button>
      </form>
    </search>
  );
}
