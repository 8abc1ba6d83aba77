import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { impact, incidents, recovery } from "../../api/queries.ts";
import type { IncidentImpact } from "../../api/types.ts";
import { download } from "../../components/download.ts";
import { usePatchSearch } from "../../components/hooks.ts";
import { IconDownload } from "../../components/icons.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Panel, PanelFoot, rowLink, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Severity } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { csv } from "../../lib/csv.ts";
import { capital, compact, count, duration, UNKNOWN } from "../../lib/format.ts";
import { byPeriod, IMPACT_MEASURES, knownOf, type Sum, sum, worstImpact } from "../../lib/impact.ts";
import { groupName } from "../../lib/metrics.ts";
import { GROUPING_WORDS, type Grouping } from "../../lib/metricsSearch.ts";
import type { Asked } from "./asked.ts";
import { GroupName, Picked } from "./Picked.tsx";
import css from "./recovery.module.css";
import { TrendPanel } from "./TrendPanel.tsx";

/** What incidents cost the people they hit: minutes, users, requests; the worst first. */
export function ImpactTab({ asked }: { asked: Asked }) {
  const { by } = asked;
  const group = by === undefined ? undefined : asked.group;
  const patch = usePatchSearch();
  const query = useQuery({ ...impact(asked.whole), placeholderData: keepPreviousData });
  // The periods of the other tabs: one calendar, the server's.
  const periods = useQuery({ ...recovery(asked.periods), placeholderData: keepPreviousData });
  const measure = IMPACT_MEASURES.find(({ key }) => key === asked.measure) ?? IMPACT_MEASURES[0];
  return (
    <>
      {group !== undefined && <Picked group={group} />}
      <Loaded query={query} rows={12}>
        {(all) => {
          const list = group === undefined ? all : all.filter((one) => by && nameOf(one, by) === group);
          if (list.length === 0)
            return (
              <Panel flush>
                <Empty title="No incident started in this range">Nobody was hit, as far as is known.</Empty>
              </Panel>
            );
          return (
            <>
              <StatStrip stats={strip(list)} />
              {measure && (
                <Loaded query={periods} rows={6}>
                  {(rows) => (
                    <TrendPanel
                      rows={byPeriod(rows, list)}
                      measures={IMPACT_MEASURES}
                      measure={measure}
                      width={asked.width}
                      onMeasure={(key) => patch({ measure: key === "user_minutes" ? undefined : key })}
                    />
                  )}
                </Loaded>
              )}
              {by !== undefined && <Groups list={all} by={by} picked={group} />}
              <Incidents list={[...list].sort(worstImpact)} />
            </>
          );
        }}
      </Loaded>
    </>
  );
}

const nameOf = ({ service, team, severity }: IncidentImpact, by: Grouping) =>
  groupName({ service, team, severity }, by);

