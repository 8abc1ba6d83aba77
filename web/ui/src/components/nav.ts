// The pages that exist, once: the navigation, the palette and the keys all read this list.
import type { Icon } from "@tabler/icons-react";
import {
  IconActivity,
  IconBarrierBlock,
  IconBell,
  IconBook,
  IconCalendar,
  IconChartBar,
  IconChartLine,
  IconFlame,
  IconHeartbeat,
  IconInbox,
  IconLayoutDashboard,
  IconListDetails,
  IconNotes,
  IconTags,
  IconTarget,
} from "./icons.ts";

export interface NavItem {
  to: string;
  label: string;
  icon: Icon;
  /** The second key after `g`. */
  key: string;
}

export interface NavGroup {
  label: string;
  items: NavItem[];
}

const OBSERVE: NavGroup = {
  label: "Observe",
  items: [
    { to: "/services", label: "Services", icon: IconLayoutDashboard, key: "s" },
    { to: "/slos", label: "SLOs", icon: IconTarget, key: "o" },
    { to: "/explore", label: "Explore", icon: IconChartLine, key: "e" },
    { to: "/logs", label: "Logs", icon: IconListDetails, key: "l" },
  ],
};

const RESPOND: NavGroup = {
  label: "Respond",
  items: [
    { to: "/alerts", label: "Alerts", icon: IconBell, key: "a" },
    { to: "/oncall", label: "On-call", icon: IconCalendar, key: "c" },
    { to: "/incidents", label: "Incidents", icon: IconFlame, key: "i" },
    { to: "/runbooks", label: "Runbooks", icon: IconBook, key: "r" },
    { to: "/retros", label: "Retrospectives", icon: IconNotes, key: "p" },
  ],
};

const PLAN: NavGroup = {
  label: "Plan",
  items: [
    { to: "/gates", label: "Gates", icon: IconBarrierBlock, key: "g" },
    { to: "/recovery", label: "Recovery, delivery", icon: IconChartBar, key: "d" },
  ],
};

const SYSTEM_STATUS: NavItem = { to: "/system", label: "System status", icon: IconHeartbeat, key: "y" };
const TARGETS: NavItem = { to: "/targets", label: "Targets", icon: IconActivity, key: "x" };
const CARDINALITY: NavItem = { to: "/cardinality", label: "Cardinality", icon: IconTags, key: "t" };
const INBOX: NavItem = { to: "/inbox", label: "Inbox", icon: IconInbox, key: "m" };

export function navGroups(demo: boolean): NavGroup[] {
  return [
    OBSERVE,
    RESPOND,
    PLAN,
    {
      label: demo ? "System and demo" : "System",
      items: demo ? [SYSTEM_STATUS, TARGETS, CARDINALITY, INBOX] : [SYSTEM_STATUS, TARGETS, CARDINALITY],
    },
  ];
}

export const navItems = (demo: boolean): NavItem[] => navGroups(demo).flatMap((group) => group.items);
