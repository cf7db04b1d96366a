//! The steps of the protocol that an observer can ask for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use raft_proto::{ConfChange, ConfChangeRequest, ConfChangeType, EntryType, MessageType};

use super::fixture::*;
use crate::bootstrap::Peer;
use crate::config::Config;
use crate::event::{Event, Observer, ProtocolStep, StepState};
use crate::id_set::IdSet;
use crate::mem_storage::MemoryStorage;
use crate::raw_node::RawNode;

/// Writes down what happens, and term, vote, commit index, last index and voters at that moment.
#[derive(Clone, Debug, Default)]
struct Steps {
    asked_for: bool,
    seen: Vec<String>,
}

impl Observer for Steps {
    fn on_event(&mut self, _: &Event<'_>) {}

    fn wants_steps(&self) -> bool {
        self.asked_for
    }

    fn on_step(&mut self, state: &StepState<'_>, step: ProtocolStep<'_>) {
        let what = match step {
            ProtocolStep::Receiving(m) => format!("Receiving {}", m.kind().expect("a known kind")),
            ProtocolStep::Sending(m) => {
                format!("Sending {} {}", m.kind().expect("a known kind"), m.index)
            }
            ProtocolStep::Appending(_) => "Appending".into(),
            ProtocolStep::AppendingConfChange(change) => {
                format!("AppendingConfChange of {}", change.changes.len())
            }
            ProtocolStep::ApplyingConfChange(voters) => format!("ApplyingConfChange to {voters}"),
            step => format!("{step:?}"),
        };
        let StepState { id, term, vote, commit, last_index, incoming, outgoing } = state;
        assert_eq!((*id, *outgoing), (1, &IdSet::new()));
        self.seen.push(format!("{what}: {term} {vote} {commit}/{last_index} {incoming}"));
    }
}

fn node(asked_for: bool) -> RawNode<MemoryStorage, Steps> {
    let steps = Steps { asked_for, ..Steps::default() };
    RawNode::with_observer(Config::new(1), MemoryStorage::new(), steps).expect("a valid setup")
}

impl RawNode<MemoryStorage, Steps> {
    fn work(&mut self) {
        while self.has_ready() {
            let ready = self.ready().expect("a node that is alive");
            self.storage_mut().append(ready.entries()).expect("entries that follow");
            let mut done = ready.persisted();
            for entry in done.take_committed_entries() {
                if entry.kind() != Ok(EntryType::Normal) {
                    let request = ConfChangeRequest::from_entry(&entry).expect("it decodes");
                    let change = request.expect("a change").as_v2();
                    self.apply_conf_change(&change).expect("a possible change");
                }
            }
            self.advance(done).expect("its own batch");
        }
    }

    #[track_caller]
    fn expect_steps(&mut self, expected: &[&str]) {
        assert_eq!(core::mem::take(&mut self.observer_mut().seen), expected);
    }
}

fn alone() -> [Peer; 1] {
    [Peer { id: 1, ..Peer::default() }]
}

#[test]
fn a_node_tells_what_it_does_and_what_it_is_at_that_moment() {
    let mut node = node(true);
    node.expect_steps(&["Started: 0 0 0/0 ()"]);
    node.bootstrap(&alone()).expect("an empty storage");
    node.expect_steps(&["BecameFollower: 1 0 0/0 ()", "ApplyingConfChange to (1): 1 0 1/1 ()"]);
    node.work();
    node.expect_steps(&["HandedOut: 1 0 1/1 (1)", "ApplyingConfChange to (1): 1 0 1/1 (1)"]);
    node.campaign().expect("a node that may campaign");
    node.work();
    node.expect_steps(&[
        "BecameCandidate: 2 1 1/1 (1)",
        "Sending MsgVoteResp 0: 2 1 1/1 (1)",
        "HandedOut: 2 1 1/1 (1)",
        "Receiving MsgVoteResp: 2 1 1/1 (1)",
        "BecameLeader: 2 1 1/1 (1)",
        "Appending: 2 1 1/1 (1)",
        "Sending MsgAppResp 2: 2 1 1/2 (1)",
        "HandedOut: 2 1 1/2 (1)",
        "Receiving MsgAppResp: 2 1 1/2 (1)",
        "CommitChecked: 2 1 2/2 (1)",
        "HandedOut: 2 1 2/2 (1)",
    ]);
}

#[test]
fn a_leader_tells_what_it_appends_and_each_acknowledgement() {
    let mut node = node(true);
    node.bootstrap(&alone()).expect("an empty storage");
    node.work();
    node.campaign().expect("a node that may campaign");
    node.work();
    node.observer_mut().seen.clear();
    node.propose("x").expect("a leader");
    let change = ConfChange::new(ConfChangeType::AddLearnerNode, 2);
    node.propose_conf_change(change).expect("a leader");
    node.expect_steps(&[
        "Appending: 2 1 2/2 (1)",
        "Sending MsgAppResp 3: 2 1 2/3 (1)",
        "AppendingConfChange of 1: 2 1 2/3 (1)",
        "Sending MsgAppResp 4: 2 1 2/4 (1)",
    ]);
}

#[test]
fn a_node_tells_of_pre_candidates_and_of_messages_before_they_change_anything() {
    let config = Config { pre_vote: true, ..Config::new(1) };
    let storage = MemoryStorage::with_conf_state(group(3));
    let steps = Steps { asked_for: true, ..Steps::default() };
    let mut node = RawNode::with_observer(config, storage, steps).expect("a valid setup");
    node.campaign().expect("a node that may campaign");
    node.step(from(2, MessageType::MsgHeartbeat, 3)).expect("a message of a leader");
    node.expect_steps(&[
        "Started: 0 0 0/0 (1 2 3)",
        "BecamePreCandidate: 0 0 0/0 (1 2 3)",
        "Sending MsgPreVoteResp 0: 0 0 0/0 (1 2 3)",
        "Sending MsgPreVote 0: 0 0 0/0 (1 2 3)",
        "Sending MsgPreVote 0: 0 0 0/0 (1 2 3)",
        "Receiving MsgHeartbeat: 0 0 0/0 (1 2 3)",
        "BecameFollower: 3 0 0/0 (1 2 3)",
        "Sending MsgHeartbeatResp 0: 3 0 0/0 (1 2 3)",
    ]);
}

#[test]
fn an_observer_that_wants_no_steps_is_told_none() {
    let mut node = node(false);
    node.bootstrap(&alone()).expect("an empty storage");
    node.campaign().err();
    node.work();
    node.expect_steps(&[]);
}
