-- When a token was last shown, to the minute; NULL: not since this was recorded.
ALTER TABLE web_tokens ADD COLUMN last_used_at BIGINT;

-- Keys that speak for one service and travel in bodies (a PagerDuty routing_key). They are no tokens:
-- what they may do is to tell about their service.
CREATE TABLE web_integration_keys (
    name          TEXT PRIMARY KEY,
    service       TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    expires_at    BIGINT,
    last_used_at  BIGINT
);
