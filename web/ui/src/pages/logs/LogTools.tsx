import { Button, Menu, Popover, TextInput } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { url } from "../../api/client.ts";
import { IconCopy, IconDownload, IconX } from "../../components/icons.ts";
import { copy, refused, said } from "../../components/toast.ts";
import { count } from "../../lib/format.ts";
import {
  forgetSearch,
  SAVED_MAX,
  type SavedSearch,
  savedSearches,
  saveSearch,
} from "../../lib/savedSearches.ts";
import { iso } from "../../lib/time.ts";
import { EXPORT_LINES, exportPath, type LogsAsked } from "./ask.ts";
import css from "./LogsPage.module.css";

interface Props {
  asked: LogsAsked;
  /** Lines that match; unknown until they are counted. */
  total: number | undefined;
}

/** What is done with a search as a whole: keep it, pass it on, take its lines away. */
export function LogTools({ asked, total }: Props) {
  return (
    <div className={css.tools}>
      <Saved asked={asked} />
      <Share asked={asked} />
      <Download asked={asked} total={total} />
    </div>
  );
}

/** The search as it stands in the URL, without what is of the moment. */
const searchOf = ({ q, severity, from, to }: LogsAsked): Record<string, string> => ({
  ...(q !== "" && { q }),
  ...(severity !== undefined && { severity }),
  from,
  to,
});

function Saved({ asked }: { asked: LogsAsked }) {
  const [opened, setOpened] = useState(false);
  const [list, setList] = useState<SavedSearch[]>([]);
  const [name, setName] = useState("");
  const open = (next: boolean) => {
    if (next) setList(savedSearches());
    setOpened(next);
  };
  const save = (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    if (wanted === "") return;
    if (saveSearch({ name: wanted, search: searchOf(asked) })) {
      said(`Saved as ${wanted} in this browser`);
      setName("");
      open(false);
    } else {
      refused(
        new Error(`This browser keeps no more searches (${SAVED_MAX} at most): remove one, or copy the link`),
      );
    }
  };
  const forget = (one: string) => {
    forgetSearch(one);
    setList(savedSearches());
  };
  return (
    <Popover opened={opened} onChange={open} position="bottom-start" width={320} trapFocus>
      <Popover.Target>
        <Button size="xs" aria-expanded={opened} onClick={() => open(!opened)}>
          Saved searches
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {list.length === 0 && <p className="muted small">None yet in this browser</p>}
        <ul className={css.saved}>
          {list.map((one) => (
            <li key={one.name}>
              <Link
                to="/logs"
                search={one.search as never}
                className={css.savedLink}
                onClick={() => open(false)}
              >
                <span>{one.name}</span>
                <span className="mono muted small">{one.search.q ?? "every line"}</span>
              </Link>
              <button
                type="button"
                className={css.without}
                aria-label={`Remove ${one.name}`}
                title="Remove"
                onClick={() => forget(one.name)}
              >
                <IconX size={14} />
              </button>
            </li>
          ))}
        </ul>
        <form className={css.naming} onSubmit={save}>
          <TextInput
            size="xs"
            aria-label="Name of this search"
            placeholder="Name of this search"
            maxLength={80}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button size="xs" type="submit" disabled={name.trim() === ""}>
            Save
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

function Share({ asked }: { asked: LogsAsked }) {
  const { tz } = useSearch({ strict: false }) as { tz?: string };
  const link = (times: { from: string; to: string }) => {
    const search = new URLSearchParams({ ...searchOf(asked), ...times, ...(tz !== undefined && { tz }) });
    return url(`/logs?${search}`);
  };
  const absolute = () => {
    const range = asked.resolve(Date.now());
    return link({ from: iso(range.from), to: iso(range.to) });
  };
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="xs" leftSection={<IconCopy size={14} />}>
          Copy link
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void copy(link(asked), "Link")}>
          This search, for the same time until now
        </Menu.Item>
        <Menu.Item onClick={() => void copy(absolute(), "Link")}>
          These lines, with their times fixed
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Download({ asked, total }: Props) {
  const isCut = total === undefined || total > EXPORT_LINES;
  const lines = isCut ? `the newest ${count(EXPORT_LINES)} lines` : `all ${count(total)} lines`;
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="xs" leftSection={<IconDownload size={14} />}>
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={url(exportPath(asked, "csv"))} download>
          CSV: {lines}
        </Menu.Item>
        <Menu.Item component="a" href={url(exportPath(asked, "ndjson"))} download>
          NDJSON: {lines}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
