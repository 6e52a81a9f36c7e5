//! What a backlog of a million messages costs at start: opening, finding the lanes, reading the first of each.

use std::path::PathBuf;

use divan::Bencher;
use rusqlite::Connection;
use tieline_core::outbox::Outbox;
use tieline_outbox::SqliteOutbox;

const MESSAGES: i64 = 1_000_000;
const ROOMS: i64 = 16;

fn main() {
    divan::main();
}

/// A file with a million unsettled deliveries in sixteen lanes, written without the outbox to save time.
fn backlog() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = dir.path().join("outbox.sqlite");
    drop(SqliteOutbox::open(&path).expect("an outbox"));
    let event = r#"{"instance":"a","platform":"p","channel":"r","address":{},"message_id":"m","time":"2026-01-01T00:00:00Z",
        "author":{"id":"u"},"body":{"message":{"text":[{"line":[{"text":"the quick brown fox jumps over the lazy dog"}]}]}}}"#;
    let frame = r#"{"rule":"r","target":{"instance":"b","key":"x"},"address":{"room_id":"x"},"format":"{msg}"}"#;
    let fill = Connection::open(&path).expect("the file");
    fill.execute_batch(&format!(
        "PRAGMA synchronous = OFF; BEGIN;
         INSERT INTO frames (id, name, json) VALUES (1, x'01', '{frame}');
         INSERT INTO channels (id, instance, key) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n \
           WHERE i < {ROOMS} * 2) SELECT i, 'a', 'room' || i FROM n;
         INSERT INTO lanes (id, source, target) SELECT id, id, id + {ROOMS} FROM channels WHERE id <= {ROOMS};
         CREATE TEMP TABLE numbers AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n \
           WHERE i < {MESSAGES}) SELECT i FROM n;
         INSERT INTO events (seq, state, channel, received, key, message_id, incomplete, files, first, deliveries)
           SELECT i, 0, 1, 0, randomblob(24), 'm' || i, 0, 0, i, 1 FROM numbers;
         INSERT INTO bodies (seq, json) SELECT i, '{event}' FROM numbers;
         INSERT INTO ids (key, seq) SELECT key, seq FROM events ORDER BY key;
         INSERT INTO deliveries (id, seq, lane, position, frame) SELECT i, i, 1 + i % {ROOMS}, i, 1 FROM numbers;
         UPDATE outbox SET next_event = {MESSAGES} + 1, next_delivery = {MESSAGES} + 1, planned = {MESSAGES}, \
           pending = {MESSAGES};
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    ))
    .expect("rows");
    (dir, path)
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn start(bencher: Bencher) {
    let (_dir, path) = backlog();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    bencher.bench_local(|| {
        runtime.block_on(async {
            let outbox = SqliteOutbox::open(&path).expect("an outbox");
            let lanes = outbox.pending_lanes().await.expect("the lanes");
            assert_eq!(lanes.len() as i64, ROOMS);
            for (lane, _) in lanes {
                assert_eq!(outbox.pending(lane, None, 100).await.expect("deliveries").len(), 100);
            }
            outbox.close(true).await.expect("closed");
        });
    });
}
