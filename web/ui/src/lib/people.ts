/** Who is on call, for a key number: the first name, and the others as its detail. */
export function people(names: string[]): { first: string | null; others: string } {
  const [first = null, ...rest] = [...new Set(names)];
  if (rest.length === 0) return { first, others: "" };
  return { first, others: rest.length > 2 ? `and ${rest.length} more` : `and ${rest.join(" and ")}` };
}
