import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { SloStatus } from "../../api/types.ts";
import { usePatchSearch } from "../../components/hooks.ts";
import { instantField, reportedOnField, WINDOWS_DEFAULT, windowsField } from "../../lib/sloReport.ts";
import { ObjectiveSelect } from "./ObjectiveSelect.tsx";
import css from "./ReportPage.module.css";

interface Search {
  at?: string;
  reported_on?: string;
  windows?: string;
}

interface Props {
  search: Search;
  budgets: SloStatus[];
  chosen: SloStatus | undefined;
}

/** Which report: what is typed becomes the URL. */
export function ReportFilter({ search, budgets, chosen }: Props) {
  const patch = usePatchSearch();
  const [typed, setTyped] = useState({
    at: search.at ?? "",
    reported_on: search.reported_on ?? "",
    windows: search.windows ?? WINDOWS_DEFAULT.replaceAll(",", ", "),
  });
  const now = Date.now();
  const faults = {
    at: instantField(typed.at, now).fault,
    reported_on: reportedOnField(typed.reported_on, now).fault,
    windows: windowsField(typed.windows).fault,
  };
  const set = (field: keyof typeof typed) => (event: { currentTarget: { value: string } }) =>
    setTyped({ ...typed, [field]: event.currentTarget.value });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (Object.values(faults).some((fault) => fault !== undefined)) return;
    const windows = windowsField(typed.windows).windows;
    patch(
      {
        at: typed.at.trim() || undefined,
        reported_on: typed.reported_on.trim() || undefined,
        windows: windows === WINDOWS_DEFAULT ? undefined : windows || undefined,
      },
      false,
    );
  };
  return (
    <search aria-label="Which report">
      <form className={css.filter} onSubmit={submit}>
        <ObjectiveSelect budgets={budgets} chosen={chosen} label="Objective" />
        <TextInput
          label="Until"
          placeholder="now"
          title="now, now-7d, yesterday, 2026-11-01 or 2026-11-01 09:00, in UTC"
          value={typed.at}
          error={faults.at}
          onChange={set("at")}
        />
        <TextInput
          label="As reported on"
          placeholder="today"
          title="Only what had been recorded by then counts: a day, or a time in UTC"
          value={typed.reported_on}
          error={faults.reported_on}
          onChange={set("reported_on")}
        />
        <TextInput
          label="Burn rates over"
          value={typed.windows}
          error={faults.windows}
          onChange={set("windows")}
        />
        <Button type="submit">Show</Button>
      </form>
    </search>
  );
}
