// Where an incident stands and what can be done next, for the stepper and the buttons. What is allowed, the
// server decides; this only orders what it offers.
import type { IncidentVerb } from "../api/queries.ts";
import type { Incident, IncidentState } from "../api/types.ts";

const OVER: IncidentState[] = ["resolved", "closed", "declined", "merged"];

export const isOpen = (state: IncidentState): boolean => !OVER.includes(state);

export const STEPS = ["Triage", "Investigating", "Mitigated", "Resolved"] as const;

/** The step of the stepper that a state is in (0 to 3); 4 is past the last. */
export function stepOf(state: IncidentState): number {
  switch (state) {
    case "triage":
      return 0;
    case "investigating":
    case "identified":
      return 1;
    case "mitigated":
      return 2;
    case "resolved":
      return 3;
    default:
      return 4;
  }
}

export interface Offer {
  verb: IncidentVerb;
  label: string;
}

const LABELS: Record<IncidentVerb, string> = {
  acknowledge: "Acknowledge",
  mitigate: "Mark mitigated",
  restore: "Mark service restored",
  resolve: "Resolve",
  close: "Close incident",
};

/** The verbs that make sense now, the most likely next one first. */
export function offers(incident: Incident): Offer[] {
  const verbs: IncidentVerb[] = [];
  if (isOpen(incident.state)) {
    if (!incident.acknowledged_at) verbs.push("acknowledge");
    if (incident.state !== "mitigated") verbs.push("mitigate");
    verbs.push("resolve");
    if (!incident.restored_at) verbs.push("restore");
  } else if (incident.state === "resolved") {
    verbs.push("close");
  }
  return verbs.map((verb) => ({ verb, label: LABELS[verb] }));
}
