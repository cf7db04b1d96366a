//! Each deliberate fault shows in a small scenario; without it the same scenario shows what is
//! right.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use raft_proto::MessageType::{
    MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgPreVote, MsgSnap, MsgSnapStatus,
    MsgStorageAppendResp, MsgStorageApplyResp, MsgTransferLeader, MsgVote,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message,
};

use super::fixture::*;
use crate::config::{Compat, ReadOnlyOption};
use crate::fault::Fault;
use crate::log::AllowUnstable;

/// What is seen of a sound node, and of one with the fault.
struct Seen {
    sound: &'static str,
    faulty: &'static str,
}

/// Plays a scenario with nodes made by the function, and tells what is seen.
type Scenario = fn(With) -> String;

/// The fault of all nodes of a scenario.
#[derive(Clone, Copy)]
struct With(Option<Fault>);

impl With {
    fn of(self, voters: u64) -> Setup {
        Setup::of(voters).with(|config| config.fault = self.0)
    }

    fn in_group(self, conf_state: ConfState) -> Setup {
        Setup::in_group(conf_state).with(|config| config.fault = self.0)
    }
}

#[test]
fn each_fault_shows_and_only_where_it_is_switched_on() {
    for &fault in Fault::ALL {
        let (scenario, seen) = case(fault);
        assert_eq!(scenario(With(None)), seen.sound, "without {fault}");
        assert_eq!(scenario(With(Some(fault))), seen.faulty, "with {fault}");
        assert_ne!(seen.sound, seen.faulty, "{fault}");
    }
}

fn case(fault: Fault) -> (Scenario, Seen) {
    let seen = |sound, faulty| Seen { sound, faulty };
    match fault {
        Fault::VoteForgotten => (steps_down_in_its_term, seen("vote 1", "vote 0")),
        Fault::VoteNotPersisted => (votes_and_persists, seen("vote 2", "vote 0")),
        Fault::VotesTwice => (is_asked_twice, seen("2 granted, 3 refused", "2 granted, 3 granted")),
        Fault::VoteIgnoresLog => (is_asked_by_shorter_log, seen("2 refused", "2 granted")),
        Fault::LogComparedByIndex => (is_asked_by_older_log, seen("2 refused", "2 granted")),
        Fault::PreVoteIgnoresLog => (is_pre_asked_by_shorter_log, seen("2 refused", "2 granted")),
        Fault::VoteOutlivesTerm => (hears_of_a_later_term, seen("2 granted", "2 refused")),
        Fault::CommitsOldTerm => (figure_8, seen("commit 0", "commit 2")),
        Fault::CommitsBelowMajority => (two_of_five_acknowledge, seen("commit 0", "commit 1")),
        Fault::IncomingHalfCommits => (incoming_half_acknowledges, seen("commit 0", "commit 1")),
        Fault::LearnersCommit => (learners_acknowledge, seen("commit 0", "commit 1")),
        Fault::RejectedAppendCommits => (probe_that_does_not_match, seen("commit 0", "commit 2")),
        Fault::HeartbeatCommitUncapped => {
            (heartbeat_to_one_behind, seen("2 commits 1, 3 commits 0", "2 commits 1, 3 commits 1"))
        }
        Fault::SkipsCommitted => (applies_in_pieces, seen("1;2;3;", "1;3;")),
        Fault::AckBeforeSync => (
            takes_entries_before_the_disk,
            seen(
                "now [] then [1->2 MsgAppResp Term:1 Log:0/1]",
                "now [1->2 MsgAppResp Term:1 Log:0/1] then []",
            ),
        ),
        Fault::VoteBeforeSync => (
            votes_before_the_disk,
            seen(
                "now [] then [1->2 MsgVoteResp Term:1 Log:0/0]",
                "now [1->2 MsgVoteResp Term:1 Log:0/0] then []",
            ),
        ),
        Fault::OwnAppendBeforeSync => (peer_is_faster_than_own_disk, seen("commit 1", "commit 2")),
        Fault::StaleStorageAck => {
            (disk_answers_in_a_later_term, seen("unstable from 1", "unstable from 3"))
        }
        Fault::SkipsLogCheck => (append_after_another_term, seen("[1, 1]", "[1, 1, 2]")),
        Fault::TruncatesMatching => (append_comes_late, seen("[1, 1, 1]", "[1]")),
        Fault::ObeysStaleLeader => (append_of_an_earlier_term, seen("[]", "[1]")),
        Fault::RejectionAcknowledges => (peer_rejects, seen("match 0", "match 2")),
        Fault::SnapshotDropsLog => (snapshot_of_a_prefix, seen("last 3", "last 2")),
        Fault::SnapshotKeepsConfig => {
            (snapshot_of_another_group, seen("voters=(1 2)", "voters=(1 2 3)"))
        }
        Fault::ConfChangeAtAppend => {
            (change_is_appended, seen("voters=(1 2 3)", "voters=(1 2 3 4)"))
        }
        Fault::SeveralPendingChanges => (two_changes_at_once, seen("1 refused", "0 refused")),
        Fault::CampaignsWithPendingChange => {
            (times_out_before_applying, seen("Err(PendingConfChange)", "Ok(())"))
        }
        Fault::JointSkipped => {
            (joint_change_is_applied, seen("voters=(1 4 5)&&(1 2 3)", "voters=(1 4 5)"))
        }
        Fault::JointNeverLeft => (joint_change_is_done, seen("last 3", "last 2")),
        Fault::ReadsUnconfirmed => (read_of_a_lonely_leader, seen("", "a@1")),
        Fault::ReadsBeforeTermCommit => (read_of_a_new_leader, seen("", "a@0")),
        Fault::ReadsByContext => (reads_with_one_context, seen("a@1 a@2", "a@1 a@1")),
        Fault::LeaseNotCounted => (lease_read_of_a_lonely_leader, seen("", "a@1")),
        Fault::LeaseOutlivesTransfer => (lease_read_after_transfer, seen("", "a@1")),
        Fault::LeaseNotHonoured => (is_asked_while_it_hears_a_leader, seen("", "3 granted")),
        Fault::RestartForgetsPromise => (is_asked_when_it_has_started, seen("", "3 granted")),
        Fault::QuorumNeverChecked => (hears_nobody, seen("StateFollower", "StateLeader")),
        Fault::PreCandidateRaisesTerm => (pre_campaigns_thrice, seen("term 0", "term 3")),
        Fault::RejectionIgnored => (probe_is_rejected, seen("next 1", "next 3")),
        Fault::InflightsNeverFreed => (window_of_two, seen("full false", "full true")),
        Fault::SnapshotFailureIgnored => (snapshot_is_lost, seen("StateProbe", "StateSnapshot")),
        Fault::TransferNeverAborted => (
            transferee_is_silent,
            seen("Ok(\"taken\")", "Err(TransferInProgress { transferee: 2 })"),
        ),
    }
}

