import { ActionIcon, Button, Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type RefObject, useRef } from "react";
import {
  actOnIncident,
  draftRetrospective,
  type IncidentVerb,
  incident,
  setSeverity,
  timeline,
} from "../../api/queries.ts";
import type { IncidentDetail, Page as PageSent } from "../../api/types.ts";
import { useMay, useNow, useRefresh } from "../../components/hooks.ts";
import { IconCircleCheck, IconCircleDashed, IconCircleDot, IconDots } from "../../components/icons.ts";
import { usePageKeys } from "../../components/keys.ts";
import { Labels } from "../../components/Labels.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel } from "../../components/Panel.tsx";
import { Severity, Status } from "../../components/Status.tsx";
import { Ago, At } from "../../components/Time.tsx";
import { refused, said } from "../../components/toast.ts";
import { duration, since, UNKNOWN } from "../../lib/format.ts";
import { isOpen, offers, STEPS, stepOf } from "../../lib/incident.ts";
import { fieldTerm } from "../../lib/logQuery.ts";
import { iso } from "../../lib/time.ts";
import css from "./IncidentPage.module.css";
import { RunbookPanel } from "./RunbookPanel.tsx";
import { NoteForm, Timeline } from "./Timeline.tsx";

export function IncidentPage() {
  const { id } = useParams({ from: "/incidents/$id" });
  const refetchInterval = useRefresh(5000);
  const query = useQuery({ ...incident(id), refetchInterval });
  const entries = useQuery({ ...timeline(id), refetchInterval });
  const note = useRef<HTMLTextAreaElement>(null);
  const mayAct = useMay("responder");
  const detail = query.data;
  return (
    <>
      {detail && <StatusBar detail={detail} mayAct={mayAct} note={note} />}
      <Page title={detail?.title ?? id} crumbs={[{ label: "Incidents", to: "/incidents" }, { label: id }]}>
        <Loaded query={query} rows={16}>
          {(loaded) => (
            <>
              <Facts detail={loaded} />
              <div className={css.columns}>
                <div>
                  <Panel title="Timeline" flush aside={entries.data && `${entries.data.length} entries`}>
                    {mayAct && <NoteForm incidentId={id} field={note} />}
                    <Loaded query={entries} rows={8}>
                      {(list) => <Timeline entries={list} />}
                    </Loaded>
                  </Panel>
                </div>
                <div>
                  <RunbookPanel detail={loaded} mayAct={mayAct} />
                  <AlertsPanel detail={loaded} />
                  <PagesPanel detail={loaded} />
                  <RetroPanel detail={loaded} mayAct={mayAct} />
                </div>
              </div>
            </>
          )}
        </Loaded>
      </Page>
    </>
  );
}

interface BarProps {
  detail: IncidentDetail;
  mayAct: boolean;
  note: RefObject<HTMLTextAreaElement | null>;
}

