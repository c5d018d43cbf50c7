-- What agents leave behind after a call, and where they were when the gateway stopped.
CREATE TABLE wrapups (
    call        TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    agent       TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,               -- calendar
    disposition TEXT,                           -- one word of the configuration
    summary     TEXT,                           -- personal
    PRIMARY KEY (call, agent)
) STRICT;
CREATE TABLE presence (
    agent  TEXT PRIMARY KEY,
    state  TEXT NOT NULL,                       -- available, away, offline
    reason TEXT,
    at_ms  INTEGER NOT NULL                     -- calendar
) STRICT;
CREATE INDEX calls_by_caller ON calls (caller, began_ms);
