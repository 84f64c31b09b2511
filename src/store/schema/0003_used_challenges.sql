R"sql(
-- Version 3. Signed challenges are verified without having been stored; only their use is remembered.
CREATE TABLE used_challenges (
    mac     TEXT   NOT NULL PRIMARY KEY,
    issuer  TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    profile TEXT   NOT NULL,
    attempt TEXT   NOT NULL,
    state   TEXT   NOT NULL CHECK (state IN ('reserved', 'consumed')),
    expires BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX used_challenges_by_expiry ON used_challenges (expires);
)sql"
