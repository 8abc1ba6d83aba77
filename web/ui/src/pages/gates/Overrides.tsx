import { Button, Modal, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { revokeOverride } from "../../api/queries.ts";
import type { Gate, GateOverride } from "../../api/types.ts";
import form from "../../components/Form.module.css";
import { fieldFault } from "../../components/Form.ts";
import { Empty } from "../../components/Loaded.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { said } from "../../components/toast.ts";
import css from "./gates.module.css";

const stateOf = (given: GateOverride): "open" | "revoked" | "expired" =>
  given.active ? "open" : given.revoked_at ? "revoked" : "expired";

/** Who opened the gate, why, and for how long; the newest first. */
export function Overrides({ gate, mayAct }: { gate: Gate; mayAct: boolean }) {
  const [revoking, setRevoking] = useState<GateOverride | null>(null);
  return (
    <Panel title="Overrides" flush>
      {gate.overrides.length === 0 ? (
        <Empty title="Nobody has opened this gate" />
      ) : (
        <Table caption="Overrides">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">State</th>
              <th scope="col" data-wide>
                By
              </th>
              <th scope="col" data-wide>
                From
              </th>
              <th scope="col">Until</th>
              {mayAct && (
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {gate.overrides.map((given) => (
              <tr key={given.id}>
                <th scope="row">
                  {given.reason}
                  {given.revoked_at && (
                    <p className={css.because}>
                      Revoked by {given.revoked_by}: {given.revoke_reason}
                    </p>
                  )}
                </th>
                <td>
                  <Status of={stateOf(given)} />
                </td>
                <td data-wide>{given.actor}</td>
                <td data-wide>
                  <At at={given.created_at} />
                </td>
                <td>
                  <At at={given.revoked_at ?? given.expires_at} />
                </td>
                {mayAct && (
                  <td data-num>
                    {given.active && (
                      <Button size="xs" onClick={() => setRevoking(given)}>
                        Revoke
                      </Button>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {revoking && <Revoke service={gate.service} given={revoking} close={() => setRevoking(null)} />}
    </Panel>
  );
}

interface RevokeProps {
  service: string;
  given: GateOverride;
  close: () => void;
}

function Revoke({ service, given, close }: RevokeProps) {
  const [reason, setReason] = useState("");
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeOverride(service, given.id, reason),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["gates"] });
      said("The override was revoked");
      close();
    },
  });
  const fault = fieldFault(revoke.error, "reason");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    revoke.mutate();
  };
  return (
    <Modal opened onClose={close} title="Revoke the override">
      <form onSubmit={submit} className={form.form}>
        <p className="muted">
          {given.actor}: {given.reason}
        </p>
        <Textarea
          data-autofocus
          required
          autosize
          minRows={2}
          label="Why it ends now"
          value={reason}
          error={fault}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {revoke.error && !fault && (
          <p role="alert" className={form.error}>
            {revoke.error.message}
          </p>
        )}
        <div className={form.buttons}>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" variant="filled" loading={revoke.isPending}>
            Revoke
          </Button>
        </div>
      </form>
    </Modal>
  );
}
