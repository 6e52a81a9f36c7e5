//! The statements that the writer runs for every message, prepared once.
//!
//! rusqlite's own cache looks a statement up by its whole text, copies that text, and sorts by last use: for the dozen
//! statements of a message that is as much work as one of them. A literal has one place in memory for the life of the
//! process, so its address and length name it as well.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension, Params, Row, Statement};

use crate::error::Failure;

/// Prepared statements of a connection.
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    prepared: RefCell<HashMap<(usize, usize), Statement<'c>>>,
}

impl<'c> Statements<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: RefCell::default() }
    }

    fn with<T>(
        &self,
        sql: &'static str,
        run: impl FnOnce(&mut Statement<'c>) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let mut prepared = self.prepared.borrow_mut();
        let statement = match prepared.entry((sql.as_ptr().addr(), sql.len())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.connection.prepare(sql)?),
        };
        Ok(run(statement)?)
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &'static str, values: impl Params) -> Result<usize, Failure> {
        self.with(sql, |statement| statement.execute(values))
    }

    /// The first row that a query finds.
    pub(crate) fn first<T>(
        &self,
        sql: &'static str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        self.with(sql, |statement| statement.query_row(values, read).optional())
    }

    /// All rows that a query finds.
    pub(crate) fn all<T>(
        &self,
        sql: &'static str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Failure> {
        self.with(sql, |statement| statement.query_map(values, read)?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_run_again_with_other_values() {
        let connection = Connection::open_in_memory().unwrap();
        let statements = Statements::new(&connection);
        statements.execute("CREATE TABLE t (a INTEGER)", []).unwrap();
        for a in 1..=3 {
            assert_eq!(statements.execute("INSERT INTO t (a) VALUES (?)", [a]).unwrap(), 1);
        }
        let first = |a: i64| statements.first("SELECT a FROM t WHERE a > ? ORDER BY a", [a], |row| row.get(0)).unwrap();
        assert_eq!([first(0), first(2), first(3)], [Some(1_i64), Some(3), None]);
        let all: Vec<i64> = statements.all("SELECT a FROM t ORDER BY a DESC", [], |row| row.get(0)).unwrap();
        assert_eq!(all, [3, 2, 1]);
        assert_eq!(statements.prepared.borrow().len(), 4);
    }

    #[test]
    fn a_statement_that_failed_is_no_obstacle_to_the_next() {
        let connection = Connection::open_in_memory().unwrap();
        let statements = Statements::new(&connection);
        statements.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)", []).unwrap();
        let insert = |a: i64| statements.execute("INSERT INTO t (a) VALUES (?)", [a]);
        assert!(insert(1).is_ok() && insert(1).is_err() && insert(2).is_ok());
    }
}
