//! Reads that see all that was committed before them.

mod leader;
mod lease;

use bytes::Bytes;

use raft_proto::ConfState;
use raft_proto::MessageType::{MsgApp, MsgReadIndex, MsgReadIndexResp};

use super::fixture::*;
use crate::config::{Compat, Config, ReadOnlyOption};
use crate::error::DropReason;
use crate::event::StateRole::{Candidate, Leader, PreCandidate};
use crate::raft::ReadIndex;

/// Both ways of confirming that the leader leads.
const WAYS: [ReadOnlyOption; 2] = [ReadOnlyOption::Safe, ReadOnlyOption::LeaseBased];

fn configure(config: &mut Config, way: ReadOnlyOption, compat: Compat) {
    (config.read_only, config.check_quorum, config.compat) = (way, true, compat);
}

fn group(way: ReadOnlyOption, compat: Compat) -> Network {
    Network::configured(3, |config| configure(config, way, compat))
}

impl Network {
    /// Node `id` is asked, and answers with this index.
    #[track_caller]
    fn expect_read(&mut self, id: u64, context: &'static str, index: u64) {
        self.node(id).read_index(context).expect("a node that is alive");
        self.settle();
        let reads = core::mem::take(&mut self.member(id).reads);
        assert_eq!(reads, [(index, Bytes::from(context))], "node {id}");
    }
}

/// etcd: TestReadOnlyOptionSafe, TestReadOnlyOptionLease
#[test]
fn every_node_learns_the_index_that_a_read_must_see() {
    for compat in BOTH {
        for way in WAYS {
            let mut network = group(way, compat);
            network.campaign(1);
            let mut index = 1;
            for (id, context) in [(1, "a"), (2, "b"), (3, "c"), (1, "d"), (2, "e"), (3, "f")] {
                for _ in 0..10 {
                    network.propose(1, "x");
                }
                index += 10;
                network.expect_read(id, context, index);
            }
        }
    }
}

/// etcd: TestReadOnlyWithLearner
#[test]
fn a_learner_can_ask_too() {
    for compat in BOTH {
        for way in WAYS {
            let setup = |id| {
                Setup::in_group(ConfState::new([1], [2]))
                    .id(id)
                    .with(|config| configure(config, way, compat))
            };
            let mut network = Network::new([setup(1), setup(2)]);
            network.campaign(1);
            let mut index = 1;
            for (id, context) in [(1, "a"), (2, "b"), (1, "c"), (2, "d")] {
                network.propose(1, "x");
                index += 1;
                network.expect_read(id, context, index);
            }
        }
    }
}

/// The commit index that a new leader knows may be an old one.
///
/// etcd: TestReadOnlyForNewLeader
#[test]
fn a_new_leader_answers_after_its_first_commit() {
    for compat in BOTH {
        for way in WAYS {
            let setup = |id: u64| {
                Setup::of(3).id(id).with(|config| configure(config, way, compat)).log(&[1, 1]).at(
                    1,
                    0,
                    if id == 1 { 1 } else { 2 },
                )
            };
            let mut network = Network::new([setup(1), setup(2), setup(3)]);
            // Nobody votes right after a start.
            for id in 1..=3 {
                network.node(id).set_randomized_election_timeout(19).expect("in range");
                network.tick(id, 10);
            }
            // Its entry reaches nobody.
            network.ignore(MsgApp);
            network.campaign(1);
            network.expect_role(1, Leader, 2);
            assert_eq!(network.node(1).read_index("ctx").expect("alive"), ReadIndex::Queued);
            network.settle();
            assert!(network.member(1).reads.is_empty());

            network.recover();
            network.tick(1, 1);
            network.propose(1, "x");
            assert_eq!(network.commit(1), 4);
            let reads = core::mem::take(&mut network.member(1).reads);
            assert_eq!(reads, [(3, Bytes::from("ctx"))]);
            network.expect_read(1, "next", 4);
        }
    }
}

/// etcd: TestNodeReadIndexToOldLeader
#[test]
fn a_read_passes_through_leaders_that_were_deposed() {
    let mut second = Setup::of(3).id(2).follower();
    second.become_follower(1, 1);
    second.deliver(from(3, MsgReadIndex).data("ctx"));
    // It keeps who asked, and has no term.
    second.expect_sent(&["3->1 MsgReadIndex Term:0 Log:0/0 Entries:[0/0 EntryNormal \"ctx\"]"]);

    let mut deposed = Setup::of(3).leader();
    deposed.become_follower(2, 3);
    deposed.deliver(from(3, MsgReadIndex).to(1).data("ctx"));
    deposed.expect_sent(&["3->3 MsgReadIndex Term:0 Log:0/0 Entries:[0/0 EntryNormal \"ctx\"]"]);
}

#[test]
fn the_one_who_asked_is_answered() {
    let mut leader = Setup::of(3)
        .with(|config| configure(config, ReadOnlyOption::LeaseBased, Compat::Etcd))
        .steady_leader();
    leader.deliver(from(3, MsgReadIndex).data("ctx"));
    leader.expect_sent(&["1->3 MsgReadIndexResp Term:1 Log:0/1 Entries:[0/0 EntryNormal \"ctx\"]"]);
    assert_eq!(leader.take_read_states(), []);
    // Itself it need not write to.
    leader.deliver(from(1, MsgReadIndex).data("own"));
    leader.expect_sent(&[]);
    leader.expect_reads(&[(1, "own")]);
}

#[test]
fn an_answer_from_the_leader_is_handed_to_the_application() {
    let mut node = Setup::of(3).follower_of_2();
    node.deliver(from(2, MsgReadIndexResp).term(1).index(7).data("ctx"));
    node.expect_reads(&[(7, "ctx")]);
}

#[test]
fn a_node_without_a_leader_drops_a_read() {
    let mut node = Setup::of(3).at(1, 0, 0).follower();
    assert_eq!(node.read("ctx"), ReadIndex::Dropped(DropReason::NoLeader { term: 1 }));
    node.expect_events(&["1 no leader at term 1; dropping index reading msg"]);
    for role in [PreCandidate, Candidate] {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let term = node.node.term;
        assert_eq!(node.read("ctx"), ReadIndex::Dropped(DropReason::NoLeader { term }));
        // In silence, as etcd does.
        node.expect_events(&[]);
    }
}

#[test]
fn a_follower_says_to_whom_it_sent_a_read() {
    let mut node = Setup::of(3).follower_of_2();
    assert_eq!(node.read("ctx"), ReadIndex::Forwarded { leader: 2 });
    node.expect_sent(&["1->2 MsgReadIndex Term:0 Log:0/0 Entries:[0/0 EntryNormal \"ctx\"]"]);
}

#[test]
fn a_candidate_ignores_an_answer_to_a_read() {
    let mut node = candidate_of(3);
    node.deliver(from(2, MsgReadIndexResp).term(1).index(7).data("ctx"));
    assert_eq!(node.take_read_states(), []);
}
