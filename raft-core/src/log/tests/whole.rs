//! All of it, beside a log that is simple.

use super::*;

#[test]
fn a_digest_moves_with_each_part_of_the_log_and_not_with_its_storage() {
    type Change = fn(&mut RaftLog<MemoryStorage>);
    let changes: [(&str, Change); 12] = [
        ("recent entries", |log| log.recent.end_at(2)),
        ("unstable entries", |log| log.unstable.push(Entry::new(1, 7, ""))),
        ("in-progress mark", |log| log.unstable.accept_in_progress()),
        ("last term", |log| log.last.term += 1),
        ("last index", |log| log.last.index += 1),
        ("commit index", |log| log.committed += 1),
        ("applying index", |log| log.applying += 1),
        ("applied index", |log| log.applied += 1),
        ("limit", |log| log.max_applying_size += 1),
        ("bytes out", |log| log.applying_size += 1),
        ("pause", |log| log.applying_paused = true),
        ("fetch", |log| log.apply_fetch = true),
    ];
    let base = committed_log(100);
    let mut seen = vec![digest(&base)];
    for (what, change) in changes {
        let mut log = base.clone();
        change(&mut log);
        let digest = digest(&log);
        assert!(!seen.contains(&digest), "{what}");
        seen.push(digest);
    }
    let mut other_storage = base.clone();
    other_storage.storage_mut().append(&entries(5, &[1])).unwrap();
    assert_eq!(digest(&other_storage), digest(&base));
}

#[test]
fn a_snapshot_that_ends_where_the_log_does_replaces_what_is_at_hand() {
    let mut log = RaftLog::new(MemoryStorage::new(), u64::MAX, u64::MAX).unwrap();
    for entry in entries(1, &[1, 1, 1]) {
        log.push(entry);
    }
    log.accept_unstable();
    log.storage_mut().append(&entries(1, &[1, 1, 1])).unwrap();
    log.stable_to(EntryId::new(1, 3), &mut Recorder::default());
    log.restore(snapshot(3, 2), &mut Recorder::default());
    log.accept_unstable();
    log.storage_mut().apply_snapshot(snapshot(3, 2)).unwrap();
    log.stable_snapshot_to(3);
    log.push(Entry::new(2, 4, ""));
    assert_eq!([2, 3, 4].map(|index| log.term(index).unwrap()), [None, Some(2), Some(2)]);
}

/// What a log is, without a storage: where it was cut, and the terms after that.
#[derive(Debug)]
struct Twin {
    before: EntryId,
    terms: Vec<u64>,
    committed: u64,
    applied: u64,
    applying: u64,
}

impl Twin {
    fn last(&self) -> u64 {
        self.before.index + self.terms.len() as u64
    }

    fn term(&self, index: u64) -> Option<u64> {
        if index == self.before.index {
            return Some(self.before.term);
        }
        let at = index.checked_sub(self.before.index + 1)?;
        self.terms.get(at as usize).copied()
    }

    fn truncate_after(&mut self, index: u64) {
        self.terms.truncate((index - self.before.index) as usize);
    }

    fn cut(&mut self, index: u64) {
        let before = EntryId::new(self.term(index).unwrap(), index);
        self.terms.drain(..(index - self.before.index) as usize);
        self.before = before;
    }
}

