-- What people are to look after: records that are not true, cases in which nobody has said what is to be done.
CREATE TABLE tasks (
    id      INTEGER PRIMARY KEY,
    call    TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at_us   INTEGER NOT NULL,                   -- moment
    kind    TEXT NOT NULL,                      -- wrong_data, unclear_process
    what    TEXT,                               -- NULL once text retention has passed, as are the next two
    old     TEXT,
    new     TEXT,
    done_ms INTEGER                             -- calendar; NULL = open
) STRICT;
CREATE INDEX tasks_open ON tasks (id) WHERE done_ms IS NULL;
CREATE INDEX tasks_call ON tasks (call);
