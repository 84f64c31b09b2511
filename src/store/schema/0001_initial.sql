R"sql(
-- Version 1. Times are milliseconds since 1970 UTC. Binary values are base64 text: one form for every SQL engine, and
-- readable with the engine's own shell. Empty text means "none" where a column may not be null.

CREATE TABLE challenges (
    mac        TEXT   NOT NULL PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    profile    TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    sans       TEXT   NOT NULL,
    template   TEXT   NOT NULL,
    created_by TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('outstanding', 'reserved', 'consumed', 'revoked', 'burnt')),
    refusals   BIGINT NOT NULL DEFAULT 0,
    attempt    TEXT   NOT NULL DEFAULT '',
    changed    BIGINT NOT NULL
);
-- Counting what is outstanding and still good looks at nothing else, however long the history.
CREATE INDEX challenges_by_state ON challenges (state, profile, expires);
CREATE INDEX challenges_by_age ON challenges (created);
CREATE INDEX challenges_by_change ON challenges (state, changed);

CREATE TABLE attempts (
    sequence           INTEGER PRIMARY KEY,
    id                 TEXT   NOT NULL UNIQUE,
    profile            TEXT   NOT NULL,
    signer_key         TEXT   NOT NULL,
    transaction_id     TEXT   NOT NULL,
    kind               TEXT   NOT NULL,
    request_digest     TEXT   NOT NULL,
    csr                TEXT   NOT NULL,
    plan               TEXT   NOT NULL,
    template           TEXT   NOT NULL,
    subject            TEXT   NOT NULL,
    client             TEXT   NOT NULL,
    challenge_mac      TEXT   NOT NULL,
    state              TEXT   NOT NULL CHECK (state IN ('intent', 'held', 'approved', 'pending', 'issued', 'failed')),
    reason             TEXT   NOT NULL,
    ca_handle          TEXT   NOT NULL,
    certificate_serial TEXT   NOT NULL,
    created            BIGINT NOT NULL,
    updated            BIGINT NOT NULL
);
CREATE INDEX attempts_by_transaction ON attempts (profile, signer_key, transaction_id, sequence);
-- The database itself refuses a second attempt in flight under one transaction.
CREATE UNIQUE INDEX attempts_in_flight ON attempts (profile, signer_key, transaction_id)
    WHERE state NOT IN ('issued', 'failed');
-- And a second attempt that owes its right to the same one-time password and has not failed.
CREATE UNIQUE INDEX attempts_by_challenge ON attempts (challenge_mac) WHERE challenge_mac <> '' AND state <> 'failed';
CREATE INDEX attempts_by_state ON attempts (state, sequence);

CREATE TABLE certificates (
    sequence          INTEGER PRIMARY KEY,
    serial            TEXT   NOT NULL,
    ca                TEXT   NOT NULL,
    profile           TEXT   NOT NULL,
    attempt           TEXT   REFERENCES attempts (id),
    kind              TEXT   NOT NULL,
    subject           TEXT   NOT NULL,
    sans              TEXT   NOT NULL,
    template          TEXT   NOT NULL,
    public_key        TEXT   NOT NULL,
    fingerprint       TEXT   NOT NULL,
    not_before        BIGINT NOT NULL,
    not_after         BIGINT NOT NULL,
    revoked           BIGINT,
    revocation_reason BIGINT NOT NULL DEFAULT 0,
    der               TEXT   NOT NULL,
    UNIQUE (serial, ca)
);
-- One attempt, one certificate.
CREATE UNIQUE INDEX certificates_by_attempt ON certificates (attempt) WHERE attempt IS NOT NULL;
CREATE INDEX certificates_revoked ON certificates (ca, serial) WHERE revoked IS NOT NULL;

CREATE TABLE revocation_lists (
    ca         TEXT   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    crl_number BIGINT NOT NULL
);
)sql"
