//! Who leads, and who belongs to the group.

use benches::{Change, Cluster, Floor, Group, Member, Membership, OursSync};

use super::KEPT_ENTRIES;
use crate::measure::{Contender, Plan, Sides, in_turns, repeat};
use crate::raft_rs::RaftRsSync;
use crate::row::{Row, Section};

/// Elections and changes of the configuration.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let elections = Sides {
        ours: contender::<OursSync>(Group::elect_next),
        raft_rs: Some(contender::<RaftRsSync>(Group::elect_next)),
        floor: Some(floor(Floor::elect_next)),
    };
    let elections = in_turns(plan, 1, elections);
    let changes = Sides {
        ours: contender::<OursSync>(add_and_remove),
        raft_rs: Some(contender::<RaftRsSync>(add_and_remove)),
        floor: Some(floor(|floor| {
            floor.change(Change::AddLearner(4));
            floor.change(Change::Remove(4));
        })),
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
    forgetful(Group::<M>::new(&Membership::simple(3)), work)
}

fn floor(work: fn(&mut Floor)) -> Contender<'static> {
    forgetful(Floor::new(&Membership::simple(3)), work)
}

fn forgetful<C: Cluster + 'static>(mut cluster: C, work: fn(&mut C)) -> Contender<'static> {
    let mut kept = 0;
    repeat(move || {
        work(&mut cluster);
        kept += 1;
        if kept == KEPT_ENTRIES {
            cluster.compact();
            kept = 0;
        }
    })
}