/// What happens to a log. Places are counted from what they may be at least, and cut to what they
/// may be at most.
#[derive(Clone, Debug)]
enum Op {
    /// A leader makes entries.
    Push {
        count: usize,
    },
    /// A leader sends entries: `known` that are here already after one at or after the commit
    /// index, then `new` ones of its own term.
    Append {
        prev: u64,
        known: usize,
        new: usize,
        commit: u64,
    },
    /// A leader's slice after an entry that is not here.
    Mismatch {
        prev: u64,
    },
    Commit(u64),
    /// What is unstable is handed out and written, and is acknowledged some time later.
    Write,
    Acknowledge,
    Take(AllowUnstable),
    Applied(u64),
    Compact(u64),
    Release(u64),
    Restore {
        beyond: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0u64..10;
    prop_oneof![
        4 => (1usize..4).prop_map(|count| Op::Push { count }),
        6 => (n(), 0usize..4, 0usize..4, n())
            .prop_map(|(prev, known, new, commit)| Op::Append { prev, known, new, commit }),
        1 => n().prop_map(|prev| Op::Mismatch { prev }),
        3 => n().prop_map(Op::Commit),
        4 => Just(Op::Write),
        4 => Just(Op::Acknowledge),
        3 => prop_oneof![Just(AllowUnstable::Yes), Just(AllowUnstable::No)].prop_map(Op::Take),
        3 => n().prop_map(Op::Applied),
        2 => n().prop_map(Op::Compact),
        1 => n().prop_map(Op::Release),
        1 => (0u64..4).prop_map(|beyond| Op::Restore { beyond }),
    ]
}

/// An entry whose payload follows from its place, so that its size does too.
fn entry(term: u64, index: u64) -> Entry {
    Entry::new(term, index, vec![b'x'; ((term + index) % 5) as usize])
}

/// The log and its storage under random operations, beside a twin.
struct Run {
    log: RaftLog<MemoryStorage>,
    twin: Twin,
    /// What was written and not acknowledged: a snapshot, and the last entry.
    written: VecDeque<(u64, EntryId)>,
    /// What was handed out to be applied and not acknowledged.
    out: VecDeque<Entry>,
    paused: bool,
    term: u64,
    max_recent: u64,
}

const MAX_APPLYING: u64 = 20;

impl Run {
    fn new(max_recent: u64) -> Self {
        Self {
            log: RaftLog::new(MemoryStorage::new(), MAX_APPLYING, max_recent).unwrap(),
            twin: Twin {
                before: EntryId::default(),
                terms: Vec::new(),
                committed: 0,
                applied: 0,
                applying: 0,
            },
            written: VecDeque::new(),
            out: VecDeque::new(),
            paused: false,
            term: 0,
            max_recent,
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), TestCaseError> {
        // Each step is a term of its own, so that no two entries have the same id.
        self.term += 1;
        let Self { log, twin, term, .. } = self;
        match *op {
            Op::Push { count } => {
                for _ in 0..count {
                    log.push(entry(*term, twin.last() + 1));
                    twin.terms.push(*term);
                }
            }
            Op::Append { prev, known, new, commit } => self.append(prev, known, new, commit)?,
            Op::Mismatch { prev } => {
                let index = twin.committed + prev;
                let slice = LogSlice {
                    term: *term,
                    prev: EntryId::new(*term, index),
                    entries: Entries::from(entry(*term, index + 1)),
                };
                let before = digest(log);
                let taken = log.maybe_append(slice, index, &mut Recorder::default()).unwrap();
                prop_assert_eq!(taken, None);
                prop_assert_eq!(digest(log), before);
            }
            Op::Commit(by) => {
                log.commit_to(twin.committed + by);
                twin.committed = twin.last().min(twin.committed + by);
            }
            Op::Write => self.write(),
            Op::Acknowledge => self.acknowledge(),
            Op::Take(allow_unstable) => self.take(allow_unstable)?,
            Op::Applied(count) => self.applied(count as usize),
            Op::Compact(by) => {
                let index = twin.applied.min(twin.before.index + by);
                let held = index < log.unstable().offset() && log.unstable().snapshot().is_none();
                if held && log.storage_mut().compact(index).is_ok() {
                    twin.cut(index);
                }
            }
            Op::Release(by) => log.release(twin.before.index + by),
            // It reaches beyond what is committed, and may end where the log does.
            Op::Restore { beyond } if twin.last() + beyond > twin.committed => {
                let index = twin.last() + beyond;
                log.restore(snapshot(index, *term), &mut Recorder::default());
                twin.before = EntryId::new(*term, index);
                twin.terms.clear();
                twin.committed = index;
            }
            Op::Restore { .. } => {}
        }
        self.check()
    }

    fn append(
        &mut self,
        prev: u64,
        known: usize,
        new: usize,
        commit: u64,
    ) -> Result<(), TestCaseError> {
        let Self { log, twin, term, .. } = self;
        let prev = twin.last().min(twin.committed + prev);
        let last_known = twin.last().min(prev + known as u64);
        let last_new = last_known + new as u64;
        let term_at =
            |index: u64| if index > last_known { *term } else { twin.term(index).unwrap() };
        let slice = LogSlice {
            term: *term,
            prev: EntryId::new(term_at(prev), prev),
            entries: (prev + 1..=last_new).map(|index| entry(term_at(index), index)).collect(),
        };
        let taken = log.maybe_append(slice, commit, &mut Recorder::default()).unwrap();
        prop_assert_eq!(taken, Some(last_new));
        if new > 0 {
            twin.truncate_after(last_known);
            twin.terms.extend(vec![*term; new]);
        }
        twin.committed = twin.committed.max(commit.min(last_new));
        Ok(())
    }

    fn write(&mut self) {
        let entries = self.log.unstable().next_entries();
        let snapshot = self.log.unstable().next_snapshot().cloned();
        self.log.accept_unstable();
        let index = snapshot.as_ref().map_or(0, Snapshot::index);
        if let Some(snapshot) = snapshot {
            self.log.storage_mut().apply_snapshot(snapshot).unwrap();
        }
        self.log.storage_mut().append(&entries).unwrap();
        let last = entries.last().map(EntryId::of).unwrap_or_default();
        self.written.push_back((index, last));
    }

    fn acknowledge(&mut self) {
        let Some((snapshot, last)) = self.written.pop_front() else { return };
        if last.index > 0 {
            self.log.stable_to(last, &mut Recorder::default());
        }
        if snapshot > 0 {
            self.log.stable_snapshot_to(snapshot);
            let index = snapshot.max(self.twin.applied);
            self.log.applied_to(index, 0);
            self.twin.applied = index;
            self.twin.applying = self.twin.applying.max(index);
            self.paused = entries_encoded_size(&self.out) >= MAX_APPLYING;
        }
    }

    fn take(&mut self, allow_unstable: AllowUnstable) -> Result<(), TestCaseError> {
        let Self { log, twin, out, paused, .. } = self;
        let stable = match allow_unstable {
            AllowUnstable::Yes => u64::MAX,
            AllowUnstable::No => log.unstable().offset() - 1,
        };
        let high = twin.committed.min(stable);
        let mut expected = Vec::new();
        if log.unstable().snapshot().is_none() && !*paused {
            for index in twin.applying + 1..=high {
                let next = entry(twin.term(index).unwrap(), index);
                let size = entries_encoded_size(out.iter().chain(&expected).chain([&next]));
                if size > MAX_APPLYING && !expected.is_empty() {
                    break;
                }
                expected.push(next);
            }
        }
        prop_assert_eq!(log.has_next_committed(allow_unstable), !expected.is_empty());
        let taken = log.take_committed(allow_unstable).unwrap();
        prop_assert!(taken.iter().eq(&expected), "{:?} instead of {:?}", taken, expected);
        if let Some(last) = expected.last() {
            twin.applying = last.index;
            out.extend(expected);
            *paused = entries_encoded_size(out.iter()) >= MAX_APPLYING || twin.applying < high;
        }
        Ok(())
    }

    /// The application acknowledges the first `count` of what it was given.
    fn applied(&mut self, count: usize) {
        let done: Vec<Entry> = self.out.drain(..count.min(self.out.len())).collect();
        let Some(last) = done.last() else { return };
        // Something later may have been applied since, with a snapshot.
        let index = self.twin.applied.max(last.index);
        self.log.applied_to(index, entries_encoded_size(&done));
        self.twin.applied = index;
        self.paused = entries_encoded_size(&self.out) >= MAX_APPLYING;
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Self { log, twin, .. } = self;
        prop_assert_eq!(log.last_index(), twin.last());
        prop_assert_eq!(Some(log.last_id().term), twin.term(twin.last()));
        prop_assert_eq!(log.first_index().unwrap(), twin.before.index + 1);
        prop_assert_eq!(log.committed(), twin.committed);
        prop_assert_eq!((log.applying(), log.applied()), (twin.applying, twin.applied));
        prop_assert!(twin.applied <= twin.applying && twin.applying <= twin.committed);
        prop_assert!(twin.committed <= twin.last());

        let unstable = log.unstable();
        prop_assert!(unstable.offset() <= unstable.in_progress_to());
        prop_assert!(unstable.in_progress_to() <= twin.last() + 1);
        prop_assert_eq!(unstable.run().next(), twin.last() + 1);

        prop_assert_eq!(log.recent.run().next(), unstable.offset());

        // What is at hand is known also when the storage has forgotten it.
        let known = if self.max_recent == 0 { 2 } else { 0 };
        for index in twin.before.index.saturating_sub(known)..twin.last() + 3 {
            prop_assert_eq!(log.term(index).unwrap(), twin.term(index), "term of {}", index);
        }
        let mut out = Entries::new();
        let first = twin.before.index + 1;
        log.entries_from(first, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
        let all: Vec<Entry> = (first..).zip(&twin.terms).map(|(i, &term)| entry(term, i)).collect();
        prop_assert!(out.iter().eq(&all), "{:?} instead of {:?}", out, all);
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_log_behaves_like_a_list_of_terms(
        ops in prop::collection::vec(op(), 1..80),
        max_recent in prop_oneof![2 => Just(0), 2 => 1u64..60, 1 => Just(u64::MAX)],
    ) {
        let mut run = Run::new(max_recent);
        for op in &ops {
            run.step(op)?;
        }
    }
}
