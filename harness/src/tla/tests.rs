//! Traces of small clusters, to the letter, and what the check says of damaged ones.
//!
//! The lines that are expected lie in `tests/`; with `REWRITE=1` in the environment they are written
//! anew.

mod cluster;
mod damage;
mod random;

use std::path::Path;
use std::{env, fs};

use raft_core::StateRole;
use raft_proto::{
    ConfChange, ConfChangeTransition, ConfChangeType, ConfChangeV2, parse_conf_changes,
};

use self::cluster::Cluster;
use super::*;

impl Cluster {
    /// Exactly these lines were written since the last call.
    #[track_caller]
    fn expect_lines(&mut self, name: &str) {
        let lines = self.take_lines();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/tla/tests")
            .join(name)
            .with_extension("jsonl");
        if env::var_os("REWRITE").is_some() {
            fs::write(&path, &lines).expect("a folder to write to");
        }
        let expected = fs::read_to_string(&path).expect("the lines that are expected");
        expect_same(&expected, &lines);
    }

    /// The names, and where: `2 Commit`.
    fn names(&self, from: usize) -> Vec<String> {
        let events = self.trace.events();
        events[from..].iter().map(|event| format!("{} {:?}", event.nid, event.name)).collect()
    }
}

#[track_caller]
fn expect_same(expected: &str, found: &str) {
    let diff = similar::TextDiff::from_lines(expected, found);
    assert_eq!(expected, found, "\n{}", diff.unified_diff());
}

/// What the check says of a trace that is sound.
#[track_caller]
fn expect_sound(trace: &TlaTrace) {
    let mut text = Vec::new();
    trace.write_to(&mut text).unwrap();
    let parsed = parse(std::str::from_utf8(&text).unwrap()).unwrap();
    assert_eq!(parsed, trace.events());
    assert_eq!(check(&parsed), Ok(()));
}

#[test]
fn boot_election_replication_change_and_restart_to_the_letter() {
    let mut cluster = Cluster::boot(3, |_| {});
    cluster.expect_lines("boot");
    cluster.settle();
    cluster.take_lines();

    cluster.campaign(1);
    cluster.expect_lines("election");

    cluster.propose(1, "x");
    cluster.expect_lines("replication");

    cluster.restart(2);
    cluster.settle();
    cluster.expect_lines("restart");

    expect_sound(&cluster.trace);
}

#[test]
fn a_change_of_the_configuration_to_the_letter() {
    let mut cluster = Cluster::boot(1, |_| {});
    cluster.campaign(1);
    cluster.take_lines();
    cluster.join(2, |_| {});
    cluster.change(1, ConfChange::new(ConfChangeType::AddLearnerNode, 2));
    cluster.expect_lines("add_learner");
    cluster.change(1, ConfChange::new(ConfChangeType::AddNode, 2));
    cluster.change(1, ConfChange::new(ConfChangeType::RemoveNode, 2));
    cluster.expect_lines("promote_and_remove");
    expect_sound(&cluster.trace);
}

#[test]
fn a_leader_of_an_earlier_term_is_rejected_to_the_letter() {
    let mut cluster = Cluster::boot(3, |config| config.check_quorum = true);
    cluster.campaign(1);
    // Node 1 leads on in its term, and hears nothing of the next.
    cluster.isolate(1);
    cluster.node(3).set_randomized_election_timeout(19).expect("within the default's range");
    cluster.tick(3, 10);
    cluster.campaign(2);
    cluster.mend();
    cluster.take_lines();
    cluster.tick(1, 1);
    cluster.expect_lines("stale_leader");
    assert_eq!(cluster.role(1), StateRole::Follower);
    expect_sound(&cluster.trace);
}

#[test]
fn a_vote_request_that_is_ignored_was_never_received() {
    let mut cluster = Cluster::boot(3, |config| config.check_quorum = true);
    cluster.campaign(1);
    let before = cluster.trace.events().len();
    cluster.campaign(3);
    let names = cluster.names(before);
    let requests = |name: &&String| name.ends_with("SendRequestVoteRequest");
    assert_eq!(names.iter().filter(requests).count(), 2);
    assert!(!names.iter().any(|name| name.ends_with("ReceiveRequestVoteRequest")), "{names:#?}");
    expect_sound(&cluster.trace);
}

#[test]
fn a_pre_candidate_is_a_follower() {
    let mut cluster = Cluster::boot(3, |config| config.pre_vote = true);
    cluster.settle();
    cluster.isolate(2);
    // It asks, and hears nothing; then it hears a leader of its term.
    let before = cluster.trace.events().len();
    cluster.campaign(2);
    assert_eq!(cluster.role(2), StateRole::PreCandidate);
    assert_eq!(cluster.names(before), ["2 Ready"]);
    cluster.campaign(1);
    assert_eq!(cluster.role(1), StateRole::Leader);
    let leads = cluster.trace.events();
    let leads = leads.iter().filter(|event| event.name == Name::BecomeLeader);
    assert_eq!(leads.count(), 1);
    cluster.mend();
    cluster.tick(1, 1);
    assert_eq!(cluster.role(2), StateRole::Follower);
    let of_2 = |name: &String| name == "2 BecomeFollower";
    // When it was booted, and when it heard of the leader's term.
    assert_eq!(cluster.names(0).iter().filter(|name| of_2(name)).count(), 2);
    expect_sound(&cluster.trace);
}

