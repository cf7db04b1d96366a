//! Floor 5. What a node does in place of the right thing, where breaking a rule takes more than
//! leaving out a check. Only in builds with faults.

use raft_proto::{ConfChangeRequest, Entry, Message, MessageType};

use super::node_state::NodeState;
use crate::confchange::Changer;
use crate::config::Config;
use crate::error::StorageError;
use crate::event::{Observer, VoteRequest};
use crate::fault::{Fault, fault};
use crate::quorum::MajorityConfig;
use crate::read_index::ReadIndexQueue;
use crate::storage::Storage;
use crate::types::LogSlice;

/// Whether a candidate's log is taken to be up to date, in place of the `sound` answer.
pub(super) fn is_up_to_date(config: &Config, request: &VoteRequest, sound: bool) -> bool {
    match config.fault {
        Some(Fault::LogComparedByIndex) => request.candidate_last.index >= request.last.index,
        Some(Fault::VoteIgnoresLog) => sound || request.kind == MessageType::MsgVote,
        Some(Fault::PreVoteIgnoresLog) => sound || request.kind == MessageType::MsgPreVote,
        _ => sound,
    }
}

/// What a leader takes to be held by a quorum, in place of the `sound` index.
pub(super) fn commit_index<S: Storage, O: Observer>(node: &NodeState<S, O>, sound: u64) -> u64 {
    let config = &node.tracker.config;
    let matched = |id| node.tracker.progress.get(id).map(|progress| progress.match_index);
    match node.config.fault {
        Some(Fault::CommitsBelowMajority) => {
            let believed = config.voters.ids().iter().find(|&id| id != node.config.id);
            let acked = |id| if Some(id) == believed { Some(u64::MAX) } else { matched(id) };
            config.voters.committed_index(&acked)
        }
        Some(Fault::IncomingHalfCommits) => config.voters.incoming.committed_index(&matched),
        Some(Fault::LearnersCommit) => {
            let members = config.voters.ids().iter().chain(config.learners.iter()).collect();
            MajorityConfig(members).committed_index(&matched)
        }
        _ => sound,
    }
}

/// The index that a read is to see, in place of the `sound` one.
pub(super) fn read_index(
    config: &Config,
    reads: &ReadIndexQueue,
    request: &Message,
    sound: u64,
) -> u64 {
    match config.fault {
        Some(Fault::ReadsByContext) => reads.index_of_same(request).unwrap_or(sound),
        _ => sound,
    }
}

/// Makes the simple changes among `entries`, which a leader is about to append.
pub(super) fn apply_at_append<S: Storage, O: Observer>(
    node: &mut NodeState<S, O>,
    entries: &[Entry],
) {
    if !fault!(node.config, ConfChangeAtAppend) {
        return;
    }
    for entry in entries {
        let Ok(Some(request)) = ConfChangeRequest::from_entry(entry) else { continue };
        let changes = &request.as_v2().changes;
        let changer = Changer { tracker: &node.tracker, last_index: node.log.last_index() };
        if let Ok(tracker) = changer.simple(changes) {
            node.switch_config(tracker);
        }
    }
}

/// Lets the log give way to the entries of `slice`, if the one before them matches.
pub(super) fn overwrite<S: Storage, O: Observer>(
    node: &mut NodeState<S, O>,
    slice: &LogSlice,
) -> Result<(), StorageError> {
    if fault!(node.config, TruncatesMatching) && node.log.matches(slice.prev)? {
        node.log.overwrite(&slice.entries, &mut node.observer);
    }
    Ok(())
}
