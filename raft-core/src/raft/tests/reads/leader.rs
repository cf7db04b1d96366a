//! The rounds of heartbeats by which a leader makes sure.

use alloc::vec::Vec;

use raft_proto::ConfState;
use raft_proto::MessageType::{MsgHeartbeat, MsgHeartbeatResp};

use crate::config::Compat;
use crate::raft::ReadIndex;
use crate::raft::tests::fixture::*;
use crate::read_index::echoed_round;

/// The rounds of the heartbeats that were sent.
fn rounds(leader: &mut Machine) -> Vec<Option<u64>> {
    let sent = leader.take_sent();
    assert!(sent.iter().all(|m| m.kind() == Ok(MsgHeartbeat)));
    sent.iter().map(|m| echoed_round(&m.context)).collect()
}

/// A read that has a round for itself.
#[track_caller]
fn read_in_round(leader: &mut Machine, context: &'static str, round: u64) {
    assert_eq!(leader.read(context), ReadIndex::Queued);
    let peers = leader.node.tracker.progress.iter().count() - 1;
    assert_eq!(rounds(leader), alloc::vec![Some(round); peers]);
}

#[track_caller]
fn echo(leader: &mut Machine, peer: u64, round: u64) {
    let term = leader.node.term;
    let context = round.to_le_bytes().to_vec();
    leader.deliver(from(peer, MsgHeartbeatResp).term(term).context(context));
}

#[test]
fn a_read_is_answered_when_a_quorum_has_echoed_its_round() {
    for compat in BOTH {
        let mut leader = Setup::of(5).compat(compat).steady_leader();
        read_in_round(&mut leader, "ctx", 1);
        echo(&mut leader, 2, 1);
        echo(&mut leader, 2, 1);
        leader.expect_reads(&[]);
        echo(&mut leader, 3, 1);
        leader.expect_reads(&[(1, "ctx")]);
        echo(&mut leader, 4, 1);
        leader.expect_reads(&[]);
    }
}

/// The answer is the commit index when the read came, not when it was confirmed.
#[test]
fn a_read_sees_what_was_committed_before_it() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        read_in_round(&mut leader, "early", 1);
        leader.add("x");
        leader.persist();
        leader.acknowledge(2, 2);
        assert_eq!(leader.node.log.committed(), 2);
        leader.read("late");
        leader.take_sent();
        echo(&mut leader, 2, 2);
        leader.expect_reads(&[(1, "early"), (2, "late")]);
    }
}

#[test]
fn a_later_echo_confirms_all_earlier_reads_and_an_earlier_one_no_later_read() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        for (round, context) in [(1, "a"), (2, "b"), (3, "c")] {
            read_in_round(&mut leader, context, round);
        }
        echo(&mut leader, 2, 2);
        leader.expect_reads(&[(1, "a"), (1, "b")]);
        echo(&mut leader, 3, 1);
        leader.expect_reads(&[]);
        echo(&mut leader, 3, 3);
        leader.expect_reads(&[(1, "c")]);
    }
}

/// A client that was not answered asks again with the same context; what the first attempt had
/// heard from the peers must not confirm the second, which has more to see.
///
/// etcd: TestReadOnlyDuplicateRequest
#[test]
fn late_answers_to_a_read_do_not_confirm_its_repetition() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        read_in_round(&mut leader, "ctx", 1);
        echo(&mut leader, 2, 1);
        leader.expect_reads(&[(1, "ctx")]);

        read_in_round(&mut leader, "ctx", 2);
        echo(&mut leader, 3, 1);
        echo(&mut leader, 2, 1);
        leader.expect_reads(&[]);
        echo(&mut leader, 3, 2);
        leader.expect_reads(&[(1, "ctx")]);
    }
}

/// etcd: TestRaftFreesReadOnlyMem
#[test]
fn nothing_is_kept_of_a_read_that_was_answered() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        read_in_round(&mut leader, "ctx", 1);
        assert_eq!(leader.leadership().reads.len(), 1);
        echo(&mut leader, 2, 1);
        assert_eq!(leader.leadership().reads.len(), 0);
        // Heartbeats ask for nothing any more.
        leader.pass(1);
        assert_eq!(rounds(&mut leader), [None]);
    }
}

/// A heartbeat that was lost is made good by the next.
#[test]
fn periodic_heartbeats_carry_the_last_round() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        read_in_round(&mut leader, "a", 1);
        read_in_round(&mut leader, "b", 2);
        leader.pass(1);
        assert_eq!(rounds(&mut leader), [Some(2); 2]);
        echo(&mut leader, 3, 2);
        leader.expect_reads(&[(1, "a"), (1, "b")]);
    }
}

#[test]
fn rounds_go_on_where_they_were() {
    let mut leader = steady_leader_of(3);
    for round in 1..5 {
        read_in_round(&mut leader, "ctx", round);
        echo(&mut leader, 2, round);
        leader.expect_reads(&[(1, "ctx")]);
    }
}

