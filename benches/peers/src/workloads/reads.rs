//! From a read's request to its index, confirmed by a round of heartbeats.

use benches::{Floor, Group, Member, Membership, OursSync, Payloads};

use crate::measure::{Contender, Plan, Sides, in_turns, repeat};
use crate::raft_rs::RaftRsSync;
use crate::row::{Row, Section};

/// Reads that come one by one, and many that share a round.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let rows = [1, 64].map(|reads| {
        let mut floor = Floor::new(&Membership::simple(3));
        let mut contexts = Payloads::new(8);
        let contenders = Sides {
            ours: contender::<OursSync>(reads),
            raft_rs: Some(contender::<RaftRsSync>(reads)),
            floor: Some(repeat(move || floor.read(&mut contexts, reads))),
        };
        let samples = in_turns(plan, reads as u64, contenders);
        Row::timed(format!("3 voters, {reads} at once"), &samples)
    });
    Section { title, unit: "Nanoseconds for a read index on the leader", rows: rows.into() }
}

fn contender<M: Member + 'static>(reads: usize) -> Contender<'static> {
    let mut group = Group::<M>::new(&Membership::simple(3));
    let mut contexts = Payloads::new(8);
    repeat(move || group.read(&mut contexts, reads))
}