function StatusBar({ detail, mayAct, note }: BarProps) {
  const client = useQueryClient();
  const now = useNow(1000);
  const refresh = () => client.invalidateQueries({ queryKey: ["incidents"] });
  const act = useMutation({
    mutationFn: (verb: IncidentVerb) => actOnIncident(detail.incident_id, verb),
    onSuccess: refresh,
    onError: refused,
  });
  const severity = useMutation({
    mutationFn: (next: string) => setSeverity(detail.incident_id, next),
    onSuccess: refresh,
    onError: refused,
  });
  const [primary, ...rest] = mayAct ? offers(detail) : [];
  usePageKeys({
    a:
      mayAct && isOpen(detail.state) && !detail.acknowledged_at ? () => act.mutate("acknowledge") : undefined,
    n: mayAct ? () => note.current?.focus() : undefined,
  });
  const end = isOpen(detail.state) ? now : (detail.restored_at ?? detail.resolved_at);
  return (
    <section className={css.bar} aria-label="Incident status">
      <div className={css.state}>
        <Severity of={detail.severity} />
        <Stepper detail={detail} />
        <span className={`num ${css.timer}`} title="Time since the start, until the service was restored">
          {duration(since(detail.started_at, end))}
        </span>
        {detail.commander && <span className="muted">Commander {detail.commander}</span>}
      </div>
      {primary && (
        <div className={css.actions}>
          <Button variant="filled" loading={act.isPending} onClick={() => act.mutate(primary.verb)}>
            {primary.label}
          </Button>
          {rest.slice(0, 1).map((offer) => (
            <Button
              key={offer.verb}
              className={css.wideAction}
              disabled={act.isPending}
              onClick={() => act.mutate(offer.verb)}
            >
              {offer.label}
            </Button>
          ))}
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon aria-label="More actions" title="More actions">
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {rest.map((offer) => (
                <Menu.Item key={offer.verb} onClick={() => act.mutate(offer.verb)}>
                  {offer.label}
                </Menu.Item>
              ))}
              <Menu.Label>Severity</Menu.Label>
              {["SEV1", "SEV2", "SEV3", "SEV4", "SEV5"].map((next) => (
                <Menu.Item
                  key={next}
                  disabled={next === detail.severity}
                  onClick={() => severity.mutate(next)}
                >
                  {next === detail.severity ? `${next} (now)` : `Change to ${next}`}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </div>
      )}
    </section>
  );
}

function Stepper({ detail }: { detail: IncidentDetail }) {
  const at = stepOf(detail.state);
  if (at > 3) return <Status of={detail.state} />;
  return (
    <ol className={css.stepper} aria-label="State">
      {STEPS.map((step, index) => {
        // Resolved without ever having been marked mitigated: that step was left out, not done.
        const skipped = step === "Mitigated" && index < at && !detail.mitigated_at;
        const past = !skipped && (index < at || (index === at && at === 3));
        const Mark = past ? IconCircleCheck : index === at ? IconCircleDot : IconCircleDashed;
        const word = index === at && detail.state === "identified" ? "Identified" : step;
        return (
          <li
            key={step}
            className={`${css.step} ${index < at && !skipped ? css.past : ""} ${index === at ? css.current : ""}`}
            aria-current={index === at ? "step" : undefined}
          >
            <Mark size={16} aria-hidden />
            {word}
          </li>
        );
      })}
    </ol>
  );
}

function Facts({ detail }: { detail: IncidentDetail }) {
  const moments: [string, string | null, string | null][] = [
    ["Started", detail.started_at, null],
    ["Detected", detail.detected_at, detail.started_at],
    ["Acknowledged", detail.acknowledged_at, detail.detected_at ?? detail.started_at],
    ["Mitigated", detail.mitigated_at, detail.started_at],
    ["Restored", detail.restored_at, detail.started_at],
    ["Resolved", detail.resolved_at, detail.started_at],
  ];
  return (
    <Panel>
      <dl className={css.facts}>
        <div>
          <dt>Service</dt>
          <dd>
            {detail.service ? (
              <Link to="/slos" search={{ service: detail.service }}>
                {detail.service}
              </Link>
            ) : (
              UNKNOWN
            )}
          </dd>
        </div>
        {detail.service && (
          <div>
            <dt>Logs</dt>
            <dd>
              <Link to="/logs" search={logsAround(detail, detail.service)}>
                Around it
              </Link>
            </dd>
          </div>
        )}
        {moments.map(([label, at, from]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <At at={at} style="second" />
              {at && from && <div className="muted small">after {duration(since(from, at))}</div>}
              {label === "Acknowledged" && detail.acknowledged_by && (
                <div className="muted small">by {detail.acknowledged_by}</div>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

const AROUND_MS = 15 * 60_000;

/** The service's lines from a quarter of an hour before the incident until as long after its end. */
function logsAround(detail: IncidentDetail, service: string) {
  const end = detail.restored_at ?? detail.resolved_at;
  return {
    q: fieldTerm("service", service),
    from: iso(Date.parse(detail.started_at) - AROUND_MS),
    to: end ? iso(Date.parse(end) + AROUND_MS) : "now",
  };
}

function AlertsPanel({ detail }: { detail: IncidentDetail }) {
  return (
    <Panel title="Alerts" flush aside={`${detail.alerts_firing} firing`}>
      {detail.alerts.length === 0 ? (
        <p className={css.empty}>No alert: this incident was opened by hand.</p>
      ) : (
        <ul className={css.list}>
          {detail.alerts.map((alert) => (
            <li key={alert.id}>
              <div className={css.row}>
                <strong>{alert.alert}</strong>
                <Status of={alert.state} />
              </div>
              {alert.annotations.summary && <p>{alert.annotations.summary}</p>}
              <p className="muted small">
                since <Ago at={alert.fired_at ?? alert.active_at} />
              </p>
              <Labels of={alert.labels} hide={["alertname", "__name__"]} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function PagesPanel({ detail }: { detail: IncidentDetail }) {
  return (
    <Panel title="Pages" flush aside={`${detail.pages.length} in all`}>
      {detail.pages.length === 0 ? (
        <p className={css.empty}>Nobody was paged.</p>
      ) : (
        <ul className={css.list}>
          {detail.pages.map((page) => (
            <li key={page.page_id}>
              <div className={css.row}>
                <span>
                  <strong>{page.recipient}</strong> by {page.channel}
                  {page.step !== null && <span className="muted"> · step {page.step}</span>}
                </span>
                <Status of={page.state} />
              </div>
              <p className="muted small">{moment(page)}</p>
              {page.error && <p className="small">{page.error}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function moment(page: PageSent) {
  if (page.acknowledged_at)
    return (
      <>
        acknowledged <At at={page.acknowledged_at} style="second" />
      </>
    );
  if (page.sent_at)
    return (
      <>
        sent <At at={page.sent_at} style="second" />
      </>
    );
  return (
    <>
      queued <At at={page.queued_at} style="second" />
    </>
  );
}

function RetroPanel({ detail, mayAct }: { detail: IncidentDetail; mayAct: boolean }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const draft = useMutation({
    mutationFn: () => draftRetrospective(detail.incident_id),
    onError: refused,
    onSuccess: async (retro) => {
      said("The draft was written from the timeline");
      await client.invalidateQueries({ queryKey: ["incidents"] });
      await navigate({ to: "/retros/$id", params: { id: retro.id } });
    },
  });
  return (
    <Panel title="Retrospective" flush>
      <div className={`${css.row} ${css.note}`} style={{ borderBottom: 0, alignItems: "center" }}>
        {detail.retrospective ? (
          <>
            <Status of={detail.retrospective.state} />
            <Button
              component={Link}
              // The router's Link, typed by Mantine as any component.
              {...({ to: "/retros/$id", params: { id: detail.retrospective.id } } as object)}
            >
              Open retrospective
            </Button>
          </>
        ) : (
          <>
            <span className="muted">
              {isOpen(detail.state)
                ? "Drafted from the timeline when the incident is resolved."
                : "Not written yet."}
            </span>
            {mayAct && (
              <Button loading={draft.isPending} onClick={() => draft.mutate()}>
                Draft now
              </Button>
            )}
          </>
        )}
      </div>
    </Panel>
  );
}