#[test]
fn a_candidate_that_asks_for_pre_votes_again_has_given_up() {
    let mut cluster = Cluster::boot(3, |config| config.pre_vote = true);
    cluster.settle();
    cluster.node(2).campaign().expect("a node that may campaign");
    // The pre-votes arrive, the vote requests do not.
    while cluster.role(2) != StateRole::Candidate {
        cluster.deliver_one();
    }
    cluster.isolate(2);
    cluster.settle();
    let before = cluster.trace.events().len();
    cluster.campaign(2);
    assert_eq!(cluster.role(2), StateRole::PreCandidate);
    assert_eq!(cluster.names(before), ["2 BecomeFollower", "2 Ready"]);
    expect_sound(&cluster.trace);
}

#[test]
fn a_transfer_a_loss_and_a_divergent_log_are_sound() {
    let mut cluster = Cluster::boot(3, |_| {});
    cluster.campaign(1);
    drop(cluster.node(1).transfer_leader(2));
    cluster.settle();
    assert_eq!(cluster.role(2), StateRole::Leader);
    cluster.isolate(2);
    cluster.propose(2, "lost");
    cluster.campaign(3);
    cluster.propose(3, "kept");
    cluster.mend();
    cluster.tick(3, 1);
    cluster.tick(3, 1);
    assert_eq!(cluster.role(2), StateRole::Follower);
    expect_sound(&cluster.trace);
}

#[test]
fn proposals_of_one_batch_are_acknowledged_as_they_were_sent() {
    let mut cluster = Cluster::boot(1, |config| config.compat = raft_core::Compat::Strict);
    cluster.campaign(1);
    let before = cluster.trace.events().len();
    for data in ["x", "y"] {
        cluster.node(1).propose(data).expect("a leader");
    }
    cluster.settle();
    assert_eq!(
        cluster.names(before),
        [
            "1 Replicate",
            "1 SendAppendEntriesResponse",
            "1 Replicate",
            "1 SendAppendEntriesResponse",
            "1 Ready",
            "1 ReceiveAppendEntriesResponse",
            "1 Commit",
            "1 Ready",
        ]
    );
    expect_sound(&cluster.trace);
}

#[test]
fn a_trace_ends_when_it_is_closed() {
    let mut cluster = Cluster::boot(3, |_| {});
    cluster.campaign(1);
    while !cluster.trace.is_closed() {
        cluster.propose(1, "x");
    }
    cluster.propose(1, "x");
    assert_eq!(cluster.trace.events().len(), MAX_EVENTS);
    expect_sound(&cluster.trace);
}

#[test]
fn a_trace_ends_before_a_change_that_the_specification_does_not_know() {
    let mut cluster = Cluster::boot(1, |_| {});
    cluster.campaign(1);
    let before = cluster.trace.events().len();
    let changes = parse_conf_changes("v2 v3").expect("a list of changes");
    cluster.change(1, ConfChangeV2::new(ConfChangeTransition::Auto, changes));
    assert!(cluster.trace.is_closed());
    assert_eq!(cluster.trace.events().len(), before);
}

#[test]
fn what_a_trace_shows_is_found() {
    let mut cluster = Cluster::boot(3, |_| {});
    cluster.campaign(1);
    let shown =
        |cluster: &Cluster| features(&cluster.trace.events()).into_iter().collect::<Vec<_>>();
    assert_eq!(shown(&cluster), []);

    // A leader that nobody hears gathers what another's log then replaces.
    cluster.isolate(1);
    for data in ["a", "b", "c"] {
        cluster.propose(1, data);
    }
    cluster.campaign(2);
    cluster.mend();
    cluster.tick(2, 1);
    cluster.settle();
    use Feature::*;
    assert_eq!(shown(&cluster), [ReElection, Loss, DivergentLogs]);
    cluster.restart(3);
    assert_eq!(shown(&cluster), [ReElection, Loss, DivergentLogs, Restart]);
}

#[test]
fn changes_of_the_configuration_are_told_apart() {
    let mut cluster = Cluster::boot(1, |_| {});
    cluster.campaign(1);
    cluster.join(2, |_| {});
    cluster.join(3, |_| {});
    let mut shown = Vec::new();
    for (kind, id) in [
        (ConfChangeType::AddLearnerNode, 2),
        (ConfChangeType::AddNode, 2),
        (ConfChangeType::AddNode, 3),
        (ConfChangeType::RemoveNode, 3),
    ] {
        cluster.change(1, ConfChange::new(kind, id));
        shown.push(features(&cluster.trace.events()).into_iter().collect::<Vec<_>>());
    }
    use Feature::*;
    assert_eq!(
        shown,
        [
            vec![],
            vec![LearnerPromoted],
            vec![VoterAdded, LearnerPromoted],
            vec![VoterAdded, LearnerPromoted, VoterRemoved]
        ]
    );
}
