// Deploy gates in words: what was looked at, what it has to be, and what decided.
import type { Gate, GateCondition, GateVerdict, SqlResult } from "../api/types.ts";
import { budget, burn, count, threshold, UNKNOWN } from "./format.ts";

const ORDER: Record<GateVerdict, number> = { blocked: 0, overridden: 1, allowed: 2 };

/** Blocked first, then what is open for a time only. */
export const gateOrder = (a: Gate, b: Gate): number =>
  ORDER[a.verdict] - ORDER[b.verdict] || a.service.localeCompare(b.service);

type Check = GateCondition["check"];

export const CHECKS: { check: Check; name: string }[] = [
  { check: "budget_remaining", name: "Budget left" },
  { check: "burn_rate", name: "Burn rate" },
  { check: "open_incidents", name: "Open incidents" },
  { check: "firing_pages", name: "Firing pages" },
  { check: "change_fail_rate", name: "Change failures" },
  { check: "freeze", name: "Freeze" },
];

export function checkName(condition: Pick<GateCondition, "check" | "window">): string {
  const name = CHECKS.find(({ check }) => check === condition.check)?.name ?? condition.check;
  return condition.window ? `${name}, ${condition.window}` : name;
}

/** A condition's value as its kind of number is written everywhere else. */
export function checkValue({ check, value }: Pick<GateCondition, "check" | "value">): string {
  if (value === null) return UNKNOWN;
  switch (check) {
    case "budget_remaining":
    case "change_fail_rate":
      return budget(value);
    case "burn_rate":
      return burn(value);
    case "freeze":
      return value > 0 ? "Holds" : "None";
    default:
      return count(value);
  }
}

const RELATIONS: Record<GateCondition["relation"], string> = {
  above: "above",
  below: "below",
  at_most: "at most",
};

/** What the value has to be: "above 10%", "at most 0". */
export function checkLimit({ check, relation, limit }: GateCondition): string {
  if (check === "freeze") return "None";
  const written = check === "burn_rate" ? threshold(limit) : checkValue({ check, value: limit });
  return `${RELATIONS[relation]} ${written}`;
}

/** The one condition of a kind that says most: what blocks, then what is not known, then the first. */
export function telling(conditions: GateCondition[], check: Check): GateCondition | undefined {
  const ofCheck = conditions.filter((condition) => condition.check === check);
  return (
    ofCheck.find((condition) => condition.blocks) ??
    ofCheck.find((condition) => condition.outcome === "not_met") ??
    ofCheck.find((condition) => condition.outcome === "unknown") ??
    ofCheck.reduce<GateCondition | undefined>(
      (nearest, one) => (nearer(one, nearest) ? one : nearest),
      undefined,
    )
  );
}

/** Nearer to its limit, as a share of it; with a limit of zero the value itself. */
function nearer(one: GateCondition, than: GateCondition | undefined): boolean {
  if (than === undefined) return true;
  const room = ({ value, limit }: GateCondition) =>
    Math.abs((value ?? 0) - limit) / (limit === 0 ? 1 : Math.abs(limit));
  return room(one) < room(than);
}

/** Why a gate says what it says, in one sentence. */
export function because({ verdict, conditions, opened_by }: Gate): string {
  const blocking = conditions.filter((condition) => condition.blocks);
  if (verdict === "overridden" && opened_by) return `Opened by ${opened_by.actor}: ${opened_by.reason}`;
  if (blocking.length > 0) return sentence(blocking.map((condition) => condition.detail).join("; "));
  const unknown = conditions.filter((condition) => condition.outcome === "unknown").length;
  const known = conditions.length - unknown;
  const met = known === 1 ? "1 condition is met" : `${known} conditions are met`;
  if (conditions.length === 0) return "Nothing is asked for";
  if (unknown === 0) return known === 1 ? met : `All ${met}`;
  const rest = unknown === 1 ? "1 is not known" : `${unknown} are not known`;
  return known === 0 ? `Nothing is known of ${unknown} conditions` : `${met}, ${rest}`;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** One recorded answer of a gate. */
export interface Decision {
  event_id: string;
  at: string;
  service: string;
  verdict: GateVerdict;
  policy: string;
  actor: string;
  /** What blocked, in words. */
  reasons: string[];
}

/** The rows of `gate_decisions`, by the names of their columns. */
export function decisionsOf(answer: SqlResult): Decision[] {
  const at = new Map(answer.columns.map(({ name }, index) => [name, index]));
  return answer.rows.map((row) => {
    const text = (name: string) => String(row[at.get(name) ?? -1] ?? "");
    return {
      event_id: text("event_id"),
      at: text("at"),
      service: text("service"),
      verdict: text("verdict") as GateVerdict,
      policy: text("policy"),
      actor: text("actor"),
      reasons: reasonsOf(text("conditions")),
    };
  });
}

/** Conditions are stored as JSON text, by whatever version wrote them. */
function reasonsOf(text: string): string[] {
  try {
    const conditions: unknown = JSON.parse(text);
    if (!Array.isArray(conditions)) return [];
    return conditions
      .filter((one: Partial<GateCondition>) => one?.blocks === true && typeof one.detail === "string")
      .map((one: GateCondition) => sentence(one.detail));
  } catch {
    return [];
  }
}
