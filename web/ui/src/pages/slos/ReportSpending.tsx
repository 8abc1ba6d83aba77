import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { incidents } from "../../api/queries.ts";
import type { SloReport, Spending } from "../../api/types.ts";
import { useZone } from "../../components/hooks.ts";
import { IconFlame, IconRocket } from "../../components/icons.ts";
import { Empty } from "../../components/Loaded.tsx";
import { Panel, PanelFoot, rowLink, Table } from "../../components/Panel.tsx";
import { At } from "../../components/Time.tsx";
import { budget, capital, count, duration, since, time } from "../../lib/format.ts";
import type { ObjectiveSearch } from "../../lib/objective.ts";
import css from "./ReportPage.module.css";

/** Incidents and deploys by what was bad while they lasted, and what happened during none of them. */
export function WhatAteIt({ report: { spent, status } }: { report: SloReport }) {
  if (spent.bad === 0 && spent.causes.length === 0)
    return (
      <Panel title="What ate the budget" flush>
        <Empty title="Nothing was bad in this window" />
      </Panel>
    );
  return (
    <Panel
      title="What ate the budget"
      flush
      aside={`${count(spent.bad)} bad of ${count(spent.allowed_bad)} allowed`}
    >
      <Table caption="What ate the budget">
        <thead>
          <tr>
            <th scope="col">Cause</th>
            <th scope="col" data-wide>
              Lasted
            </th>
            <th scope="col" data-num data-wide>
              Bad
            </th>
            <th scope="col" data-num data-wide="2">
              Of all that was bad
            </th>
            <th scope="col" data-num>
              Of the budget
            </th>
          </tr>
        </thead>
        <tbody>
          {spent.causes.map((cause) => (
            <tr key={`${cause.kind} ${cause.id}`}>
              <th scope="row">
                <CauseName cause={cause} slo={status.slo} />
              </th>
              <td data-wide>
                <Lasted
                  cause={cause}
                  slo={status.slo}
                  objective={status.objective}
                  group={status.group_key}
                />
              </td>
              <td data-num data-wide>
                {count(cause.bad)}
              </td>
              <td data-num data-wide="2">
                {budget(cause.bad_share)}
              </td>
              <td data-num>
                <Share of={cause.budget_share} />
              </td>
            </tr>
          ))}
          <tr>
            <th scope="row">During none of them</th>
            <td data-wide />
            <td data-num data-wide>
              {count(spent.unexplained_bad)}
            </td>
            <td data-num data-wide="2">
              {budget(spent.bad === 0 ? null : spent.unexplained_bad / spent.bad)}
            </td>
            <td data-num>
              <Share of={spent.unexplained_budget_share} />
            </td>
          </tr>
        </tbody>
      </Table>
      <PanelFoot>
        An incident is told what was bad until the service worked again, a deploy what was bad for an hour or
        until the next one. They may overlap.
      </PanelFoot>
    </Panel>
  );
}

function CauseName({ cause, slo }: { cause: Spending; slo: string }) {
  const { data: incidentList } = useQuery(incidents("all"));
  // Imported history has incidents that have no page here: they lead to their time, as deploys do.
  if (cause.kind === "incident" && incidentList?.some(({ incident_id }) => incident_id === cause.id))
    return (
      <span className={css.cause}>
        <IconFlame size={16} aria-hidden />
        <span>
          <Link to="/incidents/$id" params={{ id: cause.id }} className={rowLink} data-row>
            {cause.title || cause.id}
          </Link>
          <span className={css.what}>Incident {cause.id}</span>
        </span>
      </span>
    );
  return (
    <span className={css.cause}>
      {cause.kind === "incident" ? <IconFlame size={16} aria-hidden /> : <IconRocket size={16} aria-hidden />}
      <span>
        <Link
          to="/slos/$name"
          params={{ name: slo }}
          search={{ from: around(cause.from, -1), to: around(cause.to, 1) }}
          className={rowLink}
          data-row
        >
          {cause.kind === "deploy" && "Deploy "}
          {cause.title || cause.id}
        </Link>
        <span className={css.what}>
          {cause.kind === "incident" && "Incident "}
          {cause.id}
        </span>
      </span>
    </span>
  );
}

