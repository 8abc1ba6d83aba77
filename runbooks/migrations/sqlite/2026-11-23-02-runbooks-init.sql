-- A run keeps the text of its runbook, so that a later edit of the file changes no run.
CREATE TABLE runbook_runs (
    run_id        TEXT    NOT NULL PRIMARY KEY,
    runbook_id    TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    document      TEXT    NOT NULL,
    content_hash  TEXT    NOT NULL,
    incident_id   TEXT,
    service       TEXT,
    params        TEXT    NOT NULL, -- a JSON object of texts
    state         TEXT    NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    started_by    TEXT    NOT NULL,
    started_at    BIGINT  NOT NULL,
    finished_at   BIGINT
);
CREATE INDEX runbook_runs_by_incident ON runbook_runs (incident_id, started_at);

CREATE TABLE runbook_steps (
    run_id        TEXT    NOT NULL REFERENCES runbook_runs (run_id),
    ordinal       INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'skipped', 'done')),
    attempt       INTEGER NOT NULL,
    -- The opening of the store whose process carries the step out; another one may give it up.
    owner         TEXT,
    exit_code     BIGINT,
    output        TEXT,
    started_at    BIGINT,
    finished_at   BIGINT,
    actor         TEXT,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE retrospectives (
    retro_id      TEXT    NOT NULL PRIMARY KEY,
    incident_id   TEXT    NOT NULL UNIQUE,
    title         TEXT    NOT NULL,
    service       TEXT,
    severity      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('draft', 'published')),
    markdown      TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    updated_by    TEXT    NOT NULL
);
