import { Button, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiError } from "../api/client.ts";
import { declareIncident, services } from "../api/queries.ts";
import css from "./Form.module.css";

export const SEVERITIES = [
  { value: "SEV1", label: "SEV1: everything is down" },
  { value: "SEV2", label: "SEV2: a core function is down" },
  { value: "SEV3", label: "SEV3: degraded" },
  { value: "SEV4", label: "SEV4: minor" },
  { value: "SEV5", label: "SEV5: no effect on users" },
];

interface Props {
  close: () => void;
  service?: string;
  title?: string;
}

/** Opens an incident by hand. The server is the only validator: its field errors show at the fields. */
export function DeclareIncident({ close, service = "", title = "" }: Props) {
  const [values, setValues] = useState({ title, service, severity: "SEV3" });
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: list } = useQuery(services());
  const declare = useMutation({
    mutationFn: declareIncident,
    onSuccess: async (incident) => {
      await client.invalidateQueries({ queryKey: ["incidents"] });
      close();
      await navigate({ to: "/incidents/$id", params: { id: incident.incident_id } });
    },
  });
  const fault = (field: string) =>
    declare.error instanceof ApiError ? declare.error.field(`/${field}`) : undefined;
  const named = ["title", "service", "severity"].some(fault);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    declare.mutate(values);
  };
  const names = [...new Set([...(service ? [service] : []), ...(list ?? []).map((one) => one.name)])];
  return (
    <Modal opened onClose={close} title="Open incident">
      <form onSubmit={submit} className={css.form}>
        <TextInput
          data-autofocus
          required
          label="What is wrong"
          value={values.title}
          error={fault("title")}
          onChange={(event) => setValues({ ...values, title: event.currentTarget.value })}
        />
        <NativeSelect
          required
          label="Service"
          value={values.service}
          error={fault("service")}
          data={[{ value: "", label: "Choose a service" }, ...names]}
          onChange={(event) => setValues({ ...values, service: event.currentTarget.value })}
        />
        <NativeSelect
          label="Severity"
          value={values.severity}
          error={fault("severity")}
          data={SEVERITIES}
          onChange={(event) => setValues({ ...values, severity: event.currentTarget.value })}
        />
        {declare.error && !named && (
          <p role="alert" className={css.error}>
            {declare.error.message}
          </p>
        )}
        <div className={css.buttons}>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" variant="filled" loading={declare.isPending}>
            Open incident
          </Button>
        </div>
      </form>
    </Modal>
  );
}
