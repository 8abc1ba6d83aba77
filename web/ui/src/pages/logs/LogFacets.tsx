import type { LogFacets as Facets, LogFacet } from "../../api/types.ts";
import { count } from "../../lib/format.ts";
import { fieldTerm, isFieldName, terms } from "../../lib/logQuery.ts";
import css from "./LogsPage.module.css";

const VALUES_SHOWN = 8;
const COLUMNS = new Set(["service", "env", "host", "severity", "trace_id", "span_id"]);

interface Props {
  facets: Facets;
  q: string;
  choose: (name: string, value: string, negated: boolean) => void;
}

/** Values that the matching lines have, with buttons that keep or leave out one. */
export function LogFacets({ facets, q, choose }: Props) {
  const chosen = new Set(terms(q));
  const attributes = facets.attributes.filter(isWorthShowing);
  return (
    <>
      {facets.columns.map((facet) => (
        <Group key={facet.name} facet={facet} chosen={chosen} choose={choose} />
      ))}
      {attributes.length > 0 && (
        <p className={css.sampled}>
          {facets.sampled < facets.total
            ? `Attributes, in the newest ${count(facets.sampled)} lines`
            : "Attributes"}
        </p>
      )}
      {attributes.map((facet) => (
        <Group key={`attr ${facet.name}`} facet={facet} chosen={chosen} choose={choose} />
      ))}
    </>
  );
}

/** Columns go before attributes of their name; values that each line has for itself are no choice. */
function isWorthShowing(facet: LogFacet): boolean {
  const isIdentifier = facet.distinct > VALUES_SHOWN && (facet.values[0]?.lines ?? 0) < 2;
  return isFieldName(facet.name) && !COLUMNS.has(facet.name) && !isIdentifier;
}

interface GroupProps {
  facet: LogFacet;
  chosen: ReadonlySet<string>;
  choose: Props["choose"];
}

function Group({ facet, chosen, choose }: GroupProps) {
  if (facet.values.length === 0) return null;
  const rest = facet.distinct - Math.min(VALUES_SHOWN, facet.values.length);
  return (
    <section className={css.facet} aria-label={facet.name}>
      <h3>{facet.name}</h3>
      <ul>
        {facet.values.slice(0, VALUES_SHOWN).map(({ value, lines }) => {
          const kept = chosen.has(fieldTerm(facet.name, value));
          const without = chosen.has(fieldTerm(facet.name, value, true));
          return (
            <li key={value}>
              <button
                type="button"
                className={css.value}
                aria-pressed={kept}
                title={value}
                onClick={() => choose(facet.name, value, false)}
              >
                <span className={css.valueText}>{value === "" ? "(empty)" : value}</span>
                <span className="num muted">{count(lines)}</span>
              </button>
              <button
                type="button"
                className={css.without}
                aria-pressed={without}
                aria-label={`Without ${facet.name} ${value}`}
                title="Without it"
                onClick={() => choose(facet.name, value, true)}
              >
                −
              </button>
            </li>
          );
        })}
      </ul>
      {rest > 0 && <p className={css.rest}>and {count(rest)} more</p>}
    </section>
  );
}
