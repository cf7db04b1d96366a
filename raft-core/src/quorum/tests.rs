use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::id_set::IdSet;

fn majority(ids: &[u64]) -> MajorityConfig {
    MajorityConfig(ids.iter().copied().collect())
}

/// The definition itself: the highest candidate that a majority has reached.
fn naive_committed(ids: &IdSet, acked: &impl Fn(u64) -> Option<u64>) -> u64 {
    if ids.is_empty() {
        return u64::MAX;
    }
    let reached = |index| ids.iter().filter(|&id| acked(id).unwrap_or(0) >= index).count();
    let candidates = ids.iter().filter_map(acked).chain([0]);
    candidates.filter(|&index| 2 * reached(index) > ids.len()).max().unwrap_or(0)
}

fn acks() -> impl Strategy<Value = Vec<Option<u64>>> {
    prop::collection::vec(prop::option::of(0u64..6), 12)
}

fn ids() -> impl Strategy<Value = IdSet> {
    prop::collection::vec(0u64..12, 0..12).prop_map(|ids| ids.into_iter().collect())
}

proptest! {
    /// etcd: quorum.TestQuick, quorum.TestDataDriven (majority_commit, joint_commit)
    #[test]
    fn commit_index_is_what_a_majority_of_each_half_reached(
        incoming in ids(), outgoing in ids(), acks in acks()
    ) {
        let acked = |id: u64| acks[id as usize];
        let expected = naive_committed(&incoming, &acked).min(naive_committed(&outgoing, &acked));
        let joint = JointConfig {
            incoming: MajorityConfig(incoming),
            outgoing: MajorityConfig(outgoing),
        };
        prop_assert_eq!(joint.committed_index(&acked), expected);
    }

    /// etcd: quorum.TestDataDriven (majority_vote, joint_vote)
    #[test]
    fn a_vote_is_decided_when_no_missing_answer_can_change_it(
        incoming in ids(), outgoing in ids(),
        votes in prop::collection::vec(prop::option::of(any::<bool>()), 12)
    ) {
        let won_with = |half: &IdSet, missing: bool| {
            let granted = half.iter().filter(|&id| votes[id as usize].unwrap_or(missing)).count();
            half.is_empty() || 2 * granted > half.len()
        };
        let expected = |halves: &[&IdSet]| {
            let with = |missing| halves.iter().all(|half| won_with(half, missing));
            match (with(false), with(true)) {
                (true, _) => VoteResult::Won,
                (false, true) => VoteResult::Pending,
                (false, false) => VoteResult::Lost,
            }
        };
        let vote = |id: u64| votes[id as usize];
        let joint = JointConfig {
            incoming: MajorityConfig(incoming.clone()),
            outgoing: MajorityConfig(outgoing.clone()),
        };
        prop_assert_eq!(joint.incoming.vote_result(&vote), expected(&[&incoming]));
        prop_assert_eq!(joint.vote_result(&vote), expected(&[&incoming, &outgoing]));
    }
}

/// etcd: quorum.TestDataDriven (joint_vote)
#[test]
fn a_joint_vote_needs_both_halves() {
    let joint = JointConfig { incoming: majority(&[1, 2]), outgoing: majority(&[3]) };
    let result = |yes: &[u64], no: &[u64]| {
        joint.vote_result(&|id| {
            if yes.contains(&id) { Some(true) } else { no.contains(&id).then_some(false) }
        })
    };
    assert_eq!(result(&[1, 2], &[]), VoteResult::Pending);
    assert_eq!(result(&[1, 2, 3], &[]), VoteResult::Won);
    assert_eq!(result(&[1, 2], &[3]), VoteResult::Lost);
    assert_eq!(result(&[3], &[1]), VoteResult::Lost);
}

#[test]
fn more_voters_than_fit_the_stack_commit_all_the_same() {
    let config = MajorityConfig((1..=9).collect());
    assert_eq!(config.committed_index(&|id: u64| Some(id * 10)), 50);
}

#[test]
fn both_halves_of_a_joint_configuration_are_shown() {
    let joint = JointConfig { incoming: majority(&[1, 10]), outgoing: majority(&[2]) };
    assert_eq!(joint.to_string(), "(1 a)&&(2)");
}

/// A bar is as long as there are voters that have acknowledged less.
///
/// etcd: quorum.TestDescribe
#[test]
fn a_chart_shows_how_far_each_voter_is() {
    assert_eq!(majority(&[]).describe(&|_| None), "<empty majority quorum>");
    let acks = [(1, None), (2, Some(100)), (3, Some(5)), (4, Some(5)), (0x1f, Some(123_456))];
    let acked = |id| acks.iter().find(|(voter, _)| *voter == id).and_then(|(_, acked)| *acked);
    for (voters, chart) in [
        (&[2][..], "     idx\n>    100    (id=2)\n"),
        (&[1], "     idx\n?      0    (id=1)\n"),
        // The same index, the same bar.
        (
            &[1, 2, 3, 4, 0x1f],
            "         idx
?          0    (id=1)
xxx>     100    (id=2)
x>         5    (id=3)
x>         5    (id=4)
xxxx>  123456    (id=1f)
",
        ),
    ] {
        assert_eq!(majority(voters).describe(&acked), chart);
    }
}
