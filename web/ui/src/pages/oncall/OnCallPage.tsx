import { useQuery } from "@tanstack/react-query";
import { oncall } from "../../api/queries.ts";
import type { OnCallSchedule } from "../../api/types.ts";
import { useRefresh, useZone } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { duration, since, UNKNOWN, zoned } from "../../lib/format.ts";
import { people } from "../../lib/people.ts";

export function OnCallPage() {
  const query = useQuery({ ...oncall(), refetchInterval: useRefresh(30_000) });
  const zone = useZone();
  return (
    <Page title="On-call">
      <Loaded query={query} rows={8}>
        {(schedules) =>
          schedules.length === 0 ? (
            <Panel flush>
              <Empty title="No schedule is defined yet">
                Put a Schedule object into the objects directory to say who is on call when.
              </Empty>
            </Panel>
          ) : (
            <>
              <StatStrip stats={strip(schedules, zone)} />
              <Panel title="Schedules" flush>
                <Schedules list={schedules} />
              </Panel>
              <Gaps list={schedules} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function strip(schedules: OnCallSchedule[], zone: string): Stat[] {
  const onCall = people(schedules.flatMap((schedule) => schedule.on_call?.user ?? []));
  const uncovered = schedules.filter((schedule) => schedule.on_call === null).length;
  const next = schedules
    .flatMap((schedule) => schedule.next ?? [])
    .sort((a, b) => a.at.localeCompare(b.at))[0];
  const gaps = schedules.reduce((sum, schedule) => sum + schedule.gaps.length, 0);
  return [
    {
      label: "On call now",
      value: onCall.first ?? "Nobody",
      words: true,
      tone: onCall.first ? undefined : "crit",
      detail: onCall.others || `${schedules.length} ${schedules.length === 1 ? "schedule" : "schedules"}`,
    },
    {
      label: "Next handover",
      value: next?.user ?? UNKNOWN,
      words: true,
      detail: next ? zoned(next.at, zone) : "",
    },
    {
      label: "Not covered now",
      value: uncovered,
      tone: uncovered > 0 ? "crit" : undefined,
      detail: "schedules without a person",
    },
    {
      label: "Coverage gaps ahead",
      value: gaps,
      tone: gaps > 0 ? "warn" : undefined,
      detail: gaps > 0 ? "listed below" : "none known",
    },
  ];
}

function Schedules({ list }: { list: OnCallSchedule[] }) {
  return (
    <Table caption="Schedules">
      <thead>
        <tr>
          <th scope="col">Schedule</th>
          <th scope="col">On call now</th>
          <th scope="col" data-wide>
            Until
          </th>
          <th scope="col">Next</th>
          <th scope="col" data-wide>
            From
          </th>
          <th scope="col" data-wide="2">
            Schedule's zone
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((schedule) => (
          <tr key={schedule.name}>
            <th scope="row">{schedule.display_name}</th>
            <td>{schedule.on_call ? schedule.on_call.user : <Status of="broken" word="Nobody" />}</td>
            <td data-wide data-nowrap>
              <At at={schedule.on_call?.until} />
            </td>
            <td>{schedule.next?.user ?? UNKNOWN}</td>
            <td data-wide data-nowrap>
              <At at={schedule.next?.at} />
            </td>
            <td data-wide="2">{schedule.timezone}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Gaps({ list }: { list: OnCallSchedule[] }) {
  const gaps = list
    .flatMap((schedule) => schedule.gaps.map((gap) => ({ ...gap, schedule: schedule.display_name })))
    .sort((a, b) => a.from.localeCompare(b.from));
  if (gaps.length === 0) return null;
  return (
    <Panel title="Coverage gaps" flush aside="Nobody would be paged">
      <Table caption="Coverage gaps">
        <thead>
          <tr>
            <th scope="col">Schedule</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" data-wide data-num>
              Length
            </th>
          </tr>
        </thead>
        <tbody>
          {gaps.map((gap) => (
            <tr key={`${gap.schedule} ${gap.from}`}>
              <th scope="row">{gap.schedule}</th>
              <td data-nowrap>
                <At at={gap.from} />
              </td>
              <td data-nowrap>
                <At at={gap.to} />
              </td>
              <td data-wide data-num>
                {duration(since(gap.from, gap.to))}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}
