//! Who leads, and who belongs to the group.

use benches::{Change, Cluster, Group, Member, Membership, OursSync};

use super::KEPT_ENTRIES;
use crate::measure::{Contender, Plan, Sides, in_turns, repeat};
use crate::raft_rs::RaftRsSync;
use crate::row::{Row, Section};

/// Elections and changes of the configuration.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let elections = Sides {
        ours: contender::<OursSync>(Group::elect_next),
        raft_rs: Some(contender::<RaftRsSync>(Group::elect_next)),
        floor: None,
    };
    let elections = in_turns(plan, 1, elections);
    let changes = Sides {
        ours: contender::<OursSync>(add_and_remove),
        raft_rs: Some(contender::<RaftRsSync>(add_and_remove)),
        floor: None,
    };
    let changes = in_turns(plan, 2, changes);
    Section {
        title,
        unit: "Nanoseconds until all three nodes have applied the first entry of the new leader, or \
               the change",
        rows: vec![
            Row::timed("election", &elections),
            Row::timed("adding or removing a learner", &changes),
        ],
    }
}

fn add_and_remove<M: Member>(group: &mut Group<M>) {
    group.change(Change::AddLearner(4));
    group.change(Change::Remove(4));
}

fn contender<M: Member + 'static>(work: fn(&mut Group<M>)) -> Contender<'static> {
    let mut group = Group::<M>::new(&Membership::simple(3));
    let mut kept = 0;
    repeat(move || {
        work(&mut group);
        kept += 1;
        if kept == KEPT_ENTRIES {
            group.compact();
            kept = 0;
        }
    })
}