fn sent(messages: &[Message]) -> String {
    texts(messages).join(", ")
}

/// What leaves at once, and what when all is on disk.
fn queues(machine: &mut Machine) -> String {
    format!("now [{}] then [{}]", sent(&machine.take_sent()), sent(&machine.take_vouching()))
}

/// Who was granted a vote, and who was refused one.
fn answered(machine: &mut Machine) -> String {
    let word = |m: &Message| if m.reject { "refused" } else { "granted" };
    let answers = machine.take_vouching();
    let answers = answers.iter().map(|m| format!("{} {}", m.to, word(m)));
    answers.collect::<Vec<_>>().join(", ")
}

fn commit(machine: &Machine) -> String {
    format!("commit {}", machine.node.log.committed())
}

// Votes.

fn steps_down_in_its_term(with: With) -> String {
    let mut node = with.of(3).candidate();
    node.deliver(from(2, MsgHeartbeat).term(1));
    format!("vote {}", node.node.vote)
}

fn votes_and_persists(with: With) -> String {
    let mut node = with.of(3).node();
    node.step(from(2, MsgVote).term(1)).expect("a request");
    let ready = node.ready().expect("a vote to write");
    format!("vote {}", ready.hard_state().expect("the vote").vote)
}

fn is_asked_twice(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(from(2, MsgVote).term(1));
    node.deliver(from(3, MsgVote).term(1));
    answered(&mut node)
}

fn is_asked_by_shorter_log(with: With) -> String {
    let mut node = with.of(3).log(&[1, 1]).follower();
    node.deliver(from(2, MsgVote).term(2).log(1, 1));
    answered(&mut node)
}

fn is_asked_by_older_log(with: With) -> String {
    let mut node = with.of(3).log(&[1, 2]).follower();
    node.deliver(from(2, MsgVote).term(3).log(1, 5));
    answered(&mut node)
}

fn is_pre_asked_by_shorter_log(with: With) -> String {
    let mut node = with.of(3).log(&[1, 1]).follower();
    node.deliver(from(2, MsgPreVote).term(2).log(1, 1));
    answered(&mut node)
}

fn hears_of_a_later_term(with: With) -> String {
    let mut node = with.of(3).at(1, 3, 0).follower();
    node.deliver(from(2, MsgVote).term(2));
    answered(&mut node)
}

// The commit index.

fn figure_8(with: With) -> String {
    let mut leader = with.of(3).log(&[1, 2]).leader();
    leader.acknowledge(2, 2);
    commit(&leader)
}

fn two_of_five_acknowledge(with: With) -> String {
    let mut leader = with.of(5).leader();
    leader.acknowledge(3, 1);
    commit(&leader)
}

