import type { SloStatus } from "../../api/types.ts";
import { Panel, Table } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { budget, burn, threshold, windowText } from "../../lib/format.ts";
import css from "./SloPage.module.css";

/** The burn-rate conditions of an objective, and how each stands. */
export function AlertWindows({ status, alerts }: { status: SloStatus; alerts: boolean }) {
  return (
    <Panel
      title="Alert windows"
      flush
      aside={alerts ? "Both windows of a row must be over" : "Alerts are switched off for this SLO"}
    >
      <Table caption="Alert windows">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Windows</th>
            <th scope="col" data-num>
              Burn
            </th>
            <th scope="col" data-num>
              Threshold
            </th>
            <th scope="col" data-num data-wide>
              Budget used if sustained
            </th>
          </tr>
        </thead>
        <tbody>
          {status.burn_windows.map((window) => (
            <tr key={`${window.severity}-${window.long}-${window.short}`}>
              <td>
                <Status of={window.state} />
                <span className={css.small}>{window.severity === "page" ? "Page" : "Ticket"}</span>
              </td>
              <td>
                {windowText(window.long)}
                <span className={css.small}>and {windowText(window.short)}</span>
              </td>
              <td data-num>
                {burn(window.burn_long)}
                <span className={css.small}>{burn(window.burn_short)}</span>
              </td>
              <td data-num>{threshold(window.threshold)}</td>
              <td data-num data-wide>
                {budget(window.budget_used)} in {windowText(window.long)}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}
