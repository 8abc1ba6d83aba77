import { Button, Modal, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { overrideGate } from "../../api/queries.ts";
import type { Gate } from "../../api/types.ts";
import css from "../../components/Form.module.css";
import { fieldFault } from "../../components/Form.ts";
import { useNow, useZone } from "../../components/hooks.ts";
import { said } from "../../components/toast.ts";
import { windowText, zoned } from "../../lib/format.ts";
import { because } from "../../lib/gate.ts";
import { iso, parseDuration } from "../../lib/time.ts";

const LENGTHS = ["30m", "1h", "2h", "4h", "8h", "12h", "24h"];

/** Opens a gate for a time, with a reason that is written down. The server knows how long it may be. */
export function OverrideGate({ gate, close }: { gate: Gate; close: () => void }) {
  const [reason, setReason] = useState("");
  const [length, setLength] = useState("1h");
  const zone = useZone();
  const now = useNow(10_000);
  const client = useQueryClient();
  const until = now + (parseDuration(length) ?? 0) * 1000;
  const open = useMutation({
    mutationFn: () => overrideGate(gate.service, { reason, expires_at: iso(until) }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["gates"] });
      said(`The gate of ${gate.service} is open until ${zoned(until, zone)}`);
      close();
    },
  });
  const fault = (field: string) => fieldFault(open.error, field);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    open.mutate();
  };
  return (
    <Modal opened onClose={close} title={`Override the gate of ${gate.service}`}>
      <form onSubmit={submit} className={css.form}>
        <p className="muted">{because(gate)}.</p>
        <Textarea
          data-autofocus
          required
          autosize
          minRows={2}
          label="Why it may be changed all the same"
          value={reason}
          error={fault("reason")}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <NativeSelect
          label="For"
          description={`Until ${zoned(until, zone)}`}
          value={length}
          error={fault("expires_at")}
          data={LENGTHS.map((value) => ({ value, label: windowText(value) }))}
          onChange={(event) => setLength(event.currentTarget.value)}
        />
        {open.error && !fault("reason") && !fault("expires_at") && (
          <p role="alert" className={css.error}>
            {open.error.message}
          </p>
        )}
        <div className={css.buttons}>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" variant="filled" loading={open.isPending}>
            Open the gate
          </Button>
        </div>
      </form>
    </Modal>
  );
}
