//! The file and the collector get every document, and say what they lost.

use std::fs;
use std::sync::Barrier;

use parking_lot::Mutex;

use super::*;
use crate::emit::counters::Counters;
use crate::emit::counters::DropReason;
use crate::emit::sinks::Sinks;
use crate::emit::testing::ManualClock;
use crate::emit::testing::document;
use crate::emit::testing::own_id;
use crate::emit::testing::segment;
use crate::trace::site::Surroundings;

const SOON: Duration = Duration::from_secs(10);

fn batch(ids: impl Iterator<Item = u64>) -> Batch {
    let mut batch = Batch::default();
    for id in ids {
        batch.encode(document(id), &Surroundings::default());
    }
    batch
}

fn clock() -> Arc<ManualClock> {
    Arc::default()
}

/// A consumer and what it has been shown.
fn collector() -> (Consumer, Arc<Mutex<Vec<u64>>>) {
    let seen = Arc::<Mutex<Vec<u64>>>::default();
    let shown = Arc::clone(&seen);
    (Box::new(move |document| shown.lock().push(own_id(document))), seen)
}

#[test]
fn file_and_collector_get_every_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.jsonl");
    fs::write(&path, "{\"id\":\"0000000000000063\"}\n").unwrap();
    let (consumer, seen) = collector();
    let (sender, handle) =
        start(Some(&LinesTo::File(path.clone())), Some(consumer), clock()).unwrap();
    let file = Arc::clone(handle.file_counters().unwrap());
    // Another worker.
    let other = sender.clone();
    assert_eq!(sender.offer(&batch(1..=500)).documents, 500);
    assert_eq!(other.offer(&batch(501..=502)).documents, 2);
    drop((sender, other));
    assert!(handle.join(SOON));
    let text = fs::read_to_string(&path).unwrap();
    let ids: Vec<_> = text.lines().map(|line| own_id(line.as_bytes())).collect();
    assert_eq!(ids, [0x63].into_iter().chain(1..=502).collect::<Vec<_>>(), "appended, in order");
    assert_eq!(*seen.lock(), (1..=502).collect::<Vec<_>>());
    assert_eq!((file.written(), file.dropped()), (502, 0));
}

#[test]
fn a_file_that_cannot_be_opened_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let to = LinesTo::File(folder.path().into());
    let error = start(Some(&to), None, clock()).unwrap_err();
    assert!(matches!(&error, StartError::Open { path, .. } if path == folder.path()), "{error}");
}

#[test]
fn a_file_that_fails_is_opened_again_after_a_while() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.jsonl");
    let counters = Arc::<FileCounters>::default();
    // A device that refuses every write.
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let to = LinesTo::File(path.clone());
    let mut file = JsonLines::open(&to, Arc::clone(&clock) as _, Arc::clone(&counters)).unwrap();
    let chunk = Chunk { lines: b"{}\n".to_vec(), documents: 1 };
    file.append(&chunk);
    fs::remove_file(&path).unwrap();
    clock.advance(4);
    file.append(&chunk);
    assert_eq!((counters.written(), counters.dropped()), (0, 2), "not tried again in haste");
    clock.advance(1);
    file.append(&chunk);
    file.append(&chunk);
    assert_eq!((counters.written(), counters.dropped()), (2, 2));
    assert_eq!(fs::read_to_string(&path).unwrap(), "\n{}\n{}\n", "after the end of a torn line");
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("lines"), folder.path().join("lines.1"));
    let counters = Arc::<FileCounters>::default();
    let to = LinesTo::File(path.clone());
    let mut file = JsonLines::open(&to, Arc::clone(&clock) as _, counters).unwrap();
    let mut append = |line: &str| {
        file.append(&Chunk { lines: line.as_bytes().to_vec(), documents: 1 });
    };
    append("1\n");
    fs::rename(&path, &moved).unwrap();
    append("2\n");
    clock.advance(1);
    append("3\n");
    assert_eq!(fs::read_to_string(&moved).unwrap(), "1\n2\n", "looked at once a second");
    assert_eq!(fs::read_to_string(&path).unwrap(), "3\n");
}

