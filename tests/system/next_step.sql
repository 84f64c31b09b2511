R"sql(
-- What a next version might add, so that the upgrade to it can be tested before there is one.
ALTER TABLE attempts ADD COLUMN next_origin TEXT NOT NULL DEFAULT '';
ALTER TABLE certificates ADD COLUMN next_origin TEXT NOT NULL DEFAULT '';
CREATE TABLE next_things (
    sequence INTEGER PRIMARY KEY,
    attempt  TEXT   NOT NULL,
    created  BIGINT NOT NULL
);
CREATE INDEX attempts_by_origin ON attempts (next_origin, sequence);
CREATE INDEX certificates_by_expiry ON certificates (not_after);
CREATE INDEX challenges_by_subject ON challenges (subject, state);
)sql"
