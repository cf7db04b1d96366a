use raft_core::VoteRequest;
use raft_core::quorum::MajorityConfig;
use raft_proto::{Entry, Message, MessageType};

use super::*;
use crate::model::scenario::{Scenario, Start};
use crate::model::turns::Turns;
use crate::model::world::World;

/// Three nodes that have applied the first entry of leader 1.
fn members() -> Vec<Arc<Member>> {
    let scenario = Scenario::new("rules", Start::Led);
    World::first(&scenario, &Turns::default()).expect("it starts").0.members
}

/// What has happened in `members`, as far as it matters.
fn history(members: &[Arc<Member>]) -> History {
    let mut history = History::new(members[0].configuration());
    judge(&mut history, 1, members, &[leads(1, members), commits(1, 0, 1, members)])
        .expect("it was so");
    history
}

fn judge(
    history: &mut History,
    node: u64,
    members: &[Arc<Member>],
    observed: &[Observed],
) -> Result<(), Rule> {
    let judged = history.judge(node, observed, members, &mut ReachedSet::default());
    judged.map_err(|broken| broken.rule)
}

fn leads(term: u64, members: &[Arc<Member>]) -> Observed {
    Observed::Leads { term, log: members[0].log().clone() }
}

fn commits(term: u64, from: u64, to: u64, members: &[Arc<Member>]) -> Observed {
    Observed::Commits {
        from,
        to,
        term,
        leads: true,
        log: members[0].log().clone(),
        durable: members[0].durable().clone(),
        config: members[0].configuration(),
    }
}

/// The log of node 1 with `entries` after it.
fn log_with(members: &[Arc<Member>], entries: &[Entry]) -> LogView {
    let mut log = members[0].log().clone();
    log.append(&entries.iter().cloned().collect());
    log
}

#[test]
fn what_was_so_may_be_seen_again() {
    let members = members();
    let mut history = history(&members);
    let again = [leads(1, &members), commits(1, 0, 1, &members), leads(2, &members)];
    assert_eq!(judge(&mut history, 1, &members, &again), Ok(()));
}

#[test]
fn two_leaders_of_a_term_are_seen() {
    let members = members();
    let judged = judge(&mut history(&members), 2, &members, &[leads(1, &members)]);
    assert_eq!(judged, Err(Rule::ElectionSafety));
}

#[test]
fn a_leader_without_a_committed_entry_is_seen() {
    let members = members();
    let empty = Observed::Leads { term: 2, log: LogView::default() };
    let judged = judge(&mut history(&members), 2, &members, &[empty]);
    assert_eq!(judged, Err(Rule::LeaderCompleteness));
}

#[test]
fn a_commit_that_is_on_one_disk_only_is_seen() {
    let members = members();
    let log = log_with(&members, &[Entry::new(1, 2, "x")]);
    let Observed::Commits { config, .. } = commits(1, 1, 2, &members) else { unreachable!() };
    let durable = log.clone();
    let commit = Observed::Commits { from: 1, to: 2, term: 1, leads: true, log, durable, config };
    let judged = judge(&mut history(&members), 1, &members, &[commit]);
    assert_eq!(judged, Err(Rule::CommittedIsDurable));
}

#[test]
fn a_commit_by_counting_an_older_term_is_seen() {
    let members = members();
    let commit = commits(2, 0, 1, &members);
    let mut nothing_committed = History::new(members[0].configuration());
    let judged = judge(&mut nothing_committed, 1, &members, std::slice::from_ref(&commit));
    assert_eq!(judged, Err(Rule::CommitsOwnTerm));
    let judged = judge(&mut history(&members), 1, &members, &[commit]);
    assert_eq!(judged, Ok(()), "somebody has told it");
}

#[test]
fn other_entries_than_the_committed_ones_are_seen() {
    let members = members();
    let mut history = history(&members);
    let other = Slot::of(&Entry::new(1, 1, "x"));
    assert_eq!(
        judge(&mut history, 2, &members, &[Observed::Applies(other)]),
        Err(Rule::StateMachineSafety)
    );
    let early = Slot::of(&Entry::new(1, 2, "x"));
    assert_eq!(
        judge(&mut history, 2, &members, &[Observed::Applies(early)]),
        Err(Rule::StateMachineSafety)
    );
    let conf_state = members[0].configuration().conf_state();
    let install = Observed::Installs { id: EntryId::new(2, 1), conf_state };
    assert_eq!(judge(&mut history, 2, &members, &[install]), Err(Rule::StateMachineSafety));
}

