import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { recovery } from "../../api/queries.ts";
import type { RecoveryRow } from "../../api/types.ts";
import { download } from "../../components/download.ts";
import { usePatchSearch } from "../../components/hooks.ts";
import { IconDownload } from "../../components/icons.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { csv } from "../../lib/csv.ts";
import { capital, count, duration, sli } from "../../lib/format.ts";
import {
  groupName,
  type Measure,
  ofGroup,
  RECOVERY_MEASURES,
  recoveryCells,
  write,
} from "../../lib/metrics.ts";
import { GROUPING_WORDS, type Grouping } from "../../lib/metricsSearch.ts";
import type { Asked } from "./asked.ts";
import { LengthsPanel } from "./LengthsPanel.tsx";
import { GroupName, Picked } from "./Picked.tsx";
import css from "./recovery.module.css";
import { TrendPanel } from "./TrendPanel.tsx";

const STRIP = ["detect", "acknowledge", "restore", "mtbf", "availability"];

/** How fast failures are found and ended: every length by its own name, with what it is made of. */
export function RecoveryTab({ asked }: { asked: Asked }) {
  const { by, group } = asked;
  const patch = usePatchSearch();
  const picked = by !== undefined && group !== undefined;
  const split = picked ? by : undefined;
  const whole = useQuery({ ...recovery({ ...asked.whole, by: split }), placeholderData: keepPreviousData });
  const parts = useQuery({ ...recovery({ ...asked.whole, by }), enabled: by !== undefined });
  const earlier = useQuery(recovery({ ...asked.earlier, by: split }));
  const periods = useQuery({
    ...recovery({ ...asked.periods, by: split }),
    placeholderData: keepPreviousData,
  });
  const measure =
    RECOVERY_MEASURES.find(({ key }) => key === (asked.measure ?? "restore")) ?? RECOVERY_MEASURES[0];
  return (
    <>
      {picked && <Picked group={group} />}
      <Loaded query={whole} rows={16}>
        {(rows) => {
          const row = ofGroup(rows, split, group)[0];
          if (!row || (row.incidents === 0 && row.false_alarms === 0 && !picked))
            return (
              <Panel flush>
                <Empty title="No incident started in this range">
                  There is nothing to say about recovery: no number here would be a zero. A longer range is in
                  the header.
                </Empty>
              </Panel>
            );
          const earlierRow = ofGroup(earlier.data ?? [], split, group)[0];
          return (
            <>
              <StatStrip stats={STRIP.flatMap((key) => stat(key, row, earlierRow))} />
              <LengthsPanel row={row} />
              {measure && (
                <Loaded query={periods} rows={6}>
                  {(all) => (
                    <TrendPanel
                      rows={ofGroup(all, split, group)}
                      measures={RECOVERY_MEASURES}
                      measure={measure}
                      width={asked.width}
                      onMeasure={(key) => patch({ measure: key === "restore" ? undefined : key })}
                    />
                  )}
                </Loaded>
              )}
              {by !== undefined && (
                <Loaded query={parts} rows={6}>
                  {(all) => <Groups rows={all} by={by} picked={group} />}
                </Loaded>
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

/** A number with what it is made of, and what it was in the time before. */
function stat(key: string, row: RecoveryRow, earlier: RecoveryRow | undefined): Stat[] {
  const measure = RECOVERY_MEASURES.find((one) => one.key === key);
  if (!measure) return [];
  const { short, name, kind, read, n, lengths } = measure;
  const median = lengths && `median ${write(kind, lengths(row).median_secs)}`;
  const made = n && (lengths ? `n ${count(n(row))}` : `${count(n(row))} failures`);
  const was = earlier && read(earlier) !== null && `before ${write(kind, read(earlier))}`;
  return [
    {
      label: short ?? name,
      value: write(kind, read(row)),
      detail: [made, median, was].filter(Boolean).join(" · "),
    },
  ];
}

function Groups({ rows, by, picked }: { rows: RecoveryRow[]; by: Grouping; picked: string | undefined }) {
  const cells = rows.map(recoveryCells);
  const columns = Object.keys(cells[0] ?? {});
  return (
    <Panel
      title={`By ${GROUPING_WORDS[by]}`}
      flush
      aside={
        <Button
          size="xs"
          leftSection={<IconDownload size={14} />}
          onClick={() =>
            download(
              "recovery.csv",
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
      <Table caption={`Recovery by ${GROUPING_WORDS[by]}`}>
        <thead>
          <tr>
            <th scope="col">{capital(GROUPING_WORDS[by])}</th>
            <th scope="col" data-num>
              Incidents
            </th>
            <th scope="col" data-num data-wide>
              Open
            </th>
            <th scope="col" data-num data-wide>
              MTTD
            </th>
            <th scope="col" data-num data-wide="2">
              MTTA
            </th>
            <th scope="col" data-num>
              MTTR: restore
            </th>
            <th scope="col" data-num data-wide>
              p90
            </th>
            <th scope="col" data-num data-wide="2">
              MTBF
            </th>
            <th scope="col" data-num data-wide>
              Availability
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const name = groupName(row, by);
            return (
              <tr key={name}>
                <th scope="row">
                  <GroupName name={name} picked={name === picked} />
                </th>
                <td data-num>{count(row.incidents)}</td>
                <td data-num data-wide>
                  {count(row.open)}
                </td>
                <td data-num data-wide>
                  <WithN of={row.detect} />
                </td>
                <td data-num data-wide="2">
                  <WithN of={row.acknowledge} />
                </td>
                <td data-num>
                  <WithN of={row.restore} />
                </td>
                <td data-num data-wide>
                  {duration(row.restore.p90_secs)}
                </td>
                <td data-num data-wide="2">
                  {duration(row.mtbf_secs)}
                </td>
                <td data-num data-wide>
                  {sli(row.availability)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </Table>
    </Panel>
  );
}

/** No mean without its n. */
function WithN({ of }: { of: ReturnType<NonNullable<Measure<RecoveryRow>["lengths"]>> }) {
  return (
    <>
      {duration(of.mean_secs)}
      {of.n > 0 && <span className={css.what}>n {count(of.n)}</span>}
    </>
  );
}
