//! What no honest node sends is refused, and leaves no trace; what only looks odd passes.

mod honest;
mod hostile;

use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgBeat, MsgCheckQuorum, MsgHeartbeat, MsgHeartbeatResp, MsgHup,
    MsgPreVote, MsgPreVoteResp, MsgProp, MsgReadIndex, MsgReadIndexResp, MsgSnap,
    MsgStorageAppendResp, MsgStorageApplyResp, MsgTimeoutNow, MsgTransferLeader, MsgUnreachable,
    MsgVote, MsgVoteResp,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entries, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message,
    UnknownEnumValue,
};

use super::fixture::*;
use crate::config::Compat;
use crate::error::{ConfChangeError, ConfStateError, DropReason, MAX_TERM, Refusal, StepError};
use crate::types::MAX_INDEX;

/// A term that no machine here has reached: if a message of it were let in, it would show.
const LATER: u64 = 7;

fn setup(compat: Compat) -> Setup {
    Setup::of(3).compat(compat).log(&[1, 1, 1]).at(1, 0, 2)
}

impl Machine {
    #[track_caller]
    fn refusal(&mut self, m: Message) -> Refusal {
        match self.refuse(m) {
            StepError::Refused { reason, .. } => reason,
            other => panic!("{other}"),
        }
    }
}

/// Every role refuses `message`, whoever's rules count.
#[track_caller]
fn refused_by_all(message: &Message, expected: &Refusal) {
    for compat in BOTH {
        for role in ROLES {
            let mut node = setup(compat).in_role(role);
            assert_eq!(node.refusal(message.clone()), *expected, "{role} {compat:?}");
        }
    }
}

const PEER_KINDS: [MessageType; 12] = [
    MsgApp,
    MsgAppResp,
    MsgVote,
    MsgVoteResp,
    MsgPreVote,
    MsgPreVoteResp,
    MsgSnap,
    MsgHeartbeat,
    MsgHeartbeatResp,
    MsgTimeoutNow,
    MsgReadIndexResp,
    MsgTransferLeader,
];

#[test]
fn a_message_for_another_node_is_refused() {
    for kind in PEER_KINDS {
        for to in [2, 9, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
            refused_by_all(&from(2, kind).to(to).term(LATER), &Refusal::NotForUs { to });
        }
    }
}

#[test]
fn a_message_of_a_peer_names_its_sender() {
    for kind in PEER_KINDS.into_iter().filter(|kind| *kind != MsgTransferLeader) {
        refused_by_all(&from(0, kind).term(LATER), &Refusal::NoSender);
    }
    for kind in [MsgBeat, MsgCheckQuorum] {
        refused_by_all(&from(0, kind), &Refusal::NoSender);
    }
}

#[test]
fn what_a_node_never_tells_itself_does_not_come_from_it() {
    for kind in
        [MsgApp, MsgVote, MsgPreVote, MsgSnap, MsgHeartbeat, MsgHeartbeatResp, MsgTimeoutNow]
    {
        refused_by_all(&from(1, kind).term(LATER), &Refusal::FromSelf);
    }
}

#[test]
fn storage_threads_only_answer() {
    for thread in [LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
        let kinds = PEER_KINDS.into_iter().chain([
            MsgHup,
            MsgBeat,
            MsgProp,
            MsgReadIndex,
            MsgCheckQuorum,
            MsgUnreachable,
        ]);
        for kind in kinds {
            refused_by_all(&from(thread, kind), &Refusal::FromStorageThread);
        }
    }
    // Each answers its own messages.
    let swapped =
        [(LOCAL_APPLY_THREAD, MsgStorageAppendResp), (LOCAL_APPEND_THREAD, MsgStorageApplyResp)];
    for (thread, kind) in swapped {
        refused_by_all(&from(thread, kind).term(LATER), &Refusal::FromStorageThread);
    }
}

#[test]
fn a_vote_has_a_term() {
    for kind in [MsgVote, MsgVoteResp, MsgPreVote, MsgPreVoteResp] {
        refused_by_all(&from(2, kind), &Refusal::TermMissing);
    }
}

