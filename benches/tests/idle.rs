//! What a group with nothing to do takes, in what can be counted.

use allocation_counter::measure;
use benches::idle::{Idle, Ours};
use slog::Logger;

/// Bytes of a follower in a group of three: itself, and what it has allocated.
fn bytes_of_a_group() -> usize {
    let logger = Logger::root(slog::Discard, slog::o!());
    let mut follower = None;
    let counted = measure(|| follower = Some(Ours::new(1, &logger)));
    drop(follower);
    size_of::<Ours>() + usize::try_from(counted.bytes_current).expect("it frees only its own")
}

#[test]
fn a_group_takes_little_memory() {
    let bytes = bytes_of_a_group();
    assert!(bytes <= 700, "{bytes}");
}