function Groups({ list, by, picked }: { list: IncidentImpact[]; by: Grouping; picked: string | undefined }) {
  const groups = [...Map.groupBy(list, (one) => nameOf(one, by))].sort(([a], [b]) => a.localeCompare(b));
  const title = `By ${GROUPING_WORDS[by]}`;
  const cell = (of: Sum, write: (total: number) => string) => (
    <>
      {of.total === null ? UNKNOWN : write(of.total)}
      {of.known < of.of && of.known > 0 && <span className={css.what}>{knownOf(of)}</span>}
    </>
  );
  return (
    <Panel title={title} flush>
      <Table caption={`Impact by ${GROUPING_WORDS[by]}`}>
        <thead>
          <tr>
            <th scope="col">{capital(GROUPING_WORDS[by])}</th>
            <th scope="col" data-num>
              Incidents
            </th>
            <th scope="col" data-num>
              Time
            </th>
            <th scope="col" data-num data-wide>
              Users
            </th>
            <th scope="col" data-num data-wide>
              User-minutes
            </th>
            <th scope="col" data-num data-wide>
              Requests
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map(([name, own]) => (
            <tr key={name}>
              <th scope="row">
                <GroupName name={name} picked={name === picked} />
              </th>
              <td data-num>{count(own.length)}</td>
              <td data-num>{cell(sum(own, "minutes"), (total) => duration(total * 60))}</td>
              <td data-num data-wide>
                {cell(sum(own, "users_affected"), count)}
              </td>
              <td data-num data-wide>
                {cell(sum(own, "user_minutes"), count)}
              </td>
              <td data-num data-wide>
                {cell(sum(own, "requests_affected"), count)}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}

function strip(list: IncidentImpact[]): Stat[] {
  const stat = (label: string, of: Sum, write: (total: number) => string): Stat => ({
    label,
    value: of.total === null ? UNKNOWN : write(of.total),
    detail: knownOf(of),
  });
  const minutes = (total: number) => duration(total * 60);
  return [
    {
      label: "Incidents",
      value: count(list.length),
      detail: `${count(list.filter(({ ended_at }) => ended_at === null).length)} still going on`,
    },
    stat("Time, summed", sum(list, "minutes"), minutes),
    stat("Users affected, summed", sum(list, "users_affected"), compact),
    stat("User-minutes", sum(list, "user_minutes"), compact),
    stat("Requests affected", sum(list, "requests_affected"), compact),
  ];
}

const SOURCES: Record<NonNullable<IncidentImpact["requests_source"]>, string> = {
  reported: "reported",
  slo: "at least, by an objective",
};

function Incidents({ list }: { list: IncidentImpact[] }) {
  // Imported history has incidents that have no page here.
  const { data: known } = useQuery(incidents("all"));
  const titles = new Map((known ?? []).map((one) => [one.incident_id, one.title]));
  const save = () => {
    const columns = Object.keys(list[0] ?? {}) as (keyof IncidentImpact)[];
    const rows = list.map((one) => columns.map((name) => one[name]));
    download("impact.csv", "text/csv", csv(columns, rows));
  };
  return (
    <Panel
      title="Incidents by what they cost"
      flush
      aside={
        <Button size="xs" leftSection={<IconDownload size={14} />} onClick={save}>
          CSV
        </Button>
      }
    >
      <Table caption="Incidents by what they cost">
        <thead>
          <tr>
            <th scope="col">Incident</th>
            <th scope="col" data-wide>
              Service
            </th>
            <th scope="col" data-wide>
              Severity
            </th>
            <th scope="col" data-wide="2">
              Started
            </th>
            <th scope="col" data-num>
              Lasted
            </th>
            <th scope="col" data-num data-wide>
              Users
            </th>
            <th scope="col" data-num data-wide>
              User-minutes
            </th>
            <th scope="col" data-num>
              Requests
            </th>
            <th scope="col" data-wide="2">
              Requests are
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={`${one.incident_id} ${one.service}`}>
              <th scope="row">
                {titles.has(one.incident_id) ? (
                  <Link to="/incidents/$id" params={{ id: one.incident_id }} className={rowLink} data-row>
                    {titles.get(one.incident_id)}
                  </Link>
                ) : (
                  one.incident_id
                )}
              </th>
              <td data-wide>{one.service ?? UNKNOWN}</td>
              <td data-wide>
                <Severity of={one.severity} />
              </td>
              <td data-wide="2">
                <At at={one.started_at} />
              </td>
              <td data-num>
                {one.minutes === null ? UNKNOWN : duration(one.minutes * 60)}
                {one.ended_at === null && <span className="muted"> so far</span>}
              </td>
              <td data-num data-wide>
                {count(one.users_affected)}
              </td>
              <td data-num data-wide>
                {count(one.user_minutes)}
              </td>
              <td data-num>{count(one.requests_affected)}</td>
              <td data-wide="2">{one.requests_source ? SOURCES[one.requests_source] : UNKNOWN}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      <PanelFoot>
        Users and requests are what an event of kind impact reported; requests that nobody reported are the
        bad events of the service’s objectives meanwhile.
      </PanelFoot>
    </Panel>
  );
}