#[test]
fn a_forwarded_message_has_no_term() {
    for kind in [MsgProp, MsgReadIndex] {
        for term in [1, 2, LATER] {
            let message = from(2, kind).term(term).data("x");
            refused_by_all(&message, &Refusal::TermPresent { term });
        }
    }
}

/// Enough for any arithmetic on a term or an index that was let in, and little enough to lose.
#[test]
fn the_room_above_terms_and_indexes_is_that_of_32_bits() {
    assert_eq!([u64::MAX - MAX_TERM, u64::MAX - MAX_INDEX], [1 << 32; 2]);
}

#[test]
fn a_term_near_the_end_of_the_range_is_refused() {
    for kind in PEER_KINDS {
        for term in [MAX_TERM + 1, u64::MAX] {
            let message = from(2, kind).term(term).data("x");
            refused_by_all(&message, &Refusal::TermTooHigh { term });
        }
    }
}

/// Under etcd's rules a snapshot may come in a message without a term, so that its own term is all
/// that can be looked at.
#[test]
fn a_snapshot_of_a_term_near_the_end_of_the_range_is_refused() {
    let sent = |term| from(2, MsgSnap).snapshot(snapshot(9, term, voters(&[1, 2, 3])));
    for role in ROLES {
        for term in [MAX_TERM + 1, u64::MAX] {
            let refusal = Refusal::TermTooHigh { term };
            assert_eq!(setup(Compat::Etcd).in_role(role).refusal(sent(term)), refusal);
        }
    }
    // The last one itself passes.
    let mut node = setup(Compat::Etcd).follower();
    node.deliver(sent(MAX_TERM));
    assert_eq!(node.node.log.last_id().term, MAX_TERM);
}

#[test]
fn appended_entries_follow_each_other() {
    let gap = |expected, found| Refusal::EntryGap { expected, found };
    for (entries, refusal) in [
        (entries(5, &[1]), gap(4, 5)),
        (entries(3, &[1]), gap(4, 3)),
        (entries(0, &[1]), gap(4, 0)),
        ([Entry::new(1, 4, ""), Entry::new(1, 6, "")].into_iter().collect(), gap(5, 6)),
        ([Entry::new(1, 4, ""), Entry::new(1, 4, "")].into_iter().collect(), gap(5, 4)),
        (Entries::from(Entry::new(1, u64::MAX, "")), gap(4, u64::MAX)),
    ] {
        let message = from(2, MsgApp).term(LATER).log(1, 3).entries(entries);
        refused_by_all(&message, &refusal);
    }
}

#[test]
fn the_terms_of_appended_entries_do_not_fall() {
    let message = append(2, LATER, (3, 3), &[2]);
    let refusal = Refusal::EntryTermRegression { index: 4, term: 2, previous: 3 };
    refused_by_all(&message, &refusal);
    let message = append(2, LATER, (1, 3), &[2, 3, 2]);
    let refusal = Refusal::EntryTermRegression { index: 6, term: 2, previous: 3 };
    refused_by_all(&message, &refusal);
}

#[test]
fn a_leader_has_no_entries_of_a_later_term() {
    for (message, index) in
        [(append(2, LATER, (1, 3), &[LATER + 1]), 4), (append(2, LATER, (LATER + 1, 3), &[]), 3)]
    {
        let (term, leader) = (LATER + 1, LATER);
        refused_by_all(&message, &Refusal::EntryTermBeyondLeader { index, term, leader });
    }
    let message = from(2, MsgSnap).term(LATER).snapshot(snapshot(9, LATER + 1, voters(&[1, 2, 3])));
    let refusal = Refusal::EntryTermBeyondLeader { index: 9, term: LATER + 1, leader: LATER };
    refused_by_all(&message, &refusal);
}