fn joint() -> ConfState {
    ConfState { voters_outgoing: [1, 4, 5].into(), ..ConfState::new([1, 2, 3], []) }
}

fn incoming_half_acknowledges(with: With) -> String {
    let mut leader = with.in_group(joint()).leader();
    leader.acknowledge(2, 1);
    leader.acknowledge(3, 1);
    commit(&leader)
}

fn learners_acknowledge(with: With) -> String {
    let mut leader = with.in_group(ConfState::new([1, 2, 3], [4, 5])).leader();
    leader.acknowledge(4, 1);
    leader.acknowledge(5, 1);
    commit(&leader)
}

fn probe_that_does_not_match(with: With) -> String {
    let mut node = with.of(3).log(&[1, 1]).follower();
    node.deliver(append(2, 2, (2, 2), &[2]).commit(2));
    commit(&node)
}

fn heartbeat_to_one_behind(with: With) -> String {
    let mut leader = with.of(3).leader();
    leader.acknowledge(2, 1);
    leader.take_sent();
    leader.pass(1);
    let beats = leader.take_sent();
    let beats = beats.iter().map(|m| format!("{} commits {}", m.to, m.commit));
    beats.collect::<Vec<_>>().join(", ")
}

fn applies_in_pieces(with: With) -> String {
    let setup = with.of(1).with(|config| config.max_committed_size_per_ready = 1);
    let mut node = setup.log(&[1, 1, 1]).at(1, 0, 3).follower();
    let mut seen = String::new();
    loop {
        let entries = node.apply();
        if entries.is_empty() {
            return seen;
        }
        entries.iter().for_each(|entry| seen += &format!("{};", entry.index));
    }
}

// Durability.

fn takes_entries_before_the_disk(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(append(2, 1, (0, 0), &[1]));
    queues(&mut node)
}

fn votes_before_the_disk(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(from(2, MsgVote).term(1));
    queues(&mut node)
}

fn peer_is_faster_than_own_disk(with: With) -> String {
    let mut leader = with.of(3).steady_leader();
    leader.add("x");
    leader.acknowledge(2, 2);
    commit(&leader)
}

fn disk_answers_in_a_later_term(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(append(2, 1, (0, 0), &[1, 1]));
    node.node.log.accept_unstable();
    node.deliver(append(3, 2, (0, 0), &[2, 2]));
    node.deliver(from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(1).log(1, 2));
    format!("unstable from {}", node.node.log.unstable().offset())
}

// The log.

fn append_after_another_term(with: With) -> String {
    let mut node = with.of(3).log(&[1, 1]).follower();
    node.deliver(append(2, 2, (2, 2), &[2]));
    format!("{:?}", node.log_terms())
}

fn append_comes_late(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(append(2, 1, (0, 0), &[1, 1, 1]));
    node.deliver(append(2, 1, (0, 0), &[1]));
    format!("{:?}", node.log_terms())
}

fn append_of_an_earlier_term(with: With) -> String {
    let mut node = with.of(3).at(2, 3, 0).follower();
    node.deliver(append(2, 1, (0, 0), &[1]));
    format!("{:?}", node.log_terms())
}

fn peer_rejects(with: With) -> String {
    let mut leader = with.of(3).log(&[1, 1]).leader();
    leader.deliver(from(2, MsgAppResp).term(2).index(2).hint(0, 0));
    format!("match {}", leader.progress(2).match_index)
}

// Snapshots.

fn snapshot_of_a_prefix(with: With) -> String {
    let mut node = with.of(3).log(&[1, 1, 1]).follower();
    node.deliver(from(2, MsgSnap).term(1).snapshot(snapshot(2, 1, voters(&[1, 2, 3]))));
    format!("last {}", node.node.log.last_index())
}

fn snapshot_of_another_group(with: With) -> String {
    let mut node = with.of(3).follower();
    node.deliver(from(2, MsgSnap).term(1).snapshot(snapshot(2, 1, voters(&[1, 2]))));
    node.config()
}

// Membership.

fn change_is_appended(with: With) -> String {
    let mut leader = with.of(3).steady_leader();
    leader.apply();
    leader.offer_change(change("v4")).expect("a leader that takes changes");
    leader.config()
}

fn two_changes_at_once(with: With) -> String {
    let mut leader = with.of(3).steady_leader();
    leader.apply();
    leader.take_events();
    for text in ["r3", "r2"] {
        leader.offer_change(change(text)).expect("a leader that takes proposals");
    }
    format!("{} refused", leader.take_events().len())
}

fn times_out_before_applying(with: With) -> String {
    let mut node = with.of(3).follower();
    let mut entry = ConfChangeRequest::from(change("v4")).into_entry();
    (entry.term, entry.index) = (1, 1);
    node.deliver(from(2, MsgApp).term(1).entries(entry).commit(1));
    let kind = node.campaign_kind();
    format!("{:?}", node.try_campaign(kind).expect("storage"))
}

