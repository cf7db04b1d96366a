//! From a proposal to an entry that is committed everywhere.

mod follower;
mod leader;
mod rejection;

use raft_proto::Entry;
use raft_proto::MessageType::{MsgApp, MsgProp};

use super::fixture::*;
use crate::error::DropReason;
use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};
use crate::raft::Accepted;
use crate::raw_node::Proposed;

fn group(voters: u64, compat: crate::Compat) -> Network {
    Network::configured(voters, |config| config.compat = compat)
}

/// etcd: TestLogReplication
#[test]
fn what_is_proposed_is_applied_everywhere_in_order() {
    for compat in BOTH {
        let mut network = group(3, compat);
        network.campaign(1);
        network.propose(1, "one");
        network.propose(1, "two");
        // Another leader goes on where the first one was.
        network.campaign(2);
        network.propose(2, "three");
        for id in 1..=3 {
            assert_eq!(network.commit(id), 5, "node {id}");
            assert_eq!(network.log_terms(id), [1, 1, 1, 2, 2], "node {id}");
            network.expect_applied(id, &["one", "two", "three"]);
        }
    }
}

/// etcd: TestSingleNodeCommit
#[test]
fn a_single_voter_commits_what_is_on_its_own_disk() {
    for compat in BOTH {
        let mut network = group(1, compat);
        network.campaign(1);
        network.propose(1, "one");
        network.propose(1, "two");
        assert_eq!(network.commit(1), 3);
        network.expect_applied(1, &["one", "two"]);

        let mut leader = Setup::of(1).compat(compat).leader();
        leader.add("x");
        assert_eq!(leader.node.log.committed(), 1);
        leader.persist();
        assert_eq!(leader.node.log.committed(), 2);
    }
}

/// What a leader of an earlier term has left may be overwritten even where a majority holds it.
///
/// etcd: TestCannotCommitWithoutNewTermEntry
#[test]
fn entries_of_an_earlier_term_are_committed_only_with_one_of_the_own() {
    for compat in BOTH {
        let mut network = group(5, compat);
        network.campaign(1);
        // Node 1 reaches node 2 only.
        for id in [3, 4, 5] {
            network.cut(1, id);
        }
        network.propose(1, "one");
        network.propose(1, "two");
        assert_eq!(network.commit(1), 1);

        // The next leader has them all, and gets its own entry to nobody.
        network.recover();
        network.ignore(MsgApp);
        network.campaign(2);
        network.expect_role(2, Leader, 2);
        assert_eq!(network.commit(2), 1);

        // With the heartbeat it finds out who lacks what.
        network.recover();
        network.tick(2, 1);
        network.propose(2, "three");
        assert_eq!(network.commit(2), 5);
        for id in 1..=5 {
            network.expect_applied(id, &["one", "two", "three"]);
        }
    }
}

/// etcd: TestCommitWithoutNewTermEntry
#[test]
fn the_first_entry_of_a_new_leader_commits_what_came_before() {
    for compat in BOTH {
        let mut network = group(5, compat);
        network.campaign(1);
        for id in [3, 4, 5] {
            network.cut(1, id);
        }
        network.propose(1, "one");
        network.propose(1, "two");
        assert_eq!(network.commit(1), 1);

        network.recover();
        // Nobody proposes anything.
        network.campaign(2);
        for id in 1..=5 {
            assert_eq!(network.commit(id), 4, "node {id}");
            network.expect_applied(id, &["one", "two"]);
        }
    }
}

/// etcd: TestLearnerLogReplication
#[test]
fn a_learner_gets_the_log_and_does_not_decide() {
    for compat in BOTH {
        let conf_state = || raft_proto::ConfState::new([1], [2]);
        let setup = |id| Setup::in_group(conf_state()).id(id).compat(compat);
        let mut network = Network::new([setup(1), setup(2)]);
        network.campaign(1);
        network.propose(1, "somedata");
        network.expect_applied(1, &["somedata"]);
        network.expect_applied(2, &["somedata"]);
        assert_eq!(network.commit(2), 2);

        network.isolate(2);
        network.propose(1, "more");
        network.expect_applied(1, &["somedata", "more"]);
        network.expect_applied(2, &["somedata"]);
    }
}