#[test]
fn an_index_near_the_end_of_the_range_is_refused() {
    let too_high = |index| Refusal::IndexTooHigh { index };
    for index in [MAX_INDEX + 1, u64::MAX - 1, u64::MAX] {
        for kind in [MsgVote, MsgPreVote, MsgApp] {
            refused_by_all(&from(2, kind).term(LATER).log(1, index), &too_high(index));
        }
        let snapshot = snapshot(index, 1, voters(&[1, 2, 3]));
        refused_by_all(&from(2, MsgSnap).term(LATER).snapshot(snapshot), &too_high(index));
    }
    let message = append(2, LATER, (1, MAX_INDEX - 1), &[1, 1]);
    refused_by_all(&message, &too_high(MAX_INDEX - 1));

    // The last one itself passes.
    for kind in [MsgVote, MsgPreVote, MsgApp] {
        follower_of(3).deliver(from(2, kind).term(LATER).log(1, MAX_INDEX));
    }
    let mut node = follower_of(3);
    let last = snapshot(MAX_INDEX, 1, voters(&[1, 2, 3]));
    node.deliver(from(2, MsgSnap).term(LATER).snapshot(last));
    node.persist();
    assert_eq!(node.node.log.applied(), MAX_INDEX);
    let message = append(2, LATER, (1, MAX_INDEX), &[1]);
    assert_eq!(node.refusal(message), too_high(MAX_INDEX));
}

/// The leader believes that this node holds what it does not: its disk has lost something.
#[test]
fn a_heartbeat_beyond_the_log_says_that_the_log_was_lost() {
    for compat in BOTH {
        for role in ROLES {
            let mut node = setup(compat).in_role(role);
            let last_index = node.node.log.last_index();
            for commit in [last_index + 1, u64::MAX] {
                let message = from(2, MsgHeartbeat).term(LATER).commit(commit);
                assert_eq!(node.refusal(message), Refusal::LogLost { commit, last_index });
            }
            node.deliver(from(2, MsgHeartbeat).term(LATER).commit(last_index));
            assert_eq!(node.node.log.committed(), last_index);
        }
    }
    let error = Refusal::LogLost { commit: 9, last_index: 3 };
    assert_eq!(
        alloc::string::ToString::to_string(&error),
        "commit index 9 is beyond the last index 3: was the log truncated, corrupted or lost?"
    );
}

#[test]
fn nobody_acknowledges_more_than_the_leader_has() {
    for compat in BOTH {
        let mut leader = setup(compat).leader();
        let (term, last_index) = (leader.node.term, leader.node.log.last_index());
        for index in [last_index + 1, u64::MAX] {
            let refusal = Refusal::AckBeyondLog { index, last_index };
            let message = from(2, MsgAppResp).term(term).index(index);
            assert_eq!(leader.refusal(message.clone()), refusal);
            assert_eq!(leader.refusal(message.hint(0, 0)), refusal);
        }
    }
}

/// etcd's rules let it pass without a term. That must not let it do more than one with a term.
#[test]
fn nobody_acknowledges_more_than_the_leader_has_without_a_term_either() {
    let mut leader = setup(Compat::Etcd).leader();
    let last_index = leader.node.log.last_index();
    for index in [last_index + 1, u64::MAX] {
        let refusal = Refusal::AckBeyondLog { index, last_index };
        assert_eq!(leader.refusal(from(2, MsgAppResp).index(index)), refusal);
    }
}

#[test]
fn a_proposal_proposes_something_that_can_be_applied() {
    let unknown = |enum_name, value| UnknownEnumValue { enum_name, value };
    let of = |change: raft_proto::ConfChangeV2| ConfChangeRequest::from(change).into_entry();
    let mut odd_transition = change("v4");
    odd_transition.transition = Some(9);
    let mut odd_kind = change("v4");
    odd_kind.changes[0].change_type = Some(9);
    for (entry, refusal) in [
        (
            Entry { entry_type: Some(9), ..Entry::default() },
            Refusal::UnknownEntryType(unknown("EntryType", 9)),
        ),
        (of(odd_transition), ConfChangeError::UnknownTransition { value: 9 }.into()),
        (of(odd_kind), ConfChangeError::UnknownType { value: 9 }.into()),
    ] {
        let batch: Entries = [Entry::proposal("good"), entry].into_iter().collect();
        refused_by_all(&from(2, MsgProp).entries(batch), &refusal);
    }
    refused_by_all(&from(2, MsgProp), &Refusal::EmptyProposal);

    for entry_type in [1, 2] {
        let garbage = Entry { entry_type: Some(entry_type), ..Entry::proposal("garbage") };
        for role in ROLES {
            let mut node = setup(Compat::Etcd).in_role(role);
            let refusal = node.refusal(from(2, MsgProp).entries(garbage.clone()));
            assert!(matches!(refusal, Refusal::ConfChange(_)), "{refusal}");
        }
    }
}

