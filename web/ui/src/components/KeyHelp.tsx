import { Modal } from "@mantine/core";
import css from "./KeyHelp.module.css";
import { navItems } from "./nav.ts";

type Key = [keys: string, does: string];

const ANYWHERE: Key[] = [
  ["Ctrl K", "Find or run"],
  ["?", "These shortcuts"],
  ["/", "Filter the list"],
  ["j k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["r", "Refresh"],
  ["Esc", "Close"],
];
const TIME: Key[] = [
  ["t a", "Freeze the range"],
  ["t ←", "Half a range earlier"],
  ["t →", "Half a range later"],
  ["t z", "Zoom out"],
];
const INCIDENT: Key[] = [
  ["a", "Acknowledge"],
  ["n", "Write a note"],
];

export default function KeyHelp({ demo, close }: { demo: boolean; close: () => void }) {
  const go: Key[] = navItems(demo).map((item) => [`g ${item.key}`, item.label]);
  return (
    <Modal opened onClose={close} title="Keyboard shortcuts" size="lg">
      <div className={css.columns}>
        <Keys title="Anywhere" keys={ANYWHERE} />
        <Keys title="Go to" keys={go} />
        <Keys title="Time range" keys={TIME} />
        <Keys title="Incident" keys={INCIDENT} />
      </div>
    </Modal>
  );
}

function Keys({ title, keys }: { title: string; keys: Key[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl className={css.keys}>
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>{does}</dt>
            <dd>
              <kbd>{key}</kbd>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