fn joint_change_is_applied(with: With) -> String {
    let mut node = with.of(3).follower();
    node.switch(&explicit("v4 v5 r2 r3"));
    node.config()
}

fn joint_change_is_done(with: With) -> String {
    let mut leader = with.of(1).steady_leader();
    leader.apply();
    leader.offer_change(implicit("v2 v3")).expect("a leader that takes changes");
    leader.persist();
    let entries = leader.node.log.take_committed(AllowUnstable::Yes).expect("storage");
    leader.switch(&implicit("v2 v3"));
    let done = from(LOCAL_APPLY_THREAD, MsgStorageApplyResp);
    leader.deliver(done.entries(entries));
    format!("last {}", leader.node.log.last_index())
}

// Reads.

fn answers(machine: &mut Machine) -> String {
    let states = machine.take_read_states();
    let answered = states.iter().map(|s| format!("{}@{}", s.request_ctx.escape_ascii(), s.index));
    answered.collect::<Vec<_>>().join(" ")
}

fn read_of_a_lonely_leader(with: With) -> String {
    let mut leader = with.of(3).steady_leader();
    leader.read("a");
    answers(&mut leader)
}

fn read_of_a_new_leader(with: With) -> String {
    let mut leader = with_lease(with.of(3).etcd()).log(&[1]).leader();
    leader.read("a");
    answers(&mut leader)
}

fn reads_with_one_context(with: With) -> String {
    let mut leader = with.of(3).etcd().steady_leader();
    leader.read("a");
    leader.add("x");
    leader.persist();
    leader.acknowledge(2, 2);
    leader.read("a");
    leader.deliver(from(2, MsgHeartbeatResp).term(1).context(2u64.to_le_bytes().to_vec()));
    answers(&mut leader)
}

fn with_lease(setup: Setup) -> Setup {
    setup.with(|config| {
        (config.check_quorum, config.read_only) = (true, ReadOnlyOption::LeaseBased);
    })
}

fn lease_read_of_a_lonely_leader(with: With) -> String {
    let mut leader = with_lease(with.of(3)).steady_leader();
    leader.read("a");
    answers(&mut leader)
}

fn lease_read_after_transfer(with: With) -> String {
    let mut leader = with_lease(with.of(3)).steady_leader();
    leader.pass(1);
    let heartbeat = leader.take_sent().swap_remove(0);
    leader.deliver(from(2, MsgHeartbeatResp).term(1).context(heartbeat.context));
    leader.deliver(from(2, MsgTransferLeader));
    leader.read("a");
    answers(&mut leader)
}

fn is_asked_while_it_hears_a_leader(with: With) -> String {
    let mut node = with_lease(with.of(3)).follower_of_2();
    node.deliver(from(3, MsgVote).term(2));
    answered(&mut node)
}

fn is_asked_when_it_has_started(with: With) -> String {
    let mut node = with_lease(with.of(3)).at(1, 2, 0).follower();
    node.deliver(from(3, MsgVote).term(2));
    answered(&mut node)
}

// Liveness.

fn hears_nobody(with: With) -> String {
    let mut leader = with.of(3).with(|config| config.check_quorum = true).steady_leader();
    leader.pass(20);
    format!("{}", leader.role.name())
}

fn pre_campaigns_thrice(with: With) -> String {
    let mut node = with.of(3).with(|config| config.pre_vote = true).follower();
    (0..3).for_each(|_| node.campaign_now());
    format!("term {}", node.node.term)
}

fn probe_is_rejected(with: With) -> String {
    let mut leader = with.of(3).log(&[1, 1]).leader();
    leader.deliver(from(2, MsgAppResp).term(2).index(2).hint(0, 0));
    format!("next {}", leader.progress(2).next_index)
}

fn window_of_two(with: With) -> String {
    let setup = with.of(3).with(|config| {
        (config.max_inflight_msgs, config.compat) = (2, Compat::Etcd);
    });
    let mut leader = setup.steady_leader();
    for index in 2..6 {
        leader.add("x");
        leader.acknowledge(2, index);
    }
    format!("full {}", leader.progress(2).inflights.is_full())
}

fn snapshot_is_lost(with: With) -> String {
    let mut leader = with.of(3).snapshot(5, 1).leader();
    leader.progress_mut(2).become_snapshot(5);
    leader.deliver(from(2, MsgSnapStatus).reject());
    format!("{}", leader.progress(2).state)
}

fn transferee_is_silent(with: With) -> String {
    let mut leader = with.of(3).steady_leader();
    leader.deliver(from(2, MsgTransferLeader));
    leader.pass(10);
    let outcome = leader.offer(Entry::proposal("x")).map(|_| "taken");
    format!("{outcome:?}")
}
