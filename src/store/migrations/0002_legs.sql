-- The audio of a call's legs: one row each, written when the leg is closed.
CREATE TABLE legs (
    id            INTEGER PRIMARY KEY,
    call          TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    leg           TEXT NOT NULL,                -- caller, or agent with the number of the attempt
    codec         TEXT,                         -- NULL when nothing was agreed
    encrypted     INTEGER NOT NULL,
    packets_in    INTEGER NOT NULL,
    packets_out   INTEGER NOT NULL,
    lost          INTEGER NOT NULL,
    late          INTEGER NOT NULL,
    discarded     INTEGER NOT NULL,
    jitter_us     INTEGER NOT NULL,
    buffer_ms     INTEGER NOT NULL,             -- what the jitter buffer aimed at
    round_trip_ms INTEGER,                      -- NULL when the far end never reported
    mos           REAL,                         -- what we heard, 1 to 4.5; NULL when nothing came
    far_lost      INTEGER,                      -- what the far end reported of our audio
    far_jitter_us INTEGER,
    far_mos       REAL,
    one_way       TEXT                          -- nothing_in, nothing_out, or NULL
) STRICT;
CREATE INDEX legs_by_call ON legs (call);
