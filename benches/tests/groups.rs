//! What is compared does the same work.

use benches::catch_up::{BUDGET, CatchUp, CatchUpFloor};
use benches::{
    Applied, Change, Cluster, Floor, Group, Member, Membership, OursAsync, OursSync, Payloads,
};

const SIZE: usize = 32;

fn replicate(cluster: &mut impl Cluster) -> Applied {
    let mut payloads = Payloads::new(SIZE);
    cluster.replicate(&mut payloads, 5);
    cluster.compact();
    cluster.replicate_together(&mut payloads, 3);
    cluster.replicate(&mut payloads, 1);
    cluster.applied()
}

fn expected() -> Applied {
    let mut applied = Applied::default();
    Payloads::new(SIZE).take(9).for_each(|payload| applied.apply(&payload));
    applied
}

#[test]
fn all_apply_the_same() {
    let memberships = [1, 2, 3, 5, 7].map(Membership::simple);
    for membership in memberships.into_iter().chain([Membership::joint()]) {
        assert_eq!(replicate(&mut Floor::new(&membership)), expected());
        assert_eq!(replicate(&mut Group::<OursSync>::new(&membership)), expected());
        assert_eq!(replicate(&mut Group::<OursAsync>::new(&membership)), expected());
    }
}

fn lead_read_change<M: Member>() {
    let mut group = Group::<M>::new(&Membership::simple(3));
    for _ in 0..4 {
        group.elect_next();
        group.read(&mut Payloads::new(8), 3);
        group.change(Change::AddLearner(4));
        group.change(Change::Remove(4));
        group.compact();
    }
}

#[test]
fn elections_reads_and_changes_end() {
    lead_read_change::<OursSync>();
    lead_read_change::<OursAsync>();
}

#[test]
fn a_follower_catches_up_within_the_budget() {
    // About twice what may be on its way.
    let batches = 512;
    let catch_up = CatchUp::<OursSync>::new(batches);
    catch_up.run(&mut catch_up.start());
    let peak = catch_up.peak_in_flight();
    assert!(BUDGET / 2 < peak && peak <= BUDGET, "{peak} of {BUDGET}");
    drop(CatchUpFloor::new(batches).run());
}
