-- Who may use the console, who is logged in, and what they did.
CREATE TABLE users (
    name          TEXT PRIMARY KEY,             -- lower case
    display       TEXT NOT NULL,
    role          TEXT NOT NULL,                -- agent, operator, supervisor, admin
    agent         TEXT UNIQUE,                  -- whose desk this is; NULL = none
    language      TEXT,                         -- en, zh; NULL = as the browser says
    password      TEXT NOT NULL,                -- argon2id as PHC string
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL,             -- calendar
    last_login_ms INTEGER                       -- calendar; NULL = never
) STRICT;
CREATE TABLE sessions (
    hash       TEXT PRIMARY KEY,                -- SHA-256 of what the browser holds, hexadecimal
    name       TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,                -- calendar
    seen_ms    INTEGER NOT NULL                 -- calendar, to about a minute
) STRICT;
CREATE INDEX sessions_name ON sessions (name);
-- No reference to users: what somebody did stays when the account goes.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,                   -- calendar
    name    TEXT,                               -- who; NULL = nobody who was logged in
    action  TEXT NOT NULL,
    subject TEXT NOT NULL                       -- to whom or what; may be empty
) STRICT;
CREATE INDEX audit_at ON audit (at_ms);
