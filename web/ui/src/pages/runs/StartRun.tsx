import { Button, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError } from "../../api/client.ts";
import { runbook, startRun } from "../../api/queries.ts";
import type { Run, Runbook, RunbookParam } from "../../api/types.ts";
import form from "../../components/Form.module.css";
import { refused } from "../../components/toast.ts";

interface Starter {
  /** Starts the runbook, asking for its parameters first when it has any. */
  begin: (runbookId: string) => void;
  pending: string | null;
  started: string | null;
  dialog: ReactNode;
}

export function useStartRun(incidentId: string | null, onStarted?: (run: Run) => void): Starter {
  const client = useQueryClient();
  const [asking, setAsking] = useState<Runbook | null>(null);
  const [started, setStarted] = useState<string | null>(null);
  const start = useMutation({
    mutationFn: ({ id, params }: { id: string; params: Record<string, string> }) =>
      startRun({ runbook_id: id, incident_id: incidentId, params }),
    onSuccess: async (run) => {
      setAsking(null);
      setStarted(run.id);
      client.setQueryData(["runs", run.id], run);
      await client.invalidateQueries({ queryKey: ["incidents"] });
      onStarted?.(run);
    },
    // With the dialog open the error shows there, at its field.
    onError: (error) => asking === null && refused(error),
  });
  const look = useMutation({
    mutationFn: (id: string) => client.fetchQuery(runbook(id)),
    onError: refused,
    onSuccess: (found) => {
      // What an alert fills in needs asking only when there is no alert to ask.
      const ask = found.params.some((param) => incidentId === null || param.from_alert === null);
      if (ask) setAsking(found);
      else start.mutate({ id: found.id, params: {} });
    },
  });
  return {
    begin: (id) => look.mutate(id),
    pending: look.isPending ? look.variables : start.isPending ? start.variables.id : null,
    started,
    dialog: asking && (
      <ParamsDialog
        runbook={asking}
        withIncident={incidentId !== null}
        close={() => {
          start.reset();
          setAsking(null);
        }}
        submit={(params) => start.mutate({ id: asking.id, params })}
        pending={start.isPending}
        error={start.error}
      />
    ),
  };
}

interface DialogProps {
  runbook: Runbook;
  withIncident: boolean;
  close: () => void;
  submit: (params: Record<string, string>) => void;
  pending: boolean;
  error: Error | null;
}

function ParamsDialog({ runbook: book, withIncident, close, submit, pending, error }: DialogProps) {
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      book.params.map((param) => [param.name, param.default === null ? "" : String(param.default)]),
    ),
  );
  const fault = (param: RunbookParam) =>
    error instanceof ApiError ? error.field(`/params/${param.name}`) : undefined;
  const named = book.params.some(fault);
  return (
    <Modal opened onClose={close} title={`Start: ${book.title}`}>
      <form
        className={form.form}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          // What was left empty is not sent: the server fills it from the alert or its default.
          submit(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "")));
        }}
      >
        {book.params.map((param) => (
          <ParamInput
            key={param.name}
            param={param}
            withIncident={withIncident}
            value={values[param.name] ?? ""}
            error={fault(param)}
            set={(value) => setValues({ ...values, [param.name]: value })}
          />
        ))}
        {error && !named && (
          <p role="alert" className={form.error}>
            {error.message}
          </p>
        )}
        <div className={form.buttons}>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" variant="filled" loading={pending}>
            Start
          </Button>
        </div>
      </form>
    </Modal>
  );
}

interface InputProps {
  param: RunbookParam;
  withIncident: boolean;
  value: string;
  error: string | undefined;
  set: (value: string) => void;
}

function ParamInput({ param, withIncident, value, error, set }: InputProps) {
  const filled = withIncident && param.from_alert !== null;
  const shared = {
    label: param.name,
    required: param.required && !filled,
    description: filled ? `Empty: the alert's label ${param.from_alert}` : param.type,
    value,
    error,
  };
  if (param.secret)
    return (
      <PasswordInput {...shared} autoComplete="off" onChange={(event) => set(event.currentTarget.value)} />
    );
  if (param.type === "bool" || param.type === "boolean") {
    return (
      <NativeSelect
        {...shared}
        data={["", "true", "false"]}
        onChange={(event) => set(event.currentTarget.value)}
      />
    );
  }
  return <TextInput {...shared} autoComplete="off" onChange={(event) => set(event.currentTarget.value)} />;
}
