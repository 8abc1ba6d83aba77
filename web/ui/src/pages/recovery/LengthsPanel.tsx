import type { RecoveryRow } from "../../api/types.ts";
import { Panel, PanelFoot, Table } from "../../components/Panel.tsx";
import { budget, count, duration } from "../../lib/format.ts";
import { RECOVERY_LENGTHS } from "../../lib/metrics.ts";
import css from "./recovery.module.css";

/** The lengths side by side: from what to what, over how many, and how many are still going on. */
export function LengthsPanel({ row }: { row: RecoveryRow }) {
  return (
    <Panel
      title="From failure to recovery"
      flush
      aside="Means and percentiles are over n; what is still going on is counted, not averaged"
    >
      <Table caption="From failure to recovery">
        <thead>
          <tr>
            <th scope="col">Length</th>
            <th scope="col" data-num>
              Mean
            </th>
            <th scope="col" data-num data-wide>
              Median
            </th>
            <th scope="col" data-num>
              p90
            </th>
            <th scope="col" data-num>
              n
            </th>
            <th scope="col" data-num data-wide>
              Going on
            </th>
            <th scope="col" data-num data-wide="2">
              Time not known
            </th>
            <th scope="col" data-num data-wide="2">
              Negative
            </th>
          </tr>
        </thead>
        <tbody>
          {RECOVERY_LENGTHS.map((length) => (
            <LengthRow key={length.key} length={length} row={row} />
          ))}
        </tbody>
      </Table>
      <PanelFoot>
        <span>
          {count(row.incidents)} {row.incidents === 1 ? "incident" : "incidents"} started
        </span>
        <span>
          {count(row.open)} still open
          {row.oldest_open_secs !== null && `, the oldest for ${duration(row.oldest_open_secs)}`}
        </span>
        <span>
          {count(row.failures)} separate {row.failures === 1 ? "failure" : "failures"},{" "}
          {duration(row.downtime_secs)} of downtime
        </span>
        <span>
          {count(row.false_alarms)} false {row.false_alarms === 1 ? "alarm" : "alarms"}
          {row.precision !== null && `, precision ${budget(row.precision)}`}
        </span>
        {row.mtbsi_secs !== null && <span>MTBSI {duration(row.mtbsi_secs)}</span>}
        {row.uptime_per_failure_secs !== null && (
          <span>uptime per failure {duration(row.uptime_per_failure_secs)}</span>
        )}
      </PanelFoot>
    </Panel>
  );
}

function LengthRow({ length, row }: { length: (typeof RECOVERY_LENGTHS)[number]; row: RecoveryRow }) {
  const of = length.lengths?.(row);
  if (!of) return null;
  return (
    <tr>
      <th scope="row">
        {length.name}
        {length.short && <span className="muted"> ({length.short})</span>}
        <span className={css.what}>
          {length.from} → {length.to}
        </span>
      </th>
      <td data-num>{duration(of.mean_secs)}</td>
      <td data-num data-wide>
        {duration(of.median_secs)}
      </td>
      <td data-num>{duration(of.p90_secs)}</td>
      <td data-num>{count(of.n)}</td>
      <td data-num data-wide>
        {count(of.open)}
      </td>
      <td data-num data-wide="2">
        {count(of.missing)}
      </td>
      <td data-num data-wide="2">
        {count(of.negative)}
      </td>
    </tr>
  );
}
