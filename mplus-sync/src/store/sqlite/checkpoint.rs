//! Moves what was written from the log into the file.
//!
//! SQLite does so at the end of a commit that made the log long, and the caller waits for it. Here it is done after the call was
//! answered: whoever writes works on meanwhile.

use std::cell::Cell;

use rusqlite::Connection;

/// From this many pages on the log is moved: 2 MB.
const DUE: i32 = 500;

thread_local! {
    /// Pages in the log after the last commit. A connection has a thread of its own.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Has the thread of this connection move the log by [`when_due`], and nobody else.
pub(super) fn after_answers(connection: &Connection) {
    // Takes the place of the automatic way.
    connection.wal_hook(Some(|_, pages| {
        PAGES.set(pages);
        Ok(())
    }));
}

/// Moves the log when it is long. Waits for nobody: what others still read stays in it, and is moved the next time.
pub(super) fn when_due(connection: &Connection) {
    if PAGES.get() < DUE {
        return;
    }
    PAGES.set(0);
    // Where this fails nothing is lost: the next commit is followed by another attempt.
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
