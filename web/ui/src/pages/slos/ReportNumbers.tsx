import type { SloStatus, WindowBurn } from "../../api/types.ts";
import { useZone } from "../../components/hooks.ts";
import { Panel, Table } from "../../components/Panel.tsx";
import { budget, duration, burn as rate, sli, UNKNOWN, windowText, zoned } from "../../lib/format.ts";
import css from "./ReportPage.module.css";

/** How fast the budget went over each window. */
export function BurnRates({ burn }: { burn: WindowBurn[] }) {
  return (
    <Panel title="Burn rates" flush aside="1× spends the budget exactly over its window">
      <Table caption="Burn rates">
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col" data-num>
              Burn rate
            </th>
            <th scope="col" data-num>
              Budget used
            </th>
            <th scope="col" data-num data-wide>
              Measured
            </th>
          </tr>
        </thead>
        <tbody>
          {burn.map(({ window, burn_rate, budget_used, coverage }) => (
            <tr key={window}>
              <th scope="row">{windowText(window)}</th>
              <td data-num>{rate(burn_rate)}</td>
              <td data-num>{budget(budget_used)}</td>
              <td data-num data-wide>
                {sli(coverage)}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}

/** The three times that are all called "time to exhaustion", each with its name. */
export function Lasting({ status }: { status: SloStatus }) {
  const zone = useZone();
  const end = (secs: number | null) =>
    secs === null || status.as_of === null ? UNKNOWN : zoned(Date.parse(status.as_of) + secs * 1000, zone);
  const rows = [
    {
      name: "A whole budget, at this pace",
      what: "Had it been full: window / burn rate",
      secs: status.exhausted_in_pace_secs,
      at: "",
    },
    {
      name: "The rest, nothing comes back",
      what: "What is left, in a fixed window",
      secs: status.exhausted_in_fixed_window_secs,
      at: end(status.exhausted_in_fixed_window_secs),
    },
    {
      name: "The rest, as the window rolls on",
      what: "Old spending leaves the window meanwhile",
      secs: status.exhausted_in_rolling_secs,
      at: end(status.exhausted_in_rolling_secs),
    },
  ];
  const known = status.burn_rate_1h !== null && status.error_budget_remaining !== null;
  return (
    <Panel title="How long it lasts" flush aside="At the burn rate of the last hour">
      <Table caption="How long the budget lasts">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" data-num>
              Lasts
            </th>
            <th scope="col" data-num data-wide>
              Spent
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, what, secs, at }) => (
            <tr key={name}>
              <th scope="row">
                {name}
                <p className={css.what}>{what}</p>
              </th>
              <td data-num>{secs === null ? (known ? "does not end" : UNKNOWN) : lasts(secs)}</td>
              <td data-num data-wide>
                {secs === 0 ? "already" : at}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
}

const lasts = (secs: number): string => (secs === 0 ? "spent" : duration(secs));
