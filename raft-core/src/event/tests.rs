use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::id_set::IdSet;

/// One of each level.
const EVENTS: [(Event<'_>, Level); 4] = [
    (Event::AlreadyLeader { id: 1 }, Level::Debug),
    (Event::BecameFollower { id: 1, term: 2 }, Level::Info),
    (Event::QuorumNotActive { id: 1 }, Level::Warn),
    (Event::ForgetLeaderIgnored, Level::Error),
];

/// Counts what it is told, and wants to be told everything.
#[derive(Debug, Default)]
struct Counter {
    events: u32,
    steps: u32,
}

impl Observer for Counter {
    fn on_event(&mut self, _: &Event<'_>) {
        self.events += 1;
    }

    fn wants_steps(&self) -> bool {
        true
    }

    fn on_step(&mut self, _: &StepState<'_>, _: ProtocolStep<'_>) {
        self.steps += 1;
    }
}

/// Counts lines by level.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<[AtomicU32; 7]>);

impl Lines {
    fn counts(&self, levels: &[slog::Level]) -> Vec<u32> {
        levels.iter().map(|level| self.0[level.as_usize()].load(Ordering::Relaxed)).collect()
    }
}

impl slog::Drain for Lines {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, line: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<(), slog::Never> {
        self.0[line.level().as_usize()].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn an_event_matters_as_much_as_in_etcd() {
    for (event, level) in EVENTS {
        assert_eq!(event.level(), level, "{event}");
    }
}

#[test]
fn a_logger_gets_each_event_at_its_level() {
    let lines = Lines::default();
    let mut observer = SlogObserver::new(slog::Logger::root(lines.clone(), slog::o!()));
    for (event, level) in EVENTS {
        // A build may leave these out of every logger.
        if level != Level::Debug {
            observer.on_event(&event);
        }
    }
    use slog::Level::{Critical, Error, Info, Trace, Warning};
    assert_eq!(lines.counts(&[Critical, Error, Warning, Info, Trace]), [0, 1, 1, 1, 0]);
}

#[test]
fn a_borrowed_observer_is_told_the_same() {
    fn tell(mut observer: impl Observer) -> bool {
        let nobody = IdSet::new();
        let (term, vote, commit, last_index) = (0, 0, 0, 0);
        let (incoming, outgoing) = (&nobody, &nobody);
        let state = StepState { id: 1, term, vote, commit, last_index, incoming, outgoing };
        observer.on_event(&Event::AlreadyLeader { id: 1 });
        observer.on_step(&state, ProtocolStep::Started);
        observer.on_step(&state, ProtocolStep::HandedOut);
        observer.wants_steps()
    }
    let mut counter = Counter::default();
    assert!(tell(&mut counter), "it wants the steps");
    assert_eq!((counter.events, counter.steps), (1, 2));
    assert!(!tell(&mut SlogObserver::discard()), "nobody wants them who does not say so");
}
