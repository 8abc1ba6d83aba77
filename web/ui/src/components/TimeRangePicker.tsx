import { Button, NativeSelect, Popover, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { time, zoneName } from "../lib/format.ts";
import { REFRESH_CHOICES } from "../lib/search.ts";
import { iso, PRESETS, parseRange, zoomOut } from "../lib/time.ts";
import { usePatchSearch, useRange, useShared, useZone } from "./hooks.ts";
import { IconClock } from "./icons.ts";
import css from "./TimeRangePicker.module.css";
import { copy } from "./toast.ts";

const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The range, the zone and the refresh interval: all of it lives in the URL. */
export default function TimeRangePicker({ defaultFrom }: { defaultFrom: string }) {
  const range = useRange(defaultFrom);
  const zone = useZone();
  const [open, setOpen] = useState(false);
  const preset = PRESETS.find(({ from }) => from === range.from && range.to === "now");
  const resolved = range.resolve(Date.now());
  const words =
    preset?.label ??
    (range.relative
      ? `${range.from} to ${range.to}`
      : `${time(resolved.from, zone)} to ${time(resolved.to, zone)}`);
  const label = `${words} · ${zoneName(zone)}`;
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus withinPortal>
      <Popover.Target>
        <Button
          className={css.button}
          leftSection={<IconClock size={16} />}
          onClick={() => setOpen(!open)}
          aria-label={`Time range: ${label}`}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Time range">
        <Form defaultFrom={defaultFrom} close={() => setOpen(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Form({ defaultFrom, close }: { defaultFrom: string; close: () => void }) {
  const range = useRange(defaultFrom);
  const zone = useZone();
  const shared = useShared();
  const patch = usePatchSearch();
  const [from, setFrom] = useState(range.from);
  const [to, setTo] = useState(range.to);
  const [fault, setFault] = useState<{ field: "from" | "to"; message: string } | null>(null);

  const choose = (nextFrom: string, nextTo: string) => {
    range.set(nextFrom, nextTo);
    close();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = parseRange(from, to, Date.now());
    if (parsed.ok) choose(from.trim(), to.trim());
    else setFault(parsed);
  };
  const zones = [...new Set(["UTC", browserZone(), zone])];
  return (
    <>
      <div className={css.columns}>
        <ul className={css.presets} aria-label="Presets">
          {PRESETS.map((preset) => (
            <li key={preset.from}>
              <button
                type="button"
                className={css.preset}
                aria-pressed={preset.from === range.from && range.to === "now"}
                onClick={() => choose(preset.from, "now")}
              >
                {preset.label}
              </button>
            </li>
          ))}
        </ul>
        <form className={css.form} onSubmit={submit} noValidate>
          <TextInput
            label="From"
            description="now-2h, yesterday, 2026-11-23 14:00 (UTC)"
            value={from}
            error={fault?.field === "from" ? fault.message : undefined}
            onChange={(event) => setFrom(event.currentTarget.value)}
          />
          <TextInput
            label="To"
            value={to}
            error={fault?.field === "to" ? fault.message : undefined}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
          <Button type="submit" variant="filled">
            Apply
          </Button>
          <NativeSelect
            label="Zone"
            value={zone}
            data={zones}
            onChange={(event) =>
              patch({ tz: event.currentTarget.value === "UTC" ? undefined : event.currentTarget.value })
            }
          />
          <NativeSelect
            label="Refresh"
            value={shared.refresh ?? ""}
            data={[
              { value: "", label: "As the page does" },
              ...REFRESH_CHOICES.map((choice) => ({
                value: choice,
                label: choice === "off" ? "Off" : `Every ${choice}`,
              })),
            ]}
            onChange={(event) => patch({ refresh: event.currentTarget.value || undefined })}
          />
        </form>
      </div>
      <div className={css.foot}>
        <Button
          size="xs"
          onClick={() => {
            const wide = zoomOut(range.resolve(Date.now()));
            choose(iso(wide.from), iso(wide.to));
          }}
        >
          Zoom out
        </Button>
        <Button
          size="xs"
          onClick={() => {
            range.freeze();
            close();
          }}
        >
          Freeze
        </Button>
        <Button
          size="xs"
          onClick={() => {
            const now = range.resolve(Date.now());
            const link = new URL(location.href);
            link.searchParams.set("from", iso(now.from));
            link.searchParams.set("to", iso(now.to));
            void copy(link.href, "Link");
          }}
        >
          Copy link
        </Button>
      </div>
    </>
  );
}