const HOUR_MS = 3_600_000;
/** An hour more, so that what came before and after is in the picture. */
const around = (at: string, hours: number): string =>
  new Date(Date.parse(at) + hours * HOUR_MS).toISOString();

interface LastedProps {
  cause: Spending;
  slo: string;
  objective: string;
  group: string;
}

/** The time leads to the burn-down of just that time. */
function Lasted({ cause, slo, objective, group }: LastedProps) {
  const zone = useZone();
  return (
    <Link
      to="/slos/$name"
      params={{ name: slo }}
      search={{
        objective,
        group: group || undefined,
        from: around(cause.from, -1),
        to: around(cause.to, 1),
      }}
      className="quiet-link num"
      title="Show this time in the burn-down"
    >
      {time(cause.from, zone)} <span className="muted">for {duration(since(cause.from, cause.to))}</span>
    </Link>
  );
}

/** A share of the budget, as a number and as a bar. */
function Share({ of }: { of: number | null }) {
  const width = of === null ? 0 : Math.min(1, Math.max(0, of)) * 100;
  return (
    <span className={css.share}>
      <span className={css.track} aria-hidden>
        <span className={css.fill} style={{ width: `${width}%` }} />
      </span>
      <span className={css.number}>{budget(of)}</span>
    </span>
  );
}

interface GroupsProps {
  groups: SloReport["groups"];
  slo: string;
  objective: string;
}

/** Groups are written as labels are; the members of a composite are named `SLO/OBJECTIVE`. */
export const isMember = (key: string): boolean => !key.startsWith("{");

/** Whose events were bad: each group, and each member of a composite, leads to a report of its own. */
export function Groups({ groups, slo, objective }: GroupsProps) {
  const noun = groups.some((group) => isMember(group.group_key)) ? "member" : "group";
  return (
    <Panel title={`By ${noun}`} flush>
      <Table caption={`By ${noun}`}>
        <thead>
          <tr>
            <th scope="col">{capital(noun)}</th>
            <th scope="col" data-num>
              Bad
            </th>
            <th scope="col" data-num>
              Of all that was bad
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.group_key}>
              <th scope="row">
                <Link
                  to="/slos/$name/report"
                  params={{ name: reportOf(group.group_key, slo, objective).name }}
                  search={(current) => ({ ...current, ...reportOf(group.group_key, slo, objective).of })}
                  className={`mono ${rowLink}`}
                  data-row
                >
                  {group.group_key}
                </Link>
              </th>
              <td data-num>{count(group.bad)}</td>
              <td data-num>
                <Share of={group.bad_share} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}

/** Whose report a group's or a member's is; the rest of the question stays as it is. */
function reportOf(key: string, slo: string, objective: string): { name: string; of: ObjectiveSearch } {
  const slash = key.lastIndexOf("/");
  return isMember(key)
    ? { name: key.slice(0, slash), of: { objective: key.slice(slash + 1), window: undefined } }
    : { name: slo, of: { objective, group: key } };
}

/** Maintenance and the like: what was taken out, and who said so. */
export function Excluded({ times }: { times: SloReport["excluded"] }) {
  if (times.length === 0) return null;
  return (
    <Panel title="Time that does not count" flush>
      <Table caption="Time that does not count">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">From</th>
            <th scope="col">For</th>
            <th scope="col" data-wide>
              Effect
            </th>
            <th scope="col" data-wide>
              Said by
            </th>
          </tr>
        </thead>
        <tbody>
          {times.map((one) => (
            <tr key={`${one.maintenance_id} ${one.from}`}>
              <th scope="row">
                {one.title || one.maintenance_id}
                <p className={css.what}>{one.maintenance_id}</p>
              </th>
              <td>
                <At at={one.from} />
              </td>
              <td>{duration(since(one.from, one.to))}</td>
              <td data-wide>{one.effect === "remove" ? "Removed" : "Counts as good"}</td>
              <td data-wide>
                {one.actor ?? "not known"}
                <p className={css.what}>
                  <At at={one.recorded_at} />
                </p>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}
