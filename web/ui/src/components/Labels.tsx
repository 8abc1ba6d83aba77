import css from "./Labels.module.css";

/** Labels inline, sorted, as `name=value`. */
export function Labels({ of, hide = [] }: { of: Record<string, string>; hide?: string[] }) {
  const pairs = Object.entries(of)
    .filter(([name]) => !hide.includes(name))
    .sort(([a], [b]) => a.localeCompare(b));
  if (pairs.length === 0) return null;
  return (
    <ul className={css.labels} aria-label="Labels">
      {pairs.map(([name, value]) => (
        <li key={name}>
          {name}={value}
        </li>
      ))}
    </ul>
  );
}
