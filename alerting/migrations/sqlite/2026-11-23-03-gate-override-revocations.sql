-- Overrides that somebody took back before they expired.
ALTER TABLE gate_overrides ADD COLUMN revoked_at BIGINT;
ALTER TABLE gate_overrides ADD COLUMN revoked_by TEXT;
ALTER TABLE gate_overrides ADD COLUMN revoke_reason TEXT;
