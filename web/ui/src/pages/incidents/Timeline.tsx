import { Button, Textarea } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, Fragment, type KeyboardEvent, type RefObject, useState } from "react";
import { addNote } from "../../api/queries.ts";
import type { TimelineEntry } from "../../api/types.ts";
import { useZone } from "../../components/hooks.ts";
import {
  IconBellRinging,
  IconCircleCheck,
  IconCircleDot,
  IconEscalator,
  IconFlame,
  IconMail,
  IconMessage,
  IconNotes,
  IconRocket,
  IconTerminal2,
} from "../../components/icons.ts";
import { SafeLink } from "../../components/SafeLink.tsx";
import type { Tone } from "../../components/Status.tsx";
import { Clock } from "../../components/Time.tsx";
import { refused } from "../../components/toast.ts";
import { time, zoneName } from "../../lib/format.ts";
import css from "./Timeline.module.css";

const MARKS: Record<string, { icon: Icon; tone: Tone }> = {
  alert: { icon: IconBellRinging, tone: "crit" },
  incident: { icon: IconFlame, tone: "warn" },
  page: { icon: IconMail, tone: "info" },
  acknowledgement: { icon: IconCircleCheck, tone: "ok" },
  escalation: { icon: IconEscalator, tone: "warn" },
  note: { icon: IconMessage, tone: "nodata" },
  deploy: { icon: IconRocket, tone: "info" },
  change: { icon: IconRocket, tone: "nodata" },
  runbook_run: { icon: IconTerminal2, tone: "info" },
  runbook_step: { icon: IconTerminal2, tone: "info" },
  retrospective: { icon: IconNotes, tone: "nodata" },
};

/** What happened, oldest first, one heading per day. */
export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  const zone = useZone();
  if (entries.length === 0) return <p className={css.empty}>Nothing has been recorded yet.</p>;
  // In the order of the server: of two at the same moment it knows which came first.
  const days = Map.groupBy(entries, (entry) => time(entry.at, zone, "date"));
  return [...days].map(([day, list]) => (
    <Fragment key={day}>
      <h3 className={css.day}>
        {day} · {zoneName(zone)}
      </h3>
      <ol className={css.list}>
        {list.map((entry) => (
          <Entry key={entry.event_id} entry={entry} />
        ))}
      </ol>
    </Fragment>
  ));
}

function Entry({ entry }: { entry: TimelineEntry }) {
  const { icon: Mark, tone } = MARKS[entry.kind] ?? { icon: IconCircleDot, tone: "nodata" as const };
  return (
    <li className={css.entry}>
      <span className={css.time}>
        <Clock at={entry.at} />
      </span>
      <span className={css.mark}>
        <Mark size={16} className={css[tone]} aria-hidden />
      </span>
      <div>
        <span className={css.title}>{entry.title}</span>
        {entry.actor && <span className="muted"> · {entry.actor}</span>}
        {entry.detail && <p className={css.detail}>{entry.detail}</p>}
        {entry.links.length > 0 && (
          <p className={css.links}>
            {entry.links.map((link) => (
              <SafeLink key={link.href} href={link.href}>
                {link.label}
              </SafeLink>
            ))}
          </p>
        )}
      </div>
    </li>
  );
}

export function NoteForm({
  incidentId,
  field,
}: {
  incidentId: string;
  field: RefObject<HTMLTextAreaElement | null>;
}) {
  const [text, setText] = useState("");
  const client = useQueryClient();
  const note = useMutation({
    mutationFn: () => addNote(incidentId, text.trim()),
    onError: refused,
    onSuccess: async () => {
      setText("");
      await client.invalidateQueries({ queryKey: ["incidents", incidentId, "timeline"] });
    },
  });
  const submit = () => {
    if (text.trim() !== "" && !note.isPending) note.mutate();
  };
  return (
    <form
      className={css.form}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        submit();
      }}
    >
      <Textarea
        ref={field}
        aria-label="Note"
        placeholder="What do you see, what do you try?"
        autosize
        minRows={1}
        maxRows={8}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
        }}
      />
      <Button type="submit" disabled={text.trim() === ""} loading={note.isPending}>
        Add note
      </Button>
    </form>
  );
}