/// Echoes of an earlier leadership are of an earlier term.
#[test]
fn rounds_start_over_with_each_leadership() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).steady_leader();
        node.read("lost");
        node.become_follower(2, 2);
        node.campaign_now();
        node.persist();
        node.win();
        node.acknowledge_all();
        read_in_round(&mut node, "ctx", 1);
        echo(&mut node, 2, 1);
        node.expect_reads(&[(2, "ctx")]);
    }
}

#[test]
fn an_empty_context_confirms_nothing() {
    let mut leader = steady_leader_of(3);
    read_in_round(&mut leader, "ctx", 1);
    leader.deliver(from(2, MsgHeartbeatResp).term(1));
    leader.expect_reads(&[]);
}

#[test]
fn learners_confirm_nothing() {
    for compat in BOTH {
        let conf_state = ConfState::new([1, 2, 3], [4, 5]);
        let mut leader = Setup::in_group(conf_state).compat(compat).steady_leader();
        read_in_round(&mut leader, "ctx", 1);
        echo(&mut leader, 4, 1);
        echo(&mut leader, 5, 1);
        leader.expect_reads(&[]);
        echo(&mut leader, 2, 1);
        leader.expect_reads(&[(1, "ctx")]);
    }
}

#[test]
fn a_joint_configuration_confirms_with_both_halves() {
    for compat in BOTH {
        let joint = ConfState {
            voters: [1, 2, 3].into(),
            voters_outgoing: [1, 4, 5].into(),
            ..Default::default()
        };
        let mut leader = Setup::in_group(joint).compat(compat).steady_leader();
        read_in_round(&mut leader, "ctx", 1);
        echo(&mut leader, 2, 1);
        echo(&mut leader, 3, 1);
        leader.expect_reads(&[]);
        echo(&mut leader, 5, 1);
        leader.expect_reads(&[(1, "ctx")]);
    }
}

#[test]
fn reads_wait_for_the_first_commit_of_the_term_and_are_confirmed_then() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).log(&[1, 1]).at(1, 0, 1).leader();
        assert_eq!(leader.read("a"), ReadIndex::Queued);
        assert_eq!(leader.read("b"), ReadIndex::Queued);
        leader.expect_sent(&[]);
        // An entry of the time before does not do.
        leader.acknowledge(2, 2);
        assert_eq!(leader.node.log.committed(), 1);
        leader.take_sent();

        leader.acknowledge(2, 3);
        assert_eq!(leader.node.log.committed(), 3);
        let heartbeats: Vec<_> = leader
            .take_sent()
            .iter()
            .filter(|m| m.kind() == Ok(MsgHeartbeat))
            .map(|m| (m.to, echoed_round(&m.context)))
            .collect();
        let rounds: &[u64] = if compat == Compat::Etcd { &[1, 2] } else { &[1] };
        let expected: Vec<_> =
            rounds.iter().flat_map(|&round| [(2, Some(round)), (3, Some(round))]).collect();
        assert_eq!(heartbeats, expected);
        echo(&mut leader, 3, rounds.len() as u64);
        leader.expect_reads(&[(3, "a"), (3, "b")]);
    }
}

/// It waits for the batch after the one that was full, and no longer.
#[test]
fn a_round_that_finds_the_queue_full_is_sent_when_there_is_room() {
    for compat in BOTH {
        let small = |config: &mut crate::Config| config.max_queued_messages = 1;
        let mut leader = Setup::of(3).compat(compat).with(small).leader();
        leader.persist();
        assert_eq!(leader.read("early"), ReadIndex::Queued);
        // Lacks entries, and is sent them.
        leader.deliver(from(3, MsgHeartbeatResp).term(1));
        leader.acknowledge(2, 1);
        let sent = [leader.take_sent(), leader.take_sent()].concat();
        let rounds = sent.iter().filter(|m| m.kind() == Ok(MsgHeartbeat));
        assert!(rounds.map(|m| echoed_round(&m.context)).eq([Some(1); 2]), "{compat:?}");
        assert!(!leader.flush_due());
    }
}

#[test]
fn a_single_voter_answers_at_once() {
    for compat in BOTH {
        let mut leader = Setup::in_group(ConfState::new([1], [2])).compat(compat).steady_leader();
        assert_eq!(leader.read("ctx"), ReadIndex::Answered { index: 1 });
        leader.expect_reads(&[(1, "ctx")]);
        leader.expect_sent(&[]);
    }
}

/// Two voters, of which one goes: the other half of a joint configuration still counts.
#[test]
fn one_voter_of_a_joint_configuration_is_not_alone() {
    for compat in BOTH {
        let joint =
            ConfState { voters: [1].into(), voters_outgoing: [1, 2].into(), ..Default::default() };
        let mut leader = Setup::in_group(joint).compat(compat).steady_leader();
        assert_eq!(leader.read("ctx"), ReadIndex::Queued);
        leader.expect_reads(&[]);
    }
}

/// The only voter that is left hears nobody.
#[test]
fn a_read_is_answered_when_the_group_shrinks_before_its_round() {
    let mut leader = steady_leader_of(2);
    assert_eq!(leader.read("ctx"), ReadIndex::Queued);
    leader.switch(&change("r2"));
    leader.expect_reads(&[]);
    leader.expect_sent(&[]);
    leader.expect_reads(&[(1, "ctx")]);
}
