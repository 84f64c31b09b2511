R"sql(
-- Version 2. An account's own limit of outstanding challenges is counted at each mint.
CREATE INDEX challenges_by_creator ON challenges (created_by, state, expires);
)sql"
