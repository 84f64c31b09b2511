R"sql(
-- Version 4. What others are to be told, written in the commit of what it tells of.
CREATE TABLE notifications (
    sequence INTEGER PRIMARY KEY,
    id       TEXT   NOT NULL UNIQUE,
    receiver TEXT   NOT NULL,
    event    TEXT   NOT NULL,
    profile  TEXT   NOT NULL,
    attempt  TEXT   NOT NULL,
    ca       TEXT   NOT NULL,
    serial   TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    occurred BIGINT NOT NULL,
    state    TEXT   NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    tries    BIGINT NOT NULL DEFAULT 0,
    next_try BIGINT NOT NULL,
    changed  BIGINT NOT NULL,
    problem  TEXT   NOT NULL DEFAULT '',
    since    BIGINT NOT NULL
);
-- What is due, and the figures of what waits, without a look at the rows.
CREATE INDEX notifications_due ON notifications (state, receiver, next_try, since);
CREATE INDEX notifications_by_change ON notifications (state, changed);

-- By what kind of challenge an attempt claimed its right, or 'renewal'; empty for attempts of before this version.
ALTER TABLE attempts ADD COLUMN challenge_kind TEXT NOT NULL DEFAULT '';
)sql"
