//! What it costs to look at a message before anything changes, beside what it costs to handle it.
//!
//! A message whose last entry is out of place is looked at from end to end and refused; the same
//! message without the fault is looked at, appended, persisted and acknowledged.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use raft_core::proto::{ConfState, Entries, Entry, Message, MessageType};
use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};

const ENTRIES: u64 = 64;

fn follower() -> RawNode<MemoryStorage> {
    let storage = MemoryStorage::with_conf_state(ConfState::new([1, 2, 3], []));
    let config = Config::new(1);
    RawNode::with_observer(config, storage, SlogObserver::discard()).expect("a valid node")
}

/// An append after `prev`, whose last entry is `skip` indexes out of place.
fn append(prev: u64, skip: u64) -> Message {
    let payload = Bytes::from(vec![0; 256]);
    let entries: Entries = (1..=ENTRIES)
        .map(|at| {
            let index = prev + at + if at == ENTRIES { skip } else { 0 };
            Entry { term: 1, index, data: payload.clone(), ..Entry::default() }
        })
        .collect();
    let log_term = u64::from(prev > 0);
    Message {
        from: 2,
        to: 1,
        term: 1,
        log_term,
        index: prev,
        entries,
        ..Message::new(MessageType::MsgApp)
    }
}

fn work(node: &mut RawNode<MemoryStorage>) {
    while node.has_ready() {
        let ready = node.ready().expect("the last one was advanced");
        let storage = node.storage_mut();
        storage.append(ready.entries()).expect("entries follow the log");
        if let Some(hard_state) = ready.hard_state() {
            storage.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        done.take_messages().for_each(drop);
        node.advance(done).expect("its own batch");
    }
}

fn gate(c: &mut Criterion) {
    let mut suite = c.benchmark_group("append_64x256B");
    suite.throughput(Throughput::Elements(ENTRIES));
    suite.bench_function("looked_at_and_refused", |b| {
        let mut node = follower();
        node.step(append(0, 0)).expect("an honest message");
        work(&mut node);
        // The entries outlive the message, as they do when they are appended.
        let faulty = append(ENTRIES, 1);
        b.iter_batched(
            || faulty.clone(),
            |message| assert!(node.step(message).is_err()),
            BatchSize::SmallInput,
        );
    });
    suite.bench_function("handled", |b| {
        let mut node = follower();
        let mut last = 0;
        b.iter_batched(
            || {
                last += ENTRIES;
                append(last - ENTRIES, 0)
            },
            |message| {
                node.step(message).expect("an honest message");
                work(&mut node);
            },
            BatchSize::SmallInput,
        );
    });
    suite.finish();
}

criterion_group!(benches, gate);
criterion_main!(benches);
