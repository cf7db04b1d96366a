//! How leader and follower find the point where their logs part.

use raft_proto::MessageType::MsgAppResp;

use crate::config::Compat;
use crate::raft::tests::fixture::*;
use crate::tracker::ProgressState;

/// A leader with this log, and one more entry of its own, meets a follower with that one. Answers
/// the follower's hint (term, index) and the position of the next probe (term, index).
#[track_caller]
fn meet(leader_log: &[u64], follower_log: &[u64]) -> ((u64, u64), (u64, u64)) {
    let mut outcomes = BOTH.map(|compat| {
        let term = leader_log.last().max(follower_log.last()).copied().unwrap_or(0);
        let mut leader = Setup::of(2).compat(compat).log(leader_log).at(term, 0, 0).candidate();
        leader.deliver(from(2, raft_proto::MessageType::MsgVoteResp).term(term + 1));
        let probe = leader.take_sent().pop().expect("a probe");
        assert_eq!(probe.index, leader_log.len() as u64);

        let mut follower = Setup::of(2).id(2).compat(compat).log(follower_log).follower();
        follower.deliver(probe);
        let answer = follower.take_vouching().pop().expect("an answer");
        assert!(answer.reject);
        let hint = (answer.log_term, answer.reject_hint);
        leader.deliver(answer);
        let next = leader.take_sent().pop().expect("another probe");
        (hint, (next.log_term, next.index))
    });
    outcomes.sort();
    assert_eq!(outcomes[0], outcomes[1]);
    outcomes[0]
}

/// etcd: TestFastLogRejection
#[test]
fn the_leader_skips_all_entries_of_terms_later_than_the_hint() {
    // The follower's term at the probed index is 3, and the leader has nothing of that term:
    // ```
    //   index     1 2 3 4 5 6 7 8 9 10 11
    //   leader    1 2 2 4 4 4 4
    //   follower  1 2 2 3 3 3 3 3 3 3  3
    // ```
    assert_eq!(meet(&[1, 2, 2, 4, 4, 4, 4], &[1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]), ((3, 7), (2, 3)));
    // The leader has one entry of that term.
    assert_eq!(
        meet(&[1, 2, 2, 3, 4, 4, 4, 5], &[1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]),
        ((3, 8), (3, 4))
    );
}

/// etcd: TestFastLogRejection
#[test]
fn the_follower_skips_all_entries_of_terms_later_than_the_probe() {
    // ```
    //   index     1 2 3 4
    //   leader    1 1 1 1
    //   follower  1 2 2 4
    // ```
    assert_eq!(meet(&[1, 1, 1, 1], &[1, 2, 2, 4]), ((1, 1), (1, 1)));
    // A follower with a longer log says the same.
    assert_eq!(meet(&[1, 1, 1, 1], &[1, 2, 2, 4, 4, 4]), ((1, 1), (1, 1)));
    assert_eq!(meet(&[1, 1, 1, 1, 1, 1], &[1, 2, 2, 4, 4, 4]), ((1, 1), (1, 1)));
}

/// etcd: TestFastLogRejection
#[test]
fn a_follower_that_only_lacks_entries_says_where_its_log_ends() {
    assert_eq!(meet(&[1, 1, 1, 4, 5], &[1, 1, 1, 4]), ((4, 4), (4, 4)));
    assert_eq!(meet(&[1, 1], &[]), ((0, 0), (0, 0)));
    // Its log ends with a later term: the hint goes back to what can match.
    assert_eq!(meet(&[2, 5, 5, 5, 5, 5, 5, 5, 5], &[2, 4, 4, 4, 4, 4]), ((4, 6), (2, 1)));
    assert_eq!(meet(&[2, 2, 2, 2, 2], &[2, 4, 4, 4, 4, 4, 4, 4]), ((2, 1), (2, 1)));
}

/// The follower has compacted what it would have to look at, and cannot tell its terms.
///
/// etcd: TestFastLogRejection
#[test]
fn a_hint_into_the_compacted_log_has_no_term() {
    let mut follower = Setup::of(2).id(2).snapshot(5, 4).log(&[4]).at(4, 0, 5).follower();
    follower.deliver(append(1, 6, (2, 6), &[6]));
    // Below 5 nothing is known. What is committed matches anyway.
    follower.expect_vouching(&["2->1 MsgAppResp Term:6 Log:0/6 Rejected (Hint: 4)"]);
}

#[test]
fn a_rejection_without_a_term_is_taken_at_its_index() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).log(&[1, 1, 1, 1, 1]).leader();
        leader.deliver(from(2, MsgAppResp).term(2).index(5).hint(0, 3));
        let probe = leader.take_sent().pop().expect("a probe");
        assert_eq!((probe.log_term, probe.index), (1, 3));
        leader.expect_progress(2, "StateProbe match=0 next=4 paused");
    }
}