#[test]
fn configurations_that_differ_or_have_no_common_quorum_are_seen() {
    let members = members();
    let mut history = history(&members);
    let config = |voters: &[u64]| {
        let incoming = MajorityConfig(voters.iter().copied().collect());
        let voters = JointConfig { incoming, ..JointConfig::default() };
        Configuration { voters, ..Configuration::default() }
    };
    let configures = |index, voters: &[u64]| Observed::Configures { index, config: config(voters) };
    let mut after = |observed| judge(&mut history, 1, &members, &[observed]);
    assert_eq!(after(configures(2, &[1, 2])), Ok(()));
    assert_eq!(after(configures(2, &[1, 3])), Err(Rule::SameConfiguration));
    assert_eq!(after(configures(3, &[3, 4])), Err(Rule::QuorumsIntersect));
    let conf_state = config(&[1, 3]).conf_state();
    let install = Observed::Installs { id: EntryId::new(1, 1), conf_state };
    assert_eq!(after(install), Err(Rule::SameConfiguration));
}

#[test]
fn what_a_node_itself_gives_away_is_seen() {
    let members = members();
    let last = EntryId::new(1, 1);
    let request = VoteRequest {
        last,
        vote: 0,
        kind: MessageType::MsgVote,
        from: 2,
        candidate_last: EntryId::default(),
        term: 1,
    };
    for (observed, rule) in [
        (Observed::Regresses { what: "term", from: 2, to: 1 }, Rule::Monotone),
        (Observed::VotesAgain { term: 1, first: 1, second: 2 }, Rule::OneVote),
        (Observed::VotesUnduly(request), Rule::VotesForUpToDate),
        (
            Observed::Vouches { message: Message::default(), why: String::new() },
            Rule::DurableBeforeAcknowledged,
        ),
        (Observed::Fails(String::new()), Rule::NodesGoOn),
    ] {
        assert_eq!(judge(&mut history(&members), 2, &members, &[observed]), Err(rule));
    }
}

#[test]
fn logs_match_up_to_their_last_common_entry() {
    let log = |terms: &[u64]| {
        let mut log = LogView::default();
        log.append(&(1..).zip(terms).map(|(index, term)| Entry::new(*term, index, "")).collect());
        log
    };
    assert_eq!(mismatch(&log(&[1, 1, 2]), &log(&[1, 1, 2, 2])), None);
    assert_eq!(mismatch(&log(&[1, 1, 2]), &log(&[1, 2])), None, "a conflict that may be");
    assert_eq!(mismatch(&log(&[1, 1, 2]), &log(&[2, 1])), Some(EntryId::new(1, 2)));
    let mut other = log(&[1]);
    other.append(&vec![Entry::new(1, 1, "x")].into_iter().collect());
    assert_eq!(mismatch(&log(&[1]), &other), Some(EntryId::new(1, 1)), "one id, two entries");
}

#[test]
fn quorums_of_neighbours_intersect() {
    let majority = |ids: &[u64]| MajorityConfig(ids.iter().copied().collect());
    let simple =
        |ids: &[u64]| JointConfig { incoming: majority(ids), outgoing: MajorityConfig::default() };
    let joint =
        |new: &[u64], old: &[u64]| JointConfig { incoming: majority(new), outgoing: majority(old) };
    assert!(quorums_intersect(&simple(&[1, 2, 3]), &simple(&[1, 2])));
    assert!(quorums_intersect(&simple(&[1, 2]), &simple(&[1, 2, 3])));
    assert!(!quorums_intersect(&simple(&[1, 2, 3]), &simple(&[1])));
    assert!(!quorums_intersect(&simple(&[1, 2, 3]), &simple(&[1, 4, 5])));
    assert!(quorums_intersect(&simple(&[1, 2, 3]), &joint(&[4, 5, 6], &[1, 2, 3])));
    assert!(quorums_intersect(&joint(&[4, 5, 6], &[1, 2, 3]), &simple(&[4, 5, 6])));
}
