import { useQuery } from "@tanstack/react-query";
import { targets } from "../../api/queries.ts";
import type { Target, TargetFault } from "../../api/types.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Labels } from "../../components/Labels.tsx";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { StatStrip } from "../../components/StatStrip.tsx";
import { Status } from "../../components/Status.tsx";
import { Ago } from "../../components/Time.tsx";
import { count, UNKNOWN } from "../../lib/format.ts";

export function TargetsPage() {
  const query = useQuery({ ...targets(), refetchInterval: useRefresh(5000) });
  return (
    <Page title="Targets">
      <Loaded query={query} rows={10}>
        {({ targets, faults }) =>
          targets.length === 0 && faults.length === 0 ? (
            <Panel flush>
              <Empty title="Nothing is scraped yet">
                Start the server with --scrape-config prometheus.yml, or put scrape_configs into its settings.
              </Empty>
            </Panel>
          ) : (
            <>
              <Strip list={targets} />
              {faults.length > 0 && (
                <Panel title="Not scraped" flush>
                  <Faults list={faults} />
                </Panel>
              )}
              <Panel title="Targets" flush>
                <Targets list={targets} />
              </Panel>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Strip({ list }: { list: Target[] }) {
  const down = list.filter((target) => target.health === "down").length;
  const jobs = new Set(list.map((target) => target.job)).size;
  const samples = list.reduce((sum, target) => sum + target.samples, 0);
  return (
    <StatStrip
      stats={[
        { label: "Targets", value: count(list.length), detail: `${jobs} ${jobs === 1 ? "job" : "jobs"}` },
        {
          label: "Down",
          value: count(down),
          tone: down > 0 ? "crit" : undefined,
          detail: down > 0 ? "listed first" : "all answer",
        },
        { label: "Samples", value: count(samples), detail: "in the last scrape of each" },
      ]}
    />
  );
}

function Targets({ list }: { list: Target[] }) {
  return (
    <Table caption="Targets">
      <thead>
        <tr>
          <th scope="col">Instance</th>
          <th scope="col" data-wide>
            Job
          </th>
          <th scope="col">State</th>
          <th scope="col" data-wide="2">
            Labels
          </th>
          <th scope="col" data-wide>
            Last scrape
          </th>
          <th scope="col" data-wide data-num>
            Duration
          </th>
          <th scope="col" data-wide="2" data-num>
            Samples
          </th>
          <th scope="col">Error</th>
        </tr>
      </thead>
      <tbody>
        {list.map((target) => (
          <tr key={`${target.job} ${target.url} ${JSON.stringify(target.labels)}`}>
            <th scope="row" title={target.url}>
              {target.instance}
            </th>
            <td data-wide>{target.job}</td>
            <td>
              <Status of={target.health} />
            </td>
            <td data-wide="2">
              <Labels of={target.labels} hide={["job", "instance"]} />
            </td>
            <td data-wide data-nowrap>
              <Ago at={target.last_scrape} />
            </td>
            <td data-wide data-num>
              {milliseconds(target.duration_secs)}
            </td>
            <td data-wide="2" data-num>
              {count(target.samples)}
            </td>
            <td>{target.error ?? target.complaint ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

const milliseconds = (secs: number | null): string =>
  secs === null ? UNKNOWN : `${count(Math.round(secs * 1000))} ms`;

function Faults({ list }: { list: TargetFault[] }) {
  return (
    <Table caption="What is not scraped">
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {list.map((fault) => (
          <tr key={`${fault.job} ${fault.message}`}>
            <th scope="row">{fault.job}</th>
            <td>{fault.message}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