#[test]
fn a_rejection_is_told_and_makes_the_next_probe_start_lower() {
    let mut leader = Setup::of(2).etcd().log(&[1, 1, 1]).leader();
    leader.deliver(from(2, MsgAppResp).term(2).index(3).hint(1, 1));
    leader.expect_events(&[
        "1 received MsgAppResp(rejected, hint: (index 1, term 1)) from 2 for index 3",
        "1 decreased progress of 2 to [StateProbe match=0 next=2]",
    ]);
    assert!(leader.progress(2).recent_active);
}

/// etcd: TestLeaderAppResp
#[test]
fn a_stale_rejection_is_ignored() {
    for compat in BOTH {
        // Probed at 3: a rejection of any other index is an old one.
        for index in [0, 1, 2, 4] {
            let mut leader = Setup::of(2).compat(compat).log(&[1, 1, 1]).leader();
            leader.deliver(from(2, MsgAppResp).term(2).index(index).hint(0, 0));
            leader.expect_progress(2, "StateProbe match=0 next=4 paused");
            leader.expect_sent(&[]);
        }
        // In replication: of an index that is known to match.
        let mut leader = Setup::of(2).compat(compat).log(&[1, 1, 1]).steady_leader();
        leader.deliver(from(2, MsgAppResp).term(2).index(4).hint(0, 0));
        leader.expect_progress(2, "StateReplicate match=4 next=5");
        leader.expect_sent(&[]);
    }
}

#[test]
fn a_rejection_while_replicating_goes_back_to_probing() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.add("x");
        leader.take_sent();
        leader.expect_progress(2, "StateReplicate match=1 next=3 inflight=1");
        leader.deliver(from(2, MsgAppResp).term(1).index(2).hint(0, 0));
        // From after what is known to match, whatever the hint says.
        leader
            .expect_sent(&["1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]"]);
        leader.expect_progress(2, "StateProbe match=1 next=2 paused");
    }
}

/// A link that was clogged brings old rejections and acknowledgements in turn.
#[test]
fn an_old_answer_is_not_taken_for_that_to_the_probe_here_and_is_there() {
    let sent = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        for data in ["a", "b", "c"] {
            leader.add(data);
            leader.take_sent();
        }
        leader.expect_progress(2, "StateReplicate match=1 next=5 inflight=3");
        leader.deliver(from(2, MsgAppResp).term(1).index(2).hint(0, 1));
        // Before the probe is sent, and after.
        leader.deliver(from(2, MsgAppResp).term(1).index(1));
        let mut sent = leader.take_sent().len();
        leader.deliver(from(2, MsgAppResp).term(1).index(1));
        sent += leader.take_sent().len();
        (leader, sent)
    };
    let (mut leader, appends) = sent(Compat::Strict);
    assert_eq!(appends, 1);
    leader.expect_progress(2, "StateProbe match=1 next=2 paused");
    // The probe's own answer ends the probing.
    leader.deliver(from(2, MsgAppResp).term(1).index(4));
    leader.expect_progress(2, "StateReplicate match=4 next=5");

    let (leader, appends) = sent(Compat::Etcd);
    assert!(appends > 1);
    assert_eq!(leader.progress(2).state, ProgressState::Replicate);
}

/// What the follower rejects first and accepts then may be answered in the other order.
///
/// etcd: TestLogReplicationWithReorderedMessage
#[test]
fn messages_and_answers_may_come_in_another_order() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        let mut follower = Setup::of(2).id(2).compat(compat).log(&[1]).follower();
        leader.add("one");
        let first = leader.take_sent().pop().expect("an append");
        leader.add("two");
        let second = leader.take_sent().pop().expect("an append");

        follower.deliver(second);
        let rejection = follower.take_vouching().pop().expect("an answer");
        assert_eq!(
            texts(core::slice::from_ref(&rejection)),
            ["2->1 MsgAppResp Term:1 Log:1/2 Rejected (Hint: 1)"]
        );
        follower.deliver(first);
        let acceptance = follower.take_vouching().pop().expect("an answer");
        assert_eq!(texts(core::slice::from_ref(&acceptance)), ["2->1 MsgAppResp Term:1 Log:0/2"]);

        leader.persist();
        leader.deliver(acceptance);
        leader.take_sent();
        leader.expect_progress(2, "StateReplicate match=2 next=4 inflight=1");
        leader.deliver(rejection);
        leader.expect_progress(2, "StateReplicate match=2 next=4 inflight=1");
        leader.expect_sent(&[]);
    }
}
