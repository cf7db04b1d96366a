//! What a group with nothing to do takes, in what can be counted.

use allocation_counter::measure;
use benches::idle::{Idle, Ours};
use slog::Logger;

/// Bytes of a follower in a group of three, after `work`: itself, and what it has allocated.
fn bytes_after(work: impl FnOnce(&mut Ours)) -> usize {
    let logger = Logger::root(slog::Discard, slog::o!());
    let mut kept = None;
    let counted = measure(|| work(kept.insert(Ours::new(1, &logger))));
    drop(kept);
    size_of::<Ours>() + usize::try_from(counted.bytes_current).expect("it frees only its own")
}

#[test]
fn a_group_takes_little_memory() {
    let bytes = bytes_after(|_| {});
    assert!(bytes <= 700, "{bytes}");
}

#[test]
fn a_group_that_falls_asleep_takes_no_more() {
    let awake = bytes_after(Ours::follow);
    let asleep = bytes_after(|follower| {
        follower.follow();
        follower.shrink_to_fit();
    });
    assert!(asleep <= 700 && asleep < awake, "{asleep} of {awake}");
}
