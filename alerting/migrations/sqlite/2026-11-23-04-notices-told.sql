-- Notices that were shown for their time, while what they say still holds.
ALTER TABLE alerts ADD COLUMN told_at BIGINT;
