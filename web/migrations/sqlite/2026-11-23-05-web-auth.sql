-- Who may talk to Evenkeel. Secrets are stored as SHA-256 of 256 random bits, never as text;
-- scram_* is the verifier of the PostgreSQL listener. Times are microseconds since the epoch.
CREATE TABLE web_tokens (
    name             TEXT PRIMARY KEY,
    role             TEXT NOT NULL CHECK (role IN ('ingest', 'viewer', 'responder', 'admin')),
    secret_sha256    TEXT NOT NULL UNIQUE,
    scram_salt       TEXT NOT NULL,
    scram_salted     TEXT NOT NULL,
    scram_iterations INTEGER NOT NULL,
    created_at       BIGINT NOT NULL,
    created_by       TEXT NOT NULL,
    expires_at       BIGINT
);

-- credential_sha256 is the token a session was opened with: a session ends when its token does.
-- It is NULL for a session that came from a login link.
CREATE TABLE web_sessions (
    session_sha256    TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    role              TEXT NOT NULL CHECK (role IN ('ingest', 'viewer', 'responder', 'admin')),
    credential_sha256 TEXT,
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT NOT NULL
);
CREATE INDEX web_sessions_expiry ON web_sessions (expires_at);

CREATE TABLE web_login_links (
    secret_sha256 TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('ingest', 'viewer', 'responder', 'admin')),
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    used_at       BIGINT
);
CREATE INDEX web_login_links_expiry ON web_login_links (expires_at);
