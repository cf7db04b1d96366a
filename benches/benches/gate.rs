//! What it costs to look at an append before anything changes, beside what it costs to handle it.
//!
//! The gate costs at most the difference between two messages that are refused: one by its last
//! rule, one by its first. The whole is a message that goes on from the gate to a `Ready` that is
//! persisted, applied and advanced. Both come from one run, which prints their ratio at the end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use raft_core::proto::prost::Message as _;
use raft_core::proto::{ConfState, Entries, Entry, Message, MessageType};
use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};

const ENTRIES: u64 = 64;

/// Messages made ahead of the clock: few enough to be in the cache, as one that has just come in
/// is.
const AHEAD: usize = 32;

/// An append after `prev`, where all is committed.
fn append(prev: u64) -> Message {
    let payload = Bytes::from(vec![0; 256]);
    let entries: Entries = (prev + 1..=prev + ENTRIES)
        .map(|index| Entry { term: 1, index, data: payload.clone(), ..Entry::default() })
        .collect();
    Message {
        from: 2,
        to: 1,
        term: 1,
        log_term: u64::from(prev > 0),
        index: prev,
        commit: prev,
        entries,
        ..Message::new(MessageType::MsgApp)
    }
}

/// A follower, and the leader's side of it.
struct Scene {
    node: RawNode<MemoryStorage>,
    /// The last index of the leader.
    last: u64,
    /// Entries of messages that are refused. They outlive the message, as they do when it is
    /// handled.
    kept: VecDeque<Entries>,
}

impl Scene {
    /// After the first append.
    fn new() -> Self {
        let storage = MemoryStorage::with_conf_state(ConfState::new([1, 2, 3], []));
        let node = RawNode::with_observer(Config::new(1), storage, SlogObserver::discard());
        let node = node.expect("a valid node");
        let mut scene = Self { node, last: 0, kept: VecDeque::new() };
        let first = scene.next_append();
        scene.handle(first);
        scene
    }

    /// The next append. What is applied is forgotten, so that memory stays bounded.
    fn next_append(&mut self) -> Message {
        let applied = self.node.basic_status().applied;
        self.node.storage_mut().compact(applied).ok();
        let prev = self.last;
        self.last += ENTRIES;
        append(prev)
    }

    fn next_bytes(&mut self) -> Bytes {
        self.next_append().encode_to_vec().into()
    }

    /// An append whose last entry is of a later term than its leader.
    fn faulty_append(&mut self) -> Message {
        let term = |index| 1 + u64::from(index == self.last + ENTRIES);
        let append = append(self.last);
        let entries = append.entries.into_iter();
        let entries = entries.map(|entry| Entry { term: term(entry.index), ..entry });
        let message = Message { entries: entries.collect(), ..append };
        self.kept.truncate(AHEAD);
        self.kept.push_front(message.entries.clone());
        message
    }

    /// The same for another node.
    fn stray_append(&mut self) -> Message {
        Message { to: 9, ..self.faulty_append() }
    }

    fn refuse(&mut self, message: Message) {
        assert!(self.node.step(message).is_err());
    }

    fn handle(&mut self, message: Message) {
        let node = &mut self.node;
        node.step(message).expect("an honest message");
        while node.has_ready() {
            let ready = node.ready().expect("the last one was advanced");
            let storage = node.storage_mut();
            storage.append(ready.entries()).expect("entries follow the log");
            if let Some(hard_state) = ready.hard_state() {
                storage.set_hard_state(*hard_state);
            }
            let mut done = ready.persisted();
            done.take_messages().for_each(drop);
            drop(done.take_committed_entries());
            node.advance(done).expect("its own batch");
        }
    }

    fn handle_bytes(&mut self, bytes: Bytes) {
        self.handle(Message::decode(bytes).expect("what was encoded"));
    }
}

/// A benchmark of `routine` on what `input` makes. Answers the nanoseconds that it took when it was
/// disturbed least.
fn measure<T>(
    suite: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    input: fn(&mut Scene) -> T,
    routine: fn(&mut Scene, T),
) -> f64 {
    let mut scene = Scene::new();
    let mut fastest = f64::INFINITY;
    suite.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let mut elapsed = Duration::ZERO;
            for start in (0..iterations).step_by(AHEAD) {
                let count = (iterations - start).min(AHEAD as u64);
                let inputs: Vec<T> = (0..count).map(|_| input(&mut scene)).collect();
                let begun = Instant::now();
                for input in inputs {
                    routine(&mut scene, input);
                }
                let batch = begun.elapsed();
                elapsed += batch;
                fastest = fastest.min(batch.as_nanos() as f64 / count as f64);
            }
            elapsed
        });
    });
    fastest
}

fn gate(c: &mut Criterion) {
    let mut suite = c.benchmark_group("append_64x256B");
    suite.throughput(Throughput::Elements(ENTRIES));
    let suite = &mut suite;
    let at_once = measure(suite, "refused_at_once", Scene::stray_append, Scene::refuse);
    let at_last = measure(suite, "looked_at_and_refused", Scene::faulty_append, Scene::refuse);
    let handled = measure(suite, "handled", Scene::next_append, Scene::handle);
    let from_bytes = measure(suite, "handled_from_bytes", Scene::next_bytes, Scene::handle_bytes);
    let gate = at_last - at_once;
    for (whole, of) in [(handled, "handled"), (from_bytes, "handled_from_bytes")] {
        println!(
            "gate: at most {gate:.1} ns, {:.2} % of {of} ({whole:.0} ns)",
            100.0 * gate / whole
        );
    }
}

criterion_group!(benches, gate);
criterion_main!(benches);
