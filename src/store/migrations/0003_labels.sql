-- What people say that a turn meant which was not understood. The words stay in the turn, and go with it.
CREATE TABLE labels (
    call   TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    turn   INTEGER NOT NULL,
    intent TEXT NOT NULL,                       -- oos = nothing that this hotline is for
    at_ms  INTEGER NOT NULL,                    -- calendar
    PRIMARY KEY (call, turn)
) STRICT;
