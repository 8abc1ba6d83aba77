-- One row per occurrence of an alert.
CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    service TEXT,
    state TEXT NOT NULL,
    active_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    fired_at BIGINT,
    keep_firing_since BIGINT,
    resolved_at BIGINT,
    value DOUBLE PRECISION,
    incident BIGINT,
    unseen_since BIGINT,
    explains TEXT
);
-- One active occurrence per source and label set.
CREATE UNIQUE INDEX alerts_active ON alerts (source, labels) WHERE state IN ('pending', 'firing');
CREATE INDEX alerts_incident ON alerts (incident);
CREATE INDEX alerts_resolved ON alerts (resolved_at);

CREATE TABLE rule_groups (
    key TEXT NOT NULL PRIMARY KEY,
    last_evaluated_at BIGINT NOT NULL
);

CREATE TABLE incidents (
    id BIGINT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    service TEXT,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    group_key TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    detected_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    mitigated_at BIGINT,
    restored_at BIGINT,
    resolved_at BIGINT,
    closed_at BIGINT,
    commander TEXT
);
CREATE INDEX incidents_state ON incidents (state, restored_at);

-- The current run of an incident's escalation. `next_due` is the only wait.
CREATE TABLE escalations (
    incident BIGINT NOT NULL PRIMARY KEY,
    destination TEXT NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL,
    run BIGINT NOT NULL,
    round BIGINT NOT NULL,
    step BIGINT NOT NULL,
    next_due BIGINT,
    acknowledged_at BIGINT,
    acknowledged_by TEXT
);
CREATE INDEX escalations_due ON escalations (state, next_due);

-- One row per message to one contact; the outbox row of the topic `page` with the same key sends it.
CREATE TABLE pages (
    id TEXT NOT NULL PRIMARY KEY,
    incident BIGINT NOT NULL,
    alert TEXT NOT NULL,
    recipient TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    run BIGINT NOT NULL,
    round BIGINT NOT NULL,
    step BIGINT NOT NULL,
    state TEXT NOT NULL,
    queued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    sent_at BIGINT,
    delivered_at BIGINT,
    acknowledged_at BIGINT,
    attempts BIGINT NOT NULL,
    may_repeat INTEGER NOT NULL,
    error TEXT
);
CREATE INDEX pages_incident ON pages (incident, run);
CREATE INDEX pages_state ON pages (state, due_at);

-- Keys that sign links; made at the first start.
CREATE TABLE signing_keys (
    name TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL
);

-- What a timeline shows: the facts about an incident, in the order of the outbox. The outbox forgets
-- what it has delivered, an incident does not.
CREATE TABLE incident_facts (
    event_id TEXT NOT NULL PRIMARY KEY,
    incident TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL -- JSON
);
CREATE INDEX incident_facts_by_incident ON incident_facts (incident, seq);
