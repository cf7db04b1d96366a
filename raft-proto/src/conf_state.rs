//! Making and comparing configurations.

use alloc::vec::Vec;

use crate::ConfState;

impl ConfState {
    /// A simple configuration.
    pub fn new(voters: impl Into<Vec<u64>>, learners: impl Into<Vec<u64>>) -> Self {
        ConfState { voters: voters.into(), learners: learners.into(), ..ConfState::default() }
    }

    /// Whether both have the same nodes in the same places and the same way to leave a joint
    /// configuration. The order of the ids does not matter; how often one is listed does.
    #[must_use]
    pub fn equivalent(&self, other: &ConfState) -> bool {
        same_ids(&self.voters, &other.voters)
            && same_ids(&self.learners, &other.learners)
            && same_ids(&self.voters_outgoing, &other.voters_outgoing)
            && same_ids(&self.learners_next, &other.learners_next)
            && self.auto_leave == other.auto_leave
    }
}

fn same_ids(left: &[u64], right: &[u64]) -> bool {
    left == right || (left.len() == right.len() && sorted(left) == sorted(right))
}

fn sorted(ids: &[u64]) -> Vec<u64> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joint() -> ConfState {
        ConfState {
            voters: [3, 1, 2].into(),
            learners: [5, 4].into(),
            voters_outgoing: [2, 1, 6].into(),
            learners_next: [6, 7].into(),
            auto_leave: true,
        }
    }

    /// etcd: raftpb.TestConfState_Equivalent
    #[test]
    fn order_does_not_matter() {
        let other = ConfState {
            voters: [1, 2, 3].into(),
            learners: [4, 5].into(),
            voters_outgoing: [1, 2, 6].into(),
            learners_next: [7, 6].into(),
            auto_leave: true,
        };
        assert!(joint().equivalent(&other) && other.equivalent(&joint()));
        assert!(ConfState::default().equivalent(&ConfState::new([], [])));
    }

    /// etcd: raftpb.TestConfState_Equivalent
    #[test]
    fn each_field_matters() {
        let changes: [fn(&mut ConfState); 7] = [
            |state| state.voters.push(9),
            |state| state.voters = [1, 1, 2].into(),
            |state| state.learners = [4].into(),
            |state| state.voters_outgoing.clear(),
            |state| state.learners_next = [7, 8].into(),
            |state| state.auto_leave = false,
            |state| core::mem::swap(&mut state.voters, &mut state.voters_outgoing),
        ];
        for change in changes {
            let mut other = joint();
            change(&mut other);
            assert!(!joint().equivalent(&other) && !other.equivalent(&joint()), "{other:?}");
        }
    }

    #[test]
    fn repetition_matters() {
        assert!(!ConfState::new([1, 1, 2], []).equivalent(&ConfState::new([1, 2, 2], [])));
    }
}
