//! The rules that must hold in every state of a run, each in a file of its own.

mod bounds;
mod commit_on_quorum;
mod committed_survives;
mod configuration;
mod election_safety;
mod leader_append_only;
mod leader_completeness;
mod log_matching;
mod message_sanity;
mod monotone;
mod one_master;
mod one_vote;
mod persist_first;
mod pre_vote;
mod progress;
mod quorum_heard;
mod reads;
mod state_machine_safety;
mod storage_keeps;
mod truncation;
mod uncommitted;
mod up_to_date;

use super::board::Checker;

/// One of each.
#[must_use]
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<bounds::Bounds>::default(),
        Box::<commit_on_quorum::CommitOnQuorum>::default(),
        Box::<committed_survives::CommittedSurvives>::default(),
        Box::<configuration::ConfigurationSafety>::default(),
        Box::<election_safety::ElectionSafety>::default(),
        Box::<leader_append_only::LeaderAppendOnly>::default(),
        Box::<leader_completeness::LeaderCompleteness>::default(),
        Box::<log_matching::LogMatching>::default(),
        Box::<message_sanity::MessageSanity>::default(),
        Box::<monotone::Monotone>::default(),
        Box::<one_master::OneMaster>::default(),
        Box::<one_vote::OneVote>::default(),
        Box::<persist_first::PersistFirst>::default(),
        Box::<pre_vote::PreVote>::default(),
        Box::<progress::ProgressSanity>::default(),
        Box::<quorum_heard::QuorumHeard>::default(),
        Box::<reads::Reads>::default(),
        Box::<state_machine_safety::StateMachineSafety>::default(),
        Box::<storage_keeps::StorageKeeps>::default(),
        Box::<truncation::Truncation>::default(),
        Box::<up_to_date::UpToDate>::default(),
    ]
}

#[cfg(test)]
mod tests;
