-- What the queues know that a restart must not take from anybody: who is in line, who served a caller last, and what was learned of waits.
CREATE TABLE lines (
    call          TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    queue         TEXT NOT NULL,
    caller        TEXT NOT NULL,                -- a hash of the number; personal
    since_ms      INTEGER NOT NULL,             -- calendar: since when the place counts
    talking       INTEGER NOT NULL,             -- 1 = an agent was on the line
    abusive       INTEGER NOT NULL,             -- 1 = the caller was
    kept_until_ms INTEGER                       -- calendar; NULL = the call goes on
) STRICT;
CREATE TABLE last_agents (
    caller TEXT PRIMARY KEY,                    -- a hash of the number; personal
    agent  TEXT NOT NULL,
    call   TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at_ms  INTEGER NOT NULL                     -- calendar
) STRICT;
CREATE INDEX last_agents_by_call ON last_agents (call);
CREATE TABLE learned (
    name  TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,                     -- calendar
    body  TEXT NOT NULL                         -- JSON
) STRICT;
