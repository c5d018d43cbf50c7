-- People who are called back instead of waiting on the line.
CREATE TABLE call_backs (
    id            TEXT PRIMARY KEY,             -- random, ours
    call          TEXT NOT NULL,                -- the call in which it was asked for and the number confirmed
    queue         TEXT NOT NULL,
    flow          TEXT NOT NULL,
    asked_ms      INTEGER NOT NULL,             -- calendar
    since_ms      INTEGER NOT NULL,             -- calendar: since when the place counts
    not_before_ms INTEGER NOT NULL,             -- calendar: not called before this
    tries         INTEGER NOT NULL,
    state         TEXT NOT NULL,                -- waiting, served, not_reached, not_wanted, expired, replaced
    outcome       TEXT,                         -- how the last try went
    closed_ms     INTEGER,                      -- calendar; NULL = waiting
    number        TEXT,                         -- personal
    wish          TEXT                          -- personal: ticket and card, JSON; only while it waits
) STRICT;
CREATE INDEX call_backs_waiting ON call_backs (state, asked_ms);
