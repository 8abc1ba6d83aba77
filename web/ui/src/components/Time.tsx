import { ago, time, UNKNOWN, zoned } from "../lib/format.ts";
import { useNow, useZone } from "./hooks.ts";

/** An instant in the chosen zone, the zone printed; hovering shows the seconds. */
export function At({
  at,
  style = "minute",
}: {
  at: string | null | undefined;
  style?: "minute" | "second" | "full";
}) {
  const zone = useZone();
  if (!at) return <span>{UNKNOWN}</span>;
  return (
    <time dateTime={at} title={zoned(at, zone, "full")} className="num">
      {zoned(at, zone, style)}
    </time>
  );
}

/** How long ago; hovering shows the instant. */
export function Ago({ at }: { at: string | null | undefined }) {
  const zone = useZone();
  const now = useNow(10_000);
  if (!at) return <span>{UNKNOWN}</span>;
  return (
    <time dateTime={at} title={zoned(at, zone, "full")} className="num">
      {ago(at, now)}
    </time>
  );
}

export function Clock({ at }: { at: string }) {
  const zone = useZone();
  return (
    <time dateTime={at} title={zoned(at, zone, "full")} className="num">
      {time(at, zone, "clock")}
    </time>
  );
}
