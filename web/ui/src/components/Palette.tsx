import { Modal, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useMemo, useState } from "react";
import { incidents, runbooks, slos } from "../api/queries.ts";
import { type PaletteEntry, rank } from "../lib/palette.ts";
import { navItems } from "./nav.ts";
import css from "./Palette.module.css";

/** Ctrl-K: pages, SLOs, open incidents and runbooks by name. Enter opens, Ctrl+Enter in a new tab. */
export default function Palette({ demo, close }: { demo: boolean; close: () => void }) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const listId = useId();
  const navigate = useNavigate();
  const router = useRouter();
  const { data: sloList } = useQuery(slos());
  const { data: incidentList } = useQuery(incidents("open"));
  const { data: runbookList } = useQuery(runbooks());

  const entries = useMemo<PaletteEntry[]>(
    () => [
      ...navItems(demo).map((item) => ({
        group: "Pages",
        label: item.label,
        detail: `g ${item.key}`,
        to: item.to,
      })),
      ...(incidentList ?? []).map((incident) => ({
        group: "Open incidents",
        label: incident.title,
        detail: `${incident.incident_id} · ${incident.severity}`,
        to: `/incidents/${encodeURIComponent(incident.incident_id)}`,
      })),
      ...[...new Map((sloList ?? []).map((slo) => [slo.slo, slo])).values()].map((slo) => ({
        group: "SLOs",
        label: slo.display_name,
        detail: slo.service,
        to: `/slos/${encodeURIComponent(slo.slo)}`,
      })),
      ...(runbookList ?? []).map((runbook) => ({
        group: "Runbooks",
        label: runbook.title,
        detail: runbook.id,
        to: `/runbooks/${encodeURIComponent(runbook.id)}`,
      })),
    ],
    [demo, incidentList, sloList, runbookList],
  );
  const found = useMemo(() => rank(entries, text), [entries, text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new question starts at the first answer
  useEffect(() => setActive(0), [text]);

  const open = (entry: PaletteEntry | undefined, newTab: boolean) => {
    if (!entry) return;
    close();
    if (newTab)
      window.open(
        router.history.createHref(`${router.basepath.replace(/\/$/, "")}${entry.to}`),
        "_blank",
        "noreferrer",
      );
    else void navigate({ to: entry.to });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive((at) => Math.max(0, Math.min(found.length - 1, at + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[active], event.ctrlKey || event.metaKey);
    }
  };

  const optionId = (index: number) => `${listId}-${index}`;
  useEffect(() => {
    document.getElementById(`${listId}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [listId, active]);

  return (
    <Modal
      opened
      onClose={close}
      withCloseButton={false}
      size="lg"
      yOffset="10vh"
      title={undefined}
      aria-label="Find or run"
    >
      <TextInput
        data-autofocus
        placeholder="Page, SLO, incident or runbook"
        aria-label="Find"
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={found.length > 0 ? optionId(active) : undefined}
        aria-autocomplete="list"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div id={listId} role="listbox" aria-label="Found" className={css.list}>
        {found.map((entry, index) => (
          <div key={entry.to} role="presentation">
            {entry.group !== found[index - 1]?.group && (
              <div className={css.group} role="presentation">
                {entry.group}
              </div>
            )}
            {/* biome-ignore lint/a11y/useFocusableInteractive: see above */}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter in the combobox does the same */}
            <div
              id={optionId(index)}
              role="option"
              aria-selected={index === active}
              className={css.option}
              onMouseMove={() => setActive(index)}
              onClick={(event) => open(entry, event.ctrlKey || event.metaKey)}
            >
              <span>{entry.label}</span>
              <span className={css.detail}>{entry.detail}</span>
            </div>
          </div>
        ))}
        {found.length === 0 && <div className={`muted ${css.none}`}>Nothing is called that.</div>}
      </div>
    </Modal>
  );
}
