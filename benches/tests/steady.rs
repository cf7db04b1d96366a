//! What replication costs once it is under way, in what can be counted.

use allocation_counter::measure;
use benches::{Cluster, Group, Member, Membership, OursAsync, OursSync, Payloads};

const BATCH: usize = 64;
const BATCHES: usize = 256;

/// Three voters that have their buffers, with what they replicate.
fn warm<M: Member>() -> (Group<M>, Payloads) {
    let (mut group, mut payloads) = (Group::new(&Membership::simple(3)), Payloads::new(256));
    for _ in 0..BATCHES {
        group.replicate(&mut payloads, BATCH);
        group.compact();
    }
    (group, payloads)
}

/// Allocations of all nodes together, without the payloads' own.
fn allocations<M: Member>() -> u64 {
    let (mut group, mut payloads) = warm::<M>();
    let counted = measure(|| {
        for _ in 0..BATCHES {
            group.replicate(&mut payloads, BATCH);
            group.compact();
        }
    });
    counted.count_total - (BATCH * BATCHES) as u64
}

#[test]
fn five_entries_share_an_allocation() {
    let entries = (BATCH * BATCHES) as u64;
    let allocations = allocations::<OursSync>();
    assert!(allocations * 5 <= entries, "{allocations} for {entries} entries");
}

/// The storage threads' messages are not given back.
#[test]
fn two_entries_share_an_allocation_when_storage_is_asynchronous() {
    let entries = (BATCH * BATCHES) as u64;
    let allocations = allocations::<OursAsync>();
    assert!(allocations * 2 <= entries, "{allocations} for {entries} entries");
}

fn reads_no_storage<M: Member>() {
    let (mut group, mut payloads) = warm::<M>();
    let before = group.storage_calls();
    for batch in [1, BATCH, 3, BATCH] {
        group.replicate(&mut payloads, batch);
        group.compact();
    }
    assert_eq!(group.storage_calls(), before);
}

#[test]
fn what_was_just_written_is_not_read() {
    reads_no_storage::<OursSync>();
    reads_no_storage::<OursAsync>();
}