#[test]
fn lines_are_handed_over_when_they_are_many_or_when_told() {
    let (chunks, handed) = mpsc::sync_channel(100);
    let lines = Lines::new(SideSender { chunks, file: None });
    lines.flush();
    lines.add(|line| line.extend_from_slice(b"one"));
    assert!(handed.try_recv().is_err(), "it waits for others");
    lines.flush();
    assert_eq!(handed.try_recv().unwrap().lines, b"one\n");
    lines.add(|line| line.resize(CHUNK, b'x'));
    assert_eq!(handed.try_recv().unwrap().documents, 1);
    lines.add(|line| line.extend_from_slice(b"last"));
    drop(lines);
    assert_eq!(handed.try_recv().unwrap().lines, b"last\n");
}

#[test]
fn a_collector_that_stalls_costs_documents_and_never_waits() {
    let gate = Arc::new(Barrier::new(2));
    let stalled = Arc::clone(&gate);
    let mut first = true;
    let consumer: Consumer = Box::new(move |_| {
        if std::mem::take(&mut first) {
            stalled.wait();
            stalled.wait();
        }
    });
    let (sender, handle) = start(None, Some(consumer), clock()).unwrap();
    let one = batch(1..=1);
    assert_eq!(sender.offer(&one).documents, 1);
    gate.wait();
    let taken = (0..WAITING + 7).filter(|_| sender.offer(&one).documents == 1).count();
    assert_eq!(taken, WAITING, "the bound");
    gate.wait();
    drop(sender);
    assert!(handle.join(SOON));
}

#[test]
fn chunks_keep_to_their_size() {
    let mut large = Batch::default();
    (0..10).for_each(|n| {
        large.encode(segment(n * 100 + 1, 10, 5_000), &Surroundings::default());
    });
    let (chunks, handed) = mpsc::sync_channel(100);
    let sender = SideSender { chunks, file: None };
    let taken = sender.offer(&large);
    drop(sender);
    let handed: Vec<Chunk> = handed.iter().collect();
    assert!(handed.len() >= 5 && handed.iter().all(|chunk| chunk.lines.len() < 2 * CHUNK));
    assert_eq!(handed.iter().map(|chunk| chunk.documents).sum::<u64>(), taken.documents);
    assert_eq!(handed.iter().map(|chunk| chunk.lines.len()).sum::<usize>(), taken.bytes);
}

#[test]
fn a_thread_that_does_not_end_is_not_waited_for() {
    let (sender, handle) = start(None, None, clock()).unwrap();
    assert!(!handle.join(Duration::ZERO), "a sender is still held");
    drop(sender);
}

#[tokio::test]
async fn the_embedded_collector_is_the_primary_target() {
    let (consumer, seen) = collector();
    let (sender, handle) = start(None, Some(consumer), clock()).unwrap();
    let counters = Counters::default();
    (1..=3).for_each(|_| counters.offer());
    let mut sinks = Sinks::embedded(sender, clock());
    sinks.send(&batch(1..=3), &counters).await;
    drop(sinks);
    assert!(handle.join(SOON));
    assert_eq!(*seen.lock(), [1, 2, 3]);
    let counts = counters.counts();
    assert_eq!((counts.sent, counts.outstanding()), (3, 0));
}

#[tokio::test]
async fn a_collector_that_is_gone_is_counted() {
    let (chunks, gone) = mpsc::sync_channel(1);
    drop(gone);
    let file = Arc::<FileCounters>::default();
    let sender = SideSender { chunks, file: Some(Arc::clone(&file)) };
    let counters = Counters::default();
    counters.offer();
    Sinks::embedded(sender, clock()).send(&batch(1..=1), &counters).await;
    let counts = counters.counts();
    assert_eq!((counts.dropped(DropReason::SideFull), counts.outstanding()), (1, 0));
    assert_eq!(file.dropped(), 1);
}
