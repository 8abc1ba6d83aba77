import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { delivery } from "../../api/queries.ts";
import type { DeliveryRow } from "../../api/types.ts";
import { download } from "../../components/download.ts";
import { usePatchSearch } from "../../components/hooks.ts";
import { IconDownload } from "../../components/icons.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Panel, PanelFoot, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { csv } from "../../lib/csv.ts";
import { capital, count } from "../../lib/format.ts";
import {
  DELIVERY_MEASURES,
  deliveryCells,
  groupName,
  type Measure,
  ofGroup,
  write,
} from "../../lib/metrics.ts";
import { GROUPING_WORDS, type Grouping, hasDeploys } from "../../lib/metricsSearch.ts";
import type { Asked } from "./asked.ts";
import { GroupName, Picked } from "./Picked.tsx";
import css from "./recovery.module.css";
import { TrendPanel } from "./TrendPanel.tsx";

/** DORA's five: how often, how fast, and how well changes reach production. */
export function DeliveryTab({ asked }: { asked: Asked }) {
  const by = asked.by !== undefined && hasDeploys(asked.by) ? asked.by : undefined;
  const group = by === undefined ? undefined : asked.group;
  const patch = usePatchSearch();
  const split = group === undefined ? undefined : by;
  const whole = useQuery({ ...delivery({ ...asked.whole, by: split }), placeholderData: keepPreviousData });
  const parts = useQuery({ ...delivery({ ...asked.whole, by }), enabled: by !== undefined });
  const earlier = useQuery(delivery({ ...asked.earlier, by: split }));
  const periods = useQuery({
    ...delivery({ ...asked.periods, by: split }),
    placeholderData: keepPreviousData,
  });
  const measure = DELIVERY_MEASURES.find(({ key }) => key === asked.measure) ?? DELIVERY_MEASURES[0];
  return (
    <>
      {group !== undefined && <Picked group={group} />}
      <Loaded query={whole} rows={16}>
        {(rows) => {
          const row = ofGroup(rows, split, group)[0];
          if (!row || (row.deployments === 0 && group === undefined))
            return (
              <Panel flush>
                <Empty title="No deployment finished in this range">
                  Deploys come as webhooks of GitHub, GitLab and PagerDuty, or as events of kind{" "}
                  <code>deploy</code>.
                </Empty>
              </Panel>
            );
          const earlierRow = ofGroup(earlier.data ?? [], split, group)[0];
          return (
            <>
              <StatStrip stats={DELIVERY_MEASURES.map((one) => stat(one, row, earlierRow))} />
              {measure && (
                <Loaded query={periods} rows={6}>
                  {(all) => (
                    <TrendPanel
                      rows={ofGroup(all, split, group)}
                      measures={DELIVERY_MEASURES}
                      measure={measure}
                      width={asked.width}
                      onMeasure={(key) => patch({ measure: key === "frequency" ? undefined : key })}
                    />
                  )}
                </Loaded>
              )}
              {by === undefined ? (
                <Deploys rows={rows} by={undefined} picked={undefined} />
              ) : (
                <Loaded query={parts} rows={6}>
                  {(all) => <Deploys rows={all} by={by} picked={group} />}
                </Loaded>
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function stat(measure: Measure<DeliveryRow>, row: DeliveryRow, earlier: DeliveryRow | undefined): Stat {
  const { name, kind, read, n, lengths } = measure;
  const made = n && (lengths ? `median, n ${count(n(row))}` : `${count(n(row))} deployments`);
  const was = earlier && read(earlier) !== null && `before ${write(kind, read(earlier))}`;
  return {
    label: name,
    value: write(kind, read(row)),
    detail: [made, was].filter(Boolean).join(" · "),
  };
}

interface DeploysProps {
  rows: DeliveryRow[];
  by: Grouping | undefined;
  picked: string | undefined;
}

function Deploys({ rows, by, picked }: DeploysProps) {
  const cells = rows.map(deliveryCells);
  const columns = Object.keys(cells[0] ?? {});
  const title = by ? `By ${GROUPING_WORDS[by]}` : "Deployments";
  return (
    <Panel
      title={title}
      flush
      aside={
        <Button
          size="xs"
          leftSection={<IconDownload size={14} />}
          onClick={() =>
            download(
              "delivery.csv",
              "text/csv",
              csv(
                columns,
                cells.map((row) => columns.map((name) => row[name])),
              ),
            )
          }
        >
          CSV
        </Button>
      }
    >
      <Table caption={title}>
        <thead>
          <tr>
            <th scope="col">{by ? capital(GROUPING_WORDS[by]) : "All"}</th>
            <th scope="col" data-num>
              Deployments
            </th>
            <th scope="col" data-num data-wide>
              Lead time
            </th>
            <th scope="col" data-num>
              Failed
            </th>
            <th scope="col" data-num data-wide>
              Recovery
            </th>
            <th scope="col" data-num data-wide>
              Rework
            </th>
            <th scope="col" data-num data-wide="2">
              Incidents put down to a deploy
            </th>
            <th scope="col" data-num data-wide="2">
              To none
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const name = by ? groupName(row, by) : "All deployments";
            return (
              <tr key={name}>
                <th scope="row">{by ? <GroupName name={name} picked={name === picked} /> : name}</th>
                <td data-num>
                  {count(row.deployments)}
                  <span className={css.what}>{write("rate", row.deployments_per_day)}</span>
                </td>
                <td data-num data-wide>
                  {write("duration", row.lead_time.median_secs)}
                  {row.lead_time.n > 0 && <span className={css.what}>n {count(row.lead_time.n)}</span>}
                </td>
                <td data-num>
                  {write("share", row.change_fail_rate)}
                  <span className={css.what}>{count(row.failed_deployments)}</span>
                </td>
                <td data-num data-wide>
                  {write("duration", row.recovery.median_secs)}
                  {row.recovery.n > 0 && <span className={css.what}>n {count(row.recovery.n)}</span>}
                </td>
                <td data-num data-wide>
                  {write("share", row.rework_rate)}
                  <span className={css.what}>{count(row.rework_deployments)}</span>
                </td>
                <td data-num data-wide="2">
                  {count(row.attributed_incidents)}
                </td>
                <td data-num data-wide="2">
                  {count(row.unattributed_incidents)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </Table>
      <PanelFoot>
        Lead time runs from the commit to the first deployment that has it; recovery from the deployment to
        the end of its last incident. Both are medians.
      </PanelFoot>
    </Panel>
  );
}