/// etcd: TestOldMessages
#[test]
fn an_append_of_an_earlier_leader_changes_nothing() {
    for compat in BOTH {
        let mut network = group(3, compat);
        for id in [1, 2, 1] {
            network.campaign(id);
        }
        network.send(append(2, 2, (2, 2), &[2]).to(1));
        network.propose(1, "somedata");
        for id in 1..=3 {
            assert_eq!(network.log_terms(id), [1, 2, 3, 3], "node {id}");
            network.expect_applied(id, &["somedata"]);
        }
    }
}

/// etcd: TestProposal
#[test]
fn a_proposal_is_committed_if_a_majority_can_be_reached() {
    for (voters, gone, elected, committed) in [
        (3, &[][..], true, true),
        (3, &[3], true, true),
        (3, &[2, 3], false, false),
        (4, &[3, 4], false, false),
        (5, &[4, 5], true, true),
    ] {
        let mut network = Network::of(voters);
        gone.iter().for_each(|&id| network.isolate(id));
        network.campaign(1);
        let outcome = network.node(1).propose("somedata");
        network.settle();
        assert_eq!(outcome.is_ok(), elected, "{voters} voters without {gone:?}");
        network.expect_applied(1, if committed { &["somedata"] } else { &[] });
    }
}

/// etcd: TestProposalByProxy
#[test]
fn a_follower_sends_proposals_on_to_the_leader() {
    for compat in BOTH {
        let mut network = group(3, compat);
        network.campaign(1);
        let outcome = network.node(2).propose("somedata").expect("a known leader");
        assert_eq!(outcome, Proposed::Forwarded { leader: 1 });
        network.settle();
        for id in 1..=3 {
            network.expect_applied(id, &["somedata"]);
        }

        // Also when nobody but the leader and one more is there.
        network.isolate(3);
        network.propose(2, "more");
        network.expect_applied(1, &["somedata", "more"]);
    }
}

/// A proposal keeps its sender and has no term: leaders of several terms may see it.
#[test]
fn a_forwarded_proposal_goes_out_as_it_came() {
    let mut node = Setup::of(3).follower_of_2();
    node.deliver(from(3, MsgProp).data("x"));
    node.expect_sent(&["3->2 MsgProp Term:0 Log:0/0 Entries:[0/0 EntryNormal \"x\"]"]);
    assert_eq!(node.offer(Entry::proposal("y")), Ok(Accepted::Forwarded { leader: 2 }));
    node.expect_sent(&["1->2 MsgProp Term:0 Log:0/0 Entries:[0/0 EntryNormal \"y\"]"]);
}

/// etcd: TestDisableProposalForwarding
#[test]
fn forwarding_can_be_switched_off() {
    let setup = Setup::of(3).with(|config| config.disable_proposal_forwarding = true);
    let mut node = setup.follower_of_2();
    let refused = Err(DropReason::ForwardingDisabled { leader: 2 });
    assert_eq!(node.offer(Entry::proposal("x")), refused);
    node.expect_sent(&[]);
    node.expect_events(&["1 not forwarding to leader 2 at term 1; dropping proposal"]);
    // The leader takes its own all the same.
    setup.leader().add("x");
}

#[test]
fn without_a_leader_a_proposal_is_dropped() {
    for role in [Follower, PreCandidate, Candidate] {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let term = node.node.term;
        assert_eq!(node.offer(Entry::proposal("x")), Err(DropReason::NoLeader { term }));
        let dropped = alloc::format!("1 no leader at term {term}; dropping proposal");
        node.expect_events(&[dropped.as_str()]);
        node.expect_sent(&[]);
        assert_eq!(node.node.log.last_index(), 0);
    }
}

#[test]
fn a_leader_says_where_it_put_a_proposal() {
    let mut leader = steady_leader_of(3);
    let batch = entries(0, &[0, 0, 0]);
    let Ok(Accepted::Appended(place)) = leader.offer(batch) else { panic!("not appended") };
    assert_eq!((place.first_index, place.last_index, place.refused), (2, 4, None));
    assert_eq!(leader.log_terms(), [1, 1, 1, 1]);
}

/// A proposal's own term and index mean nothing.
#[test]
fn the_leader_stamps_what_it_appends() {
    let mut leader = steady_leader_of(3);
    leader.offer(Entry::new(9, 99, "x")).expect("a leader");
    leader.expect_sent(&[
        "1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]",
        "1->3 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]",
    ]);
}
