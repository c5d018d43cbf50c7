-- Calls and what happened in them. Moments are microseconds since the start of the gateway that took the call; times on
-- the calendar are milliseconds since 1970 UTC. Columns that hold personal words are NULL once text retention has passed.
CREATE TABLE calls (
    id                   TEXT PRIMARY KEY,      -- 32 hex digits
    began_ms             INTEGER NOT NULL,      -- calendar
    began_us             INTEGER NOT NULL,      -- moment
    ended_us             INTEGER,               -- moment; NULL while the call goes on
    caller               TEXT,                  -- personal
    dialled              TEXT NOT NULL,
    flow                 TEXT NOT NULL,
    flow_hash            TEXT NOT NULL,
    consent              INTEGER,               -- 1 given, 0 refused, NULL never asked
    disposition          TEXT,                  -- one word
    disposition_json     TEXT,                  -- the whole Disposition
    fault                TEXT,                  -- one word
    request_to_person_ms INTEGER,
    audio_removed        INTEGER NOT NULL DEFAULT 0,
    text_removed         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX calls_by_time ON calls (began_ms);

CREATE TABLE turns (
    call               TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    turn               INTEGER NOT NULL,
    at_us              INTEGER NOT NULL,
    node               TEXT NOT NULL,
    heard              TEXT,                    -- personal
    heard_by           TEXT NOT NULL,
    heard_confidence   REAL NOT NULL,
    meaning            TEXT,
    meaning_confidence REAL NOT NULL,
    slots              TEXT,                    -- personal, JSON object
    answer             TEXT,                    -- personal
    sensitive          INTEGER NOT NULL,
    PRIMARY KEY (call, turn)
) STRICT;

CREATE TABLE utterances (
    call       TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    utterance  INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    text       TEXT,                            -- personal
    confidence REAL NOT NULL,
    engine     TEXT,
    rejected   TEXT,
    meaning    TEXT,
    cpu_ms     INTEGER NOT NULL,
    sensitive  INTEGER NOT NULL,
    PRIMARY KEY (call, utterance)
) STRICT;

CREATE TABLE decisions (
    id    INTEGER PRIMARY KEY,
    call  TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at_us INTEGER NOT NULL,
    what  TEXT NOT NULL,
    why   TEXT                                  -- may quote the caller: personal
) STRICT;
CREATE INDEX decisions_by_call ON decisions (call);

CREATE TABLE attempts (
    id      INTEGER PRIMARY KEY,
    call    TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at_us   INTEGER NOT NULL,
    target  TEXT NOT NULL,
    method  TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_call ON attempts (call);

CREATE TABLE messages (
    id        INTEGER PRIMARY KEY,
    call      TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at_us     INTEGER NOT NULL,
    speech_ms INTEGER NOT NULL,
    because   TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_call ON messages (call);

-- Hand-over cards under the SHA-256 of their reference, so that looking one up compares hashes, never secrets.
CREATE TABLE cards (
    reference_hash TEXT PRIMARY KEY,
    call           TEXT NOT NULL,
    valid_until_ms INTEGER NOT NULL,
    card           TEXT NOT NULL                -- personal, JSON
) STRICT;
CREATE INDEX cards_by_call ON cards (call);

-- Calls that were deleted by hand: a call that was still going on may write files afterwards; the retention job removes
-- them again.
CREATE TABLE deleted_calls (
    id         TEXT PRIMARY KEY,
    began_ms   INTEGER NOT NULL,
    deleted_ms INTEGER NOT NULL
) STRICT;
