//! Traffic that looks wrong and is honest: delayed, doubled, of another configuration. None of it
//! may be refused.

use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgForgetLeader, MsgHeartbeat, MsgHeartbeatResp, MsgPreVote,
    MsgPreVoteResp, MsgProp, MsgReadIndex, MsgReadIndexResp, MsgSnap, MsgSnapStatus,
    MsgStorageAppendResp, MsgStorageApplyResp, MsgTimeoutNow, MsgTransferLeader, MsgUnreachable,
    MsgVote, MsgVoteResp,
};
use raft_proto::{ConfState, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message};

use crate::config::Compat;
use crate::error::StepError;
use crate::raft::tests::fixture::*;

/// Terms 1, 1, 1, of which two are committed, in a later term.
fn setup(compat: Compat) -> Setup {
    Setup::of(3).compat(compat).log(&[1, 1, 1]).at(3, 0, 2)
}

/// No role refuses the message. It is dropped at most.
#[track_caller]
fn passes(make: impl Fn(u64) -> Message) {
    for compat in BOTH {
        for role in ROLES {
            let mut node = setup(compat).in_role(role);
            let mut message = make(node.node.term);
            let text = texts(core::slice::from_ref(&message)).concat();
            match node.step(&mut message) {
                Ok(()) | Err(StepError::Dropped(_)) => {}
                Err(error) => panic!("{role} {compat:?}: {text}: {error}"),
            }
        }
    }
}

#[test]
fn a_node_hears_from_itself() {
    for kind in [MsgAppResp, MsgVoteResp, MsgPreVoteResp] {
        passes(|term| from(1, kind).term(term));
    }
    passes(|_| from(1, MsgProp).data("x"));
    passes(|_| from(1, MsgReadIndex).data("x"));
    passes(|_| from(1, MsgTransferLeader));
    passes(|term| from(1, MsgReadIndexResp).term(term).index(2).data("x"));
}

/// A joiner, a removed node, or one that is ahead in configuration.
#[test]
fn the_sender_need_not_be_a_member() {
    for kind in [
        MsgApp,
        MsgAppResp,
        MsgHeartbeat,
        MsgVote,
        MsgPreVote,
        MsgSnap,
        MsgTransferLeader,
        MsgVoteResp,
        MsgPreVoteResp,
    ] {
        passes(|term| from(9, kind).term(term));
    }
    for kind in [MsgProp, MsgReadIndex] {
        passes(|_| from(9, kind).data("x"));
    }
    passes(|_| from(9, MsgForgetLeader));
}

#[test]
fn a_local_message_has_no_addressee() {
    for to in [0, 1] {
        passes(|_| from(1, MsgProp).to(to).data("x"));
        passes(|term| from(2, MsgHeartbeat).to(to).term(term));
    }
}

#[test]
fn forwarded_and_local_messages_have_no_term() {
    for (id, kind) in [(2, MsgProp), (2, MsgReadIndex), (0, MsgReadIndex)] {
        passes(|_| from(id, kind).data("x"));
    }
    for kind in [MsgUnreachable, MsgSnapStatus, MsgTransferLeader] {
        passes(|_| from(2, kind));
    }
    passes(|_| from(0, MsgForgetLeader));
    passes(|_| from(LOCAL_APPLY_THREAD, MsgStorageApplyResp).entries(entries(1, &[])));
}

#[test]
fn storage_threads_answer() {
    passes(|term| from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(term).log(1, 3));
    // Also late, and about what is gone.
    passes(|_| from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(1).log(1, 9));
    passes(|term| from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(term).log(9, 9));
}

/// Whatever a message of an earlier term says, it is only late.
#[test]
fn an_earlier_term_is_no_error() {
    for kind in [
        MsgApp,
        MsgAppResp,
        MsgHeartbeat,
        MsgHeartbeatResp,
        MsgVote,
        MsgVoteResp,
        MsgPreVote,
        MsgPreVoteResp,
        MsgSnap,
        MsgTimeoutNow,
        MsgReadIndexResp,
    ] {
        passes(|_| from(2, kind).term(1).log(u64::MAX, u64::MAX).commit(u64::MAX));
    }
}

#[test]
fn an_append_may_be_empty_early_late_or_beyond_the_log() {
    for prev in [(0, 0), (1, 1), (1, 2), (1, 3), (2, 3), (1, 4), (3, 100)] {
        for terms in [&[][..], &[3], &[3, 3]] {
            for commit in [0, 1, 3, 1000] {
                passes(|term| append(2, term, prev, terms).commit(commit));
            }
        }
    }
}

#[test]
fn a_heartbeat_may_know_less_than_we_do() {
    for commit in 0..=3 {
        passes(|term| from(2, MsgHeartbeat).term(term).commit(commit));
    }
}

/// Doubled, or from before the peer was heard last.
#[test]
fn an_acknowledgement_may_say_nothing_new() {
    for index in 0..=3 {
        passes(|term| from(2, MsgAppResp).term(term).index(index));
        passes(|term| from(2, MsgAppResp).term(term).index(index).hint(9, 100));
    }
}

/// After it has stepped down, a node knows nothing of the log it had.
#[test]
fn answers_that_come_after_the_leadership_pass() {
    for kind in [MsgAppResp, MsgHeartbeatResp] {
        for role in ROLES.into_iter().filter(|role| *role != crate::StateRole::Leader) {
            let mut node = setup(Compat::Strict).in_role(role);
            let term = node.node.term;
            node.deliver(from(2, kind).term(term).index(1000).context("12345678"));
        }
    }
}

#[test]
fn a_snapshot_may_be_empty_old_or_of_a_group_without_us() {
    passes(|term| from(2, MsgSnap).term(term));
    for index in [0, 1, 2, 3, 4] {
        for conf_state in
            [voters(&[1, 2, 3]), voters(&[2, 3]), voters(&[]), ConfState::new([2], [1])]
        {
            let snapshot = snapshot(index, 1, conf_state);
            passes(|term| from(2, MsgSnap).term(term).snapshot(snapshot.clone()));
        }
    }
}

/// What it contradicts is old, and it will not be installed.
#[test]
fn an_old_snapshot_may_have_any_configuration() {
    let odd = ConfState::new([1, 1], [1]);
    passes(|term| from(2, MsgSnap).term(term).snapshot(snapshot(2, 1, odd.clone())));
}

#[test]
fn another_may_lead_the_term_that_this_node_leads() {
    for kind in [MsgApp, MsgHeartbeat, MsgSnap] {
        passes(|term| from(3, kind).term(term));
    }
}

/// While none is known, anybody may be it.
#[test]
fn without_a_known_leader_anybody_may_hand_over() {
    for compat in BOTH {
        let mut node = setup(compat).follower();
        node.deliver(from(3, MsgTimeoutNow).term(3));
        node.expect_role(crate::StateRole::Candidate, 4, 0);
    }
}

/// An election is over when its answers are all there, and some come later.
#[test]
fn any_vote_may_come_at_any_time() {
    const VOTES: [MessageType; 2] = [MsgVoteResp, MsgPreVoteResp];
    for kind in VOTES {
        for ahead in 0..3 {
            passes(|term| from(2, kind).term(term + ahead));
            passes(|term| from(2, kind).term(term + ahead).reject());
        }
    }
}
