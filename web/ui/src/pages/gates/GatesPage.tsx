import { SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { gates } from "../../api/queries.ts";
import type { Gate, GateVerdict } from "../../api/types.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { usePatchSearch, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { because, CHECKS, checkLimit, checkValue, gateOrder, telling } from "../../lib/gate.ts";
import { Decisions } from "./Decisions.tsx";
import css from "./gates.module.css";

/** May it be changed now? Every service with its verdict and the numbers that decided. */
export function GatesPage() {
  const query = useQuery({ ...gates(), refetchInterval: useRefresh(15_000) });
  const { show, q } = useSearch({ from: "/gates" });
  const patch = usePatchSearch();
  return (
    <Page
      title="Gates"
      lead="Whether a service may be changed now. Looking here asks no gate and is not logged."
    >
      <Loaded query={query} rows={10}>
        {(all) => {
          if (all.length === 0)
            return (
              <Panel flush>
                <Empty title="No service has a gate yet">
                  Every service has one: declare a Service, or an SLO that names one.
                </Empty>
              </Panel>
            );
          const number = (verdict: GateVerdict) => all.filter((gate) => gate.verdict === verdict).length;
          const wanted = (q ?? "").toLowerCase();
          const shown = all
            .filter((gate) => show === undefined || gate.verdict === show)
            .filter((gate) => gate.service.toLowerCase().includes(wanted))
            .sort(gateOrder);
          return (
            <>
              <FilterBar>
                <TextInput
                  data-filter
                  aria-label="Filter services"
                  placeholder="Filter services"
                  value={q ?? ""}
                  onChange={(event) => patch({ q: event.currentTarget.value || undefined })}
                />
                <SegmentedControl
                  aria-label="Verdict"
                  value={show ?? "all"}
                  onChange={(value) => patch({ show: value === "all" ? undefined : value })}
                  data={[
                    { value: "all", label: `All ${all.length}` },
                    { value: "blocked", label: `Blocked ${number("blocked")}` },
                    { value: "overridden", label: `Overridden ${number("overridden")}` },
                    { value: "allowed", label: `Allowed ${number("allowed")}` },
                  ]}
                />
              </FilterBar>
              <Panel flush>
                {shown.length === 0 ? (
                  <Empty title="No gate is like that">Other verdicts are hidden by the filter.</Empty>
                ) : (
                  <GateTable list={shown} />
                )}
              </Panel>
            </>
          );
        }}
      </Loaded>
      <Decisions service={null} />
    </Page>
  );
}

function GateTable({ list }: { list: Gate[] }) {
  // Only what some policy asks for gets a column.
  const columns = CHECKS.filter(({ check }) => list.some(({ conditions }) => telling(conditions, check)));
  return (
    <Table caption="Gates">
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">Verdict</th>
          {columns.map(({ check, name }) => (
            <th key={check} scope="col" data-num data-wide={check === "freeze" ? "2" : true}>
              {name}
            </th>
          ))}
          <th scope="col" data-wide="2">
            Policy
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((gate) => (
          <tr key={gate.service}>
            <th scope="row">
              <Link to="/gates/$service" params={{ service: gate.service }} className={rowLink} data-row>
                {gate.service}
              </Link>
              <p className={css.because}>{because(gate)}</p>
            </th>
            <td>
              <Status of={gate.verdict} />
            </td>
            {columns.map(({ check }) => (
              <td key={check} data-num data-wide={check === "freeze" ? "2" : true}>
                <Telling gate={gate} check={check} />
              </td>
            ))}
            <td data-wide="2">{gate.policy}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** The number that says most of one kind of condition, and what it has to be. */
function Telling({ gate, check }: { gate: Gate; check: (typeof CHECKS)[number]["check"] }) {
  const condition = telling(gate.conditions, check);
  if (!condition) return <span className="muted">not asked</span>;
  const tone = condition.blocks ? css.blocks : condition.outcome === "not_met" ? css.over : "";
  return (
    <span title={condition.detail}>
      <span className={tone}>{checkValue(condition)}</span>
      {condition.blocks && <span className="visually-hidden"> (blocks)</span>}
      {check !== "freeze" && <span className={css.limit}>{checkLimit(condition)}</span>}
    </span>
  );
}
