//! Arguments to one function per command to an exit code.

mod check;
