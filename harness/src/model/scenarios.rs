//! The configurations of the table.

use raft_proto::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState};

use super::reached::Reached;
use super::scenario::{Budget, Scenario, Start, Writes};

/// All of them, in the order of the table.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut all = elections();
    all.extend(replication());
    all.extend(membership());
    all.extend(asynchronous());
    all
}

fn elections() -> Vec<Scenario> {
    use Reached::*;
    vec![
        Scenario {
            budget: Budget { campaigns: 3, ..Budget::default() },
            expects: vec![Elected, Deposed, VoteRefused, AppendRefused, Overwritten],
            ..Scenario::new("elections", Start::Cold)
        },
        Scenario {
            pre_vote: true,
            budget: Budget { campaigns: 2, ..Budget::default() },
            expects: vec![Elected, Deposed, PreVoteRefused],
            ..Scenario::new("pre-vote", Start::Cold)
        },
        Scenario {
            budget: Budget { campaigns: 2, crashes: 1, ..Budget::default() },
            expects: vec![Elected, Deposed, VoteRefused, Crashed, CrashedInBatch],
            ..Scenario::new("elections-crash", Start::Cold)
        },
        Scenario {
            budget: Budget { proposals: 1, transfers: 1, ..Budget::default() },
            expects: vec![Elected, Deposed, Committed, HandedOver],
            ..Scenario::new("transfer", Start::Led)
        },
        Scenario {
            budget: Budget { campaigns: 1, transfers: 1, ..Budget::default() },
            expects: vec![Elected, Deposed, HandedOver],
            ..Scenario::new("transfer-or-campaign", Start::Led)
        },
    ]
}

fn replication() -> Vec<Scenario> {
    use Reached::*;
    let one = Budget { campaigns: 1, proposals: 1, ..Budget::default() };
    vec![
        Scenario {
            budget: Budget { campaigns: 2, proposals: 1, ..Budget::default() },
            expects: vec![Elected, Deposed, Committed, AppendRefused, Overwritten],
            ..Scenario::new("proposal", Start::Cold)
        },
        Scenario {
            budget: Budget { crashes: 1, ..one },
            expects: vec![Elected, Committed, Crashed, CrashedInBatch, UnsyncedLost],
            ..Scenario::new("crash", Start::Led)
        },
        Scenario {
            budget: Budget { losses: 1, ..one },
            expects: vec![Elected, Committed, Lost, AppendRefused],
            ..Scenario::new("loss", Start::Led)
        },
        Scenario {
            budget: Budget { proposals: 1, heartbeats: 1, losses: 1, ..Budget::default() },
            expects: vec![Committed, Lost, AppendRefused],
            ..Scenario::new("loss-repaired", Start::Led)
        },
        Scenario {
            budget: Budget { duplicates: 1, ..one },
            expects: vec![Elected, Committed, Duplicated],
            ..Scenario::new("duplicate", Start::Led)
        },
        Scenario {
            budget: Budget { compactions: 1, ..one },
            expects: vec![Elected, Committed, Restored],
            ..Scenario::new("snapshot", Start::Led)
        },
        // Raft §5.4.2, figure 8: an entry of an earlier term, on a majority, is not committed yet.
        Scenario {
            one_entry_a_message: true,
            budget: Budget { campaigns: 2, proposals: 1, ..Budget::default() },
            expects: vec![Elected, Committed, AppendRefused, Overwritten],
            ..Scenario::new("figure-8", Start::Led)
        },
    ]
}

fn membership() -> Vec<Scenario> {
    use Reached::*;
    let remove = |node| simple(ConfChangeType::RemoveNode, node);
    let add = |node| simple(ConfChangeType::AddNode, node);
    let one = Budget { campaigns: 1, changes: 1, ..Budget::default() };
    vec![
        Scenario {
            changes: vec![remove(3)],
            budget: Budget { crashes: 1, ..one },
            expects: vec![Elected, Changed, Crashed],
            ..Scenario::new("remove-follower", Start::Led)
        },
        Scenario {
            changes: vec![remove(1)],
            budget: Budget { campaigns: 2, ..one },
            expects: vec![Elected, Changed, LeaderRemoved],
            ..Scenario::new("remove-leader", Start::Led)
        },
        Scenario {
            members: ConfState::new([1, 2], []),
            changes: vec![add(3)],
            budget: Budget { campaigns: 2, crashes: 1, ..one },
            expects: vec![Elected, Changed, Crashed],
            ..Scenario::new("add", Start::Led)
        },
        Scenario {
            members: ConfState::new([1, 2], []),
            changes: vec![add(3), remove(1)],
            budget: Budget { campaigns: 2, changes: 2, ..one },
            expects: vec![Elected, Changed, LeaderRemoved],
            ..Scenario::new("add-and-remove", Start::Led)
        },
        Scenario {
            members: ConfState::new([1, 2], []),
            changes: vec![replace(2, 3)],
            budget: Budget { campaigns: 2, crashes: 1, ..one },
            expects: vec![Elected, Changed, JointEntered, JointLeft, Crashed],
            ..Scenario::new("joint", Start::Led)
        },
    ]
}

fn asynchronous() -> Vec<Scenario> {
    use Reached::*;
    let pair = |name, start| Scenario {
        members: ConfState::new([1, 2], []),
        nodes: 2,
        writes: Writes::Async,
        ..Scenario::new(name, start)
    };
    vec![
        Scenario {
            writes: Writes::Async,
            budget: Budget { campaigns: 1, ..Budget::default() },
            expects: vec![Elected, CommittedAhead],
            ..Scenario::new("async", Start::Cold)
        },
        Scenario {
            budget: Budget { campaigns: 2, proposals: 1, ..Budget::default() },
            expects: vec![Elected, Deposed, Committed, LateWrite],
            ..pair("async-pair", Start::Cold)
        },
        Scenario {
            budget: Budget { campaigns: 2, proposals: 1, crashes: 1, ..Budget::default() },
            expects: vec![Elected, Committed, Crashed, CrashedInBatch],
            ..pair("async-crash", Start::Cold)
        },
    ]
}

fn simple(change: ConfChangeType, node: u64) -> ConfChangeV2 {
    let changes = vec![ConfChangeSingle::new(change, node)];
    ConfChangeV2::new(ConfChangeTransition::Auto, changes)
}

/// Removes one voter and adds another at once, by way of a joint configuration.
fn replace(old: u64, new: u64) -> ConfChangeV2 {
    let changes = vec![
        ConfChangeSingle::new(ConfChangeType::AddNode, new),
        ConfChangeSingle::new(ConfChangeType::RemoveNode, old),
    ];
    ConfChangeV2::new(ConfChangeTransition::Auto, changes)
}
