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

    #[test]
    fn a_vote_is_decided_when_no_missing_answer_can_change_it(
        voters in ids(), votes in prop::collection::vec(prop::option::of(any::<bool>()), 12)
    ) {
        let config = MajorityConfig(voters.clone());
        let with = |missing: bool| {
            let granted = voters.iter().filter(|&id| votes[id as usize].unwrap_or(missing)).count();
            voters.is_empty() || 2 * granted > voters.len()
        };
        let expected = match (with(false), with(true)) {
            (true, _) => VoteResult::Won,
            (false, true) => VoteResult::Pending,
            (false, false) => VoteResult::Lost,
        };
        prop_assert_eq!(config.vote_result(&|id| votes[id as usize]), expected);
    }
}

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
fn texts() {
    let joint = JointConfig { incoming: majority(&[1, 10]), outgoing: majority(&[2]) };
    assert_eq!(joint.to_string(), "(1 a)&&(2)");
    assert_eq!(majority(&[]).describe(&|_| None), "<empty majority quorum>");
    let chart = majority(&[1, 2, 3]).describe(&|id| (id < 3).then_some(id + 4));
    assert_eq!(
        chart,
        "       idx\nx>       5    (id=1)\nxx>      6    (id=2)\n?        0    (id=3)\n"
    );
}
