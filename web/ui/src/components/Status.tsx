// Status is always an icon and a word: never a colour alone.
import type { Icon } from "@tabler/icons-react";
import { capital } from "../lib/format.ts";
import { severityRank } from "../lib/order.ts";
import {
  IconAlertOctagon,
  IconAlertTriangle,
  IconBellRinging,
  IconCheck,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleDot,
  IconCircleMinus,
  IconCircleX,
  IconClock,
  IconClockOff,
  IconHelpCircle,
  IconInfoCircle,
  IconLoader2,
  IconLock,
  IconLockOpen,
  IconMail,
  IconPlayerSkipForward,
  IconSearch,
  IconSnowflake,
} from "./icons.ts";
import css from "./Status.module.css";

export type Tone = "ok" | "warn" | "crit" | "info" | "nodata";

interface Look {
  word: string;
  tone: Tone;
  icon: Icon;
}

const LOOKS: Record<string, Look> = {
  healthy: { word: "Healthy", tone: "ok", icon: IconCircleCheck },
  at_risk: { word: "At risk", tone: "warn", icon: IconAlertTriangle },
  breached: { word: "Breached", tone: "crit", icon: IconAlertOctagon },
  no_data: { word: "No data", tone: "nodata", icon: IconHelpCircle },
  frozen: { word: "Frozen", tone: "nodata", icon: IconSnowflake },

  quiet: { word: "Quiet", tone: "ok", icon: IconCircleCheck },
  one_window_over: { word: "One window over", tone: "warn", icon: IconAlertTriangle },
  held_low_volume: { word: "Held: low volume", tone: "nodata", icon: IconSnowflake },
  held_late_data: { word: "Held: late data", tone: "nodata", icon: IconSnowflake },
  unknown: { word: "Unknown", tone: "nodata", icon: IconHelpCircle },
  inactive: { word: "Inactive", tone: "nodata", icon: IconCircleDashed },
  pending: { word: "Pending", tone: "warn", icon: IconClock },
  firing: { word: "Firing", tone: "crit", icon: IconBellRinging },

  triage: { word: "Triage", tone: "crit", icon: IconAlertOctagon },
  investigating: { word: "Investigating", tone: "warn", icon: IconSearch },
  identified: { word: "Identified", tone: "warn", icon: IconCircleDot },
  mitigated: { word: "Mitigated", tone: "info", icon: IconCircleDot },
  resolved: { word: "Resolved", tone: "ok", icon: IconCircleCheck },
  closed: { word: "Closed", tone: "nodata", icon: IconCheck },
  declined: { word: "Declined", tone: "nodata", icon: IconCircleX },
  merged: { word: "Merged", tone: "nodata", icon: IconCheck },

  queued: { word: "Queued", tone: "info", icon: IconClock },
  sending: { word: "Sending", tone: "info", icon: IconLoader2 },
  sent: { word: "Sent", tone: "info", icon: IconMail },
  delivered: { word: "Delivered", tone: "info", icon: IconMail },
  acknowledged: { word: "Acknowledged", tone: "ok", icon: IconCircleCheck },
  cancelled: { word: "Cancelled", tone: "nodata", icon: IconCircleMinus },
  failed: { word: "Failed", tone: "crit", icon: IconCircleX },

  waiting: { word: "Waiting", tone: "nodata", icon: IconCircleDashed },
  running: { word: "Running", tone: "info", icon: IconLoader2 },
  succeeded: { word: "Succeeded", tone: "ok", icon: IconCircleCheck },
  skipped: { word: "Skipped", tone: "nodata", icon: IconPlayerSkipForward },
  done: { word: "Done", tone: "ok", icon: IconCircleCheck },
  open: { word: "Open", tone: "info", icon: IconCircleDot },

  allowed: { word: "Allowed", tone: "ok", icon: IconCircleCheck },
  blocked: { word: "Blocked", tone: "crit", icon: IconLock },
  overridden: { word: "Overridden", tone: "warn", icon: IconLockOpen },
  revoked: { word: "Revoked", tone: "nodata", icon: IconCircleX },
  expired: { word: "Expired", tone: "nodata", icon: IconClockOff },
  met: { word: "Met", tone: "ok", icon: IconCircleCheck },
  not_met: { word: "Not met", tone: "crit", icon: IconCircleX },
  notice: { word: "Notice", tone: "info", icon: IconInfoCircle },

  working: { word: "Working", tone: "ok", icon: IconCircleCheck },
  broken: { word: "Not working", tone: "crit", icon: IconCircleX },
  error: { word: "Error", tone: "crit", icon: IconCircleX },
  warning: { word: "Warning", tone: "warn", icon: IconAlertTriangle },
  up: { word: "Up", tone: "ok", icon: IconCircleCheck },
  down: { word: "Down", tone: "crit", icon: IconCircleX },
  draft: { word: "Draft", tone: "warn", icon: IconCircleDashed },
  published: { word: "Published", tone: "ok", icon: IconCircleCheck },
};

export function Status({ of, word }: { of: string; word?: string }) {
  const look = LOOKS[of] ?? { word: capital(of), tone: "nodata" as const, icon: IconHelpCircle };
  return (
    <span className={`${css.status} ${css[look.tone]}`}>
      <look.icon size={16} stroke={1.75} aria-hidden />
      {word ?? look.word}
    </span>
  );
}

/** SEV1 to SEV5, or the severity label of an alert, as text. */
export function Severity({ of }: { of: string | null }) {
  if (!of) return <span className="muted">—</span>;
  const rank = severityRank(of);
  if (rank === 9) return <span>{capital(of)}</span>;
  return <span className={`${css.severity} ${css[`sev${Math.min(rank, 4)}`]}`}>{of.toUpperCase()}</span>;
}

export const toneClass = (tone: Tone | undefined): string => (tone ? (css[tone] ?? "") : "");
