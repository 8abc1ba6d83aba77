-- Gates that somebody opened although they were blocked. Rows stay: they are the record.
CREATE TABLE gate_overrides (
    id BIGINT NOT NULL PRIMARY KEY,
    service TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX gate_overrides_by_service ON gate_overrides (service, id);