#[test]
fn a_read_is_one_entry() {
    for entries in [Entries::new(), entries(0, &[0, 0])] {
        let refusal = Refusal::ReadEntries { count: entries.len() };
        refused_by_all(&from(2, MsgReadIndex).entries(entries.clone()), &refusal);
        refused_by_all(&from(2, MsgReadIndexResp).term(LATER).entries(entries), &refusal);
    }
}

/// A node whose application takes no answers goes on with everything else.
#[test]
fn answers_to_reads_are_limited_and_nothing_else_is() {
    let mut node = Setup::of(3).with(|config| config.max_pending_reads = 1).follower_of_2();
    let answer = |index| from(2, MsgReadIndexResp).term(1).index(index).data("ctx");
    node.deliver(answer(1));
    match node.refuse(answer(2)) {
        StepError::Dropped(DropReason::TooManyReads { pending: 1, limit: 1 }) => {}
        other => panic!("{other}"),
    }
    node.deliver(from(2, MsgHeartbeat).term(1));
    node.expect_reads(&[(1, "ctx")]);
    node.deliver(answer(2));
    node.expect_reads(&[(2, "ctx")]);
}

#[test]
fn only_reads_that_were_asked_about_are_confirmed() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.read("ctx");
        leader.take_sent();
        let echo = |context: &[u8]| from(2, MsgHeartbeatResp).term(1).context(context.to_vec());
        for context in [&2_u64.to_le_bytes()[..], &[0xff; 8], &[1; 7], &[1; 9], &[1]] {
            assert_eq!(leader.refusal(echo(context)), Refusal::ReadCounter);
        }
        leader.expect_reads(&[]);
        leader.deliver(echo(&1_u64.to_le_bytes()));
        leader.expect_reads(&[(1, "ctx")]);
    }
}

#[test]
fn a_snapshot_has_a_configuration_that_a_group_can_have() {
    let impossible = [
        ConfState::new([1, 1, 2], []),
        ConfState::new([1, 2], [2]),
        ConfState { voters_outgoing: [1].into(), ..ConfState::default() },
        ConfState { learners_next: [3].into(), ..voters(&[1, 2]) },
        ConfState { auto_leave: true, ..voters(&[1, 2]) },
        voters(&[0, 1]),
    ];
    for conf_state in impossible {
        for compat in BOTH {
            for role in ROLES {
                let message =
                    from(2, MsgSnap).term(LATER).snapshot(snapshot(9, 1, conf_state.clone()));
                let refusal = setup(compat).in_role(role).refusal(message);
                let Refusal::SnapshotConfState(error) = refusal else { panic!("{refusal}") };
                let (ConfStateError::Invalid { conf_state: named, .. }
                | ConfStateError::NotEquivalent { conf_state: named, .. }) = error;
                assert_eq!(*named, conf_state);
            }
        }
    }
}

#[test]
fn storage_acknowledges_what_it_was_given() {
    for compat in BOTH {
        for role in ROLES {
            let mut node = setup(compat).in_role(role);
            node.apply();
            let ack = |index| Refusal::StorageAck { index };
            let applied = from(LOCAL_APPLY_THREAD, MsgStorageApplyResp);
            assert_eq!(node.refusal(applied.entries(entries(2, &[1, 1]))), ack(3));
            let installed = from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).snapshot(snapshot(
                3,
                1,
                voters(&[1, 2, 3]),
            ));
            assert_eq!(node.refusal(installed), ack(3));
        }
    }
}

/// What it has not handed out to be written cannot be on its disk.
#[test]
fn a_leader_acknowledges_to_itself_what_it_has_handed_out() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.add("x");
        let own = leader.take_vouching();
        let refusal = Refusal::StorageAck { index: 2 };
        assert_eq!(leader.refusal(own[0].clone()), refusal);
        let entry = from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(1).log(1, 2);
        assert_eq!(leader.refusal(entry.clone()), refusal);

        leader.node.log.accept_unstable();
        leader.deliver(own[0].clone());
        assert_eq!(leader.progress(1).match_index, 2);
        leader.deliver(entry);
        assert_eq!(leader.node.log.unstable().offset(), 3);
    }
    // Nor does storage know of terms that are yet to come.
    let mut node = follower_of(3);
    let early = from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(LATER).log(1, 1);
    assert_eq!(node.refusal(early), Refusal::StorageAck { index: 1 });
}

