//! Floor 4. The answers to one campaign.

use alloc::vec::Vec;

use crate::quorum::{JointConfig, VoteResult};

/// Who has answered a campaign, and how. The first answer of a peer counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct VoteTally(Vec<(u64, bool)>);

/// How a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) granted: usize,
    pub(crate) rejected: usize,
    pub(crate) result: VoteResult,
}

impl VoteTally {
    pub(crate) fn record(&mut self, id: u64, granted: bool) {
        if let Err(at) = self.0.binary_search_by_key(&id, |(id, _)| *id) {
            self.0.insert(at, (id, granted));
        }
    }

    fn answer(&self, id: u64) -> Option<bool> {
        let at = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.0.get(at).map(|(_, granted)| *granted)
    }

    /// Counts against the voters as they are now, who may have changed since the campaign began.
    /// Learners answer, and do not count.
    pub(crate) fn count(&self, voters: &JointConfig) -> Tally {
        let counted = |granted| {
            let counts = |(id, answer): &&(u64, bool)| *answer == granted && voters.contains(*id);
            self.0.iter().filter(counts).count()
        };
        Tally {
            granted: counted(true),
            rejected: counted(false),
            result: voters.vote_result(&|id| self.answer(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::MajorityConfig;

    fn voters(incoming: &[u64], outgoing: &[u64]) -> JointConfig {
        let half = |ids: &[u64]| MajorityConfig(ids.iter().copied().collect());
        JointConfig { incoming: half(incoming), outgoing: half(outgoing) }
    }

    fn tally(granted: &[u64], rejected: &[u64]) -> VoteTally {
        let mut tally = VoteTally::default();
        granted.iter().for_each(|&id| tally.record(id, true));
        rejected.iter().for_each(|&id| tally.record(id, false));
        tally
    }

    fn counted(granted: usize, rejected: usize, result: VoteResult) -> Tally {
        Tally { granted, rejected, result }
    }

    #[test]
    fn a_campaign_is_decided_by_a_majority_of_each_half() {
        use VoteResult::{Lost, Pending, Won};
        for (incoming, outgoing, granted, rejected, expected) in [
            (&[1, 2, 3][..], &[][..], &[][..], &[][..], counted(0, 0, Pending)),
            (&[1, 2, 3], &[], &[1], &[], counted(1, 0, Pending)),
            (&[1, 2, 3], &[], &[1], &[2], counted(1, 1, Pending)),
            (&[1, 2, 3], &[], &[3, 1], &[], counted(2, 0, Won)),
            (&[1, 2, 3], &[], &[3, 1], &[2], counted(2, 1, Won)),
            (&[1, 2, 3], &[], &[1], &[3, 2], counted(1, 2, Lost)),
            (&[1, 2], &[], &[1], &[2], counted(1, 1, Lost)),
            (&[1, 2], &[3], &[1, 2], &[], counted(2, 0, Pending)),
            (&[1, 2], &[3], &[1, 2, 3], &[], counted(3, 0, Won)),
            (&[1, 2], &[3], &[1, 2], &[3], counted(2, 1, Lost)),
            // One that votes in both halves is counted once.
            (&[1, 2], &[1, 3], &[1], &[], counted(1, 0, Pending)),
        ] {
            let tally = tally(granted, rejected).count(&voters(incoming, outgoing));
            assert_eq!(tally, expected, "{granted:?} for and {rejected:?} against");
        }
    }

    #[test]
    fn the_first_answer_of_a_peer_counts() {
        let voters = voters(&[1, 2, 3], &[]);
        let mut tally = tally(&[1], &[2]);
        tally.record(1, false);
        tally.record(2, true);
        tally.record(2, true);
        assert_eq!(tally.count(&voters), counted(1, 1, VoteResult::Pending));
        tally.record(3, true);
        assert_eq!(tally.count(&voters), counted(2, 1, VoteResult::Won));
    }

    #[test]
    fn those_who_do_not_vote_answer_and_do_not_count() {
        let tally = tally(&[1, 4, 8], &[5, 9]);
        assert_eq!(tally.count(&voters(&[1, 2, 3], &[])), counted(1, 0, VoteResult::Pending));
    }

    #[test]
    fn answers_are_counted_by_the_voters_of_the_moment() {
        let tally = tally(&[1, 4], &[2]);
        let count = |ids: &[u64]| tally.count(&voters(ids, &[]));
        assert_eq!(count(&[1, 2, 3]), counted(1, 1, VoteResult::Pending));
        assert_eq!(count(&[1, 2, 4]), counted(2, 1, VoteResult::Won));
        assert_eq!(count(&[1, 2]), counted(1, 1, VoteResult::Lost));
        assert_eq!(count(&[1]), counted(1, 0, VoteResult::Won));
    }

    #[test]
    fn the_order_of_answers_does_not_matter() {
        assert_eq!(tally(&[3, 1, 2], &[5, 4]), tally(&[1, 2, 3], &[4, 5]));
        assert_ne!(tally(&[1, 2], &[]), tally(&[1], &[2]));
    }
}