#[test]
fn a_node_never_rejects_its_own_entries() {
    refused_by_all(&from(1, MsgAppResp).term(LATER).hint(0, 0), &Refusal::FromSelf);
}

#[test]
fn a_kind_that_is_not_known_is_refused() {
    for value in [-1, 24, i32::MAX, i32::MIN] {
        for role in ROLES {
            let message = Message { msg_type: value, from: 2, term: LATER, ..Message::default() };
            match setup(Compat::Etcd).in_role(role).refuse(message) {
                StepError::UnknownKind { from: 2, error } => assert_eq!(error.value, value),
                other => panic!("{other}"),
            }
        }
    }
}

/// etcd's rules let a node that has never heard of a term send the snapshot that it started from.
#[test]
fn a_snapshot_without_a_term_passes_under_etcds_rules() {
    let mut node = setup(Compat::Etcd).follower();
    let conf_state = ConfState::new([1, 2, 3], []);
    let snapshot = raft_proto::Snapshot::new(9, 1, conf_state, "");
    node.deliver(raft_proto::Message { snapshot: Some(snapshot.into()), ..from(2, MsgSnap) });
    assert_eq!(node.node.log.committed(), 9);
}

/// Its entries are ignored, and its snapshot is believed, so that it is looked at all the same.
#[test]
fn a_late_answer_of_the_storage_acknowledges_no_snapshot_that_never_came() {
    for compat in BOTH {
        let mut node = setup(compat).at(5, 0, 0).follower();
        let snapshot = raft_proto::Snapshot::new(9, 1, ConfState::new([1, 2, 3], []), "");
        let answer = raft_proto::Message {
            snapshot: Some(snapshot.into()),
            ..from(raft_proto::LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(1)
        };
        assert_eq!(node.refusal(answer), Refusal::StorageAck { index: 9 });
    }
}

/// The error is the proposer's, and nothing has changed.
#[test]
fn a_dropped_proposal_is_an_error_of_the_step() {
    let setup = Setup::of(3).with(|config| config.disable_proposal_forwarding = true);
    let mut node = setup.follower_of_2();
    match node.step(&mut from(3, MsgProp).data("x")) {
        Err(StepError::Dropped(DropReason::ForwardingDisabled { leader: 2 })) => {}
        other => panic!("{other:?}"),
    }
    node.expect_sent(&[]);
    assert_eq!(node.node.log.last_index(), 0);
}

#[test]
fn a_refusal_says_who_sent_what_and_why() {
    let mut node = follower_of(3);
    let error = node.refuse(from(0x1f, MsgVote));
    assert_eq!(
        alloc::string::ToString::to_string(&error),
        "refused MsgVote from 1f: it has no term"
    );
}

/// Where the range of indexes ends, so do proposals. Only a snapshot can bring a node there.
#[test]
fn a_log_without_room_takes_no_more_proposals() {
    let mut leader = Setup::of(1).snapshot(MAX_INDEX - 3, 1).leader();
    assert_eq!(leader.node.log.last_index(), MAX_INDEX - 2);
    assert_eq!(leader.offer(entries(0, &[0, 0, 0])), Err(DropReason::LogFull));
    leader.offer(entries(0, &[0, 0])).expect("room for two");
    for _ in 0..2 {
        assert_eq!(leader.offer(Entry::proposal("x")), Err(DropReason::LogFull));
    }
    assert_eq!(leader.node.log.last_index(), MAX_INDEX);
    leader.persist();
    assert_eq!(leader.node.log.committed(), MAX_INDEX);
}

/// Whether such a node may lead is open. It must not write an entry that no peer would take, and
/// with which it could not start again.
#[test]
fn a_new_leader_without_room_for_its_first_entry_does_not_go_beyond_the_range() {
    let mut node = Setup::of(1).snapshot(MAX_INDEX, 1).follower();
    node.try_campaign(node.campaign_kind()).expect("storage").ok();
    node.persist();
    assert!(node.node.log.last_index() <= MAX_INDEX, "{}", node.node.log.last_index());
}
