//! The text form of events: the log lines of etcd's raft, to the letter.

use core::fmt;

use super::{Event, VoteRequest};
use crate::types::EntryId;

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.level())
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Started { id, peers, term, commit, applied, last } => {
                write!(f, "newRaft {id:x} [peers: [")?;
                for (i, peer) in peers.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    write!(f, "{comma}{peer:x}")?;
                }
                write!(
                    f,
                    "], term: {term}, commit: {commit}, applied: {applied}, lastindex: {}, lastterm: {}]",
                    last.index, last.term
                )
            }

            Self::BecameFollower { id, term } => {
                write!(f, "{id:x} became follower at term {term}")
            }
            Self::BecameCandidate { id, term } => {
                write!(f, "{id:x} became candidate at term {term}")
            }
            Self::BecamePreCandidate { id, term } => {
                write!(f, "{id:x} became pre-candidate at term {term}")
            }
            Self::BecameLeader { id, term } => write!(f, "{id:x} became leader at term {term}"),
            Self::HigherTerm { id, term, kind, from, message_term } => write!(
                f,
                "{id:x} [term: {term}] received a {kind} message with higher term from {from:x} [term: {message_term}]"
            ),
            Self::LowerTermIgnored { id, term, kind, from, message_term } => write!(
                f,
                "{id:x} [term: {term}] ignored a {kind} message with lower term from {from:x} [term: {message_term}]"
            ),
            Self::LowerTermAppendIgnored { id, term, kind, message_term } => write!(
                f,
                "{id:x} [term: {term}] ignored entry appends from a {kind} message with lower term [term: {message_term}]"
            ),
            Self::QuorumNotActive { id } => {
                write!(f, "{id:x} stepped down to follower since quorum is not active")
            }
            Self::LeaderForgotten { id, leader, term } => {
                write!(f, "{id:x} forgetting leader {leader:x} at term {term}")
            }
            Self::ForgetLeaderIgnored => {
                f.write_str("ignoring MsgForgetLeader due to ReadOnlyLeaseBased")
            }

            Self::CampaignStarted { id, term } => {
                write!(f, "{id:x} is starting a new election at term {term}")
            }
            Self::AlreadyLeader { id } => {
                write!(f, "{id:x} ignoring MsgHup because already leader")
            }
            Self::NotPromotable { id } => {
                write!(f, "{id:x} is unpromotable and can not campaign")
            }
            Self::PendingConfChange { id, term } => write!(
                f,
                "{id:x} cannot campaign at term {term} since there are still pending configuration changes to apply"
            ),
            Self::TermsExhausted { id, term } => {
                write!(f, "{id:x} cannot campaign at term {term} since terms would run out")
            }
            Self::LogExhausted { id, term } => {
                write!(f, "{id:x} cannot campaign at term {term} since indexes would run out")
            }
            Self::CampaignUnderLease { id, term, remaining_ticks } => write!(
                f,
                "{id:x} cannot campaign at term {term} since a lease is not expired (remaining ticks: {remaining_ticks})"
            ),
            Self::VoteRequested { id, last, kind, to, term } => write!(
                f,
                "{id:x} [logterm: {}, index: {}] sent {kind} request to {to:x} at term {term}",
                last.term, last.index
            ),
            Self::VoteCast { id, request } => write_vote(f, id, "cast", "for", &request),
            Self::VoteRejected { id, request } => write_vote(f, id, "rejected", "from", &request),
            Self::VoteIgnored { id, request, remaining_ticks } => {
                write_vote(f, id, "ignored", "from", &request)?;
                write!(f, ": lease is not expired (remaining ticks: {remaining_ticks})")
            }
            Self::VoteReceived { id, kind, from, term, granted } => {
                let rejection = if granted { "" } else { " rejection" };
                write!(f, "{id:x} received {kind}{rejection} from {from:x} at term {term}")
            }
            Self::VoteTally { id, kind, granted, rejected } => write!(
                f,
                "{id:x} has received {granted} {kind} votes and {rejected} vote rejections"
            ),

            Self::NoLeaderForProposal { id, term } => {
                write!(f, "{id:x} no leader at term {term}; dropping proposal")
            }
            Self::ProposalNotForwarded { id, leader, term } => write!(
                f,
                "{id:x} not forwarding to leader {leader:x} at term {term}; dropping proposal"
            ),
            Self::TransferBlocksProposal { id, term, transferee } => write!(
                f,
                "{id:x} [term {term}] transfer leadership to {transferee:x} is in progress; dropping proposal"
            ),
            Self::QuotaExceeded { id } => write!(
                f,
                "{id:x} appending new entries to log would exceed uncommitted entry size limit; dropping proposal"
            ),
            Self::ConfChangeIgnored { id, change, config, reason } => {
                write!(f, "{id:x} ignoring conf change {change} at config {config}: {reason}")
            }

            Self::AppendRejected { id, hint, from, index } => write!(
                f,
                "{id:x} received MsgAppResp(rejected, hint: (index {}, term {})) from {from:x} for index {index}",
                hint.index, hint.term
            ),
            Self::ProgressDecreased { id, peer, progress } => {
                write!(f, "{id:x} decreased progress of {peer:x} to [{progress}]")
            }
            Self::RecoveredFromSnapshot { id, peer, progress } => write!(
                f,
                "{id:x} recovered from needing snapshot, resumed sending replication messages to {peer:x} [{progress}]"
            ),
            Self::SnapshotSent { id, first_index, commit, snapshot, to, progress } => write!(
                f,
                "{id:x} [firstindex: {first_index}, commit: {commit}] sent snapshot[index: {}, term: {}] to {to:x} [{progress}]",
                snapshot.index, snapshot.term
            ),
            Self::ReplicationPaused { id, peer, progress } => {
                write!(f, "{id:x} paused sending replication messages to {peer:x} [{progress}]")
            }
            Self::SnapshotNotSentInactive { peer } => {
                write!(f, "ignore sending snapshot to {peer:x} since it is not recently active")
            }
            Self::SnapshotNotSentUnavailable { id, peer } => write!(
                f,
                "{id:x} failed to send snapshot to {peer:x} because snapshot is temporarily unavailable"
            ),
            Self::SnapshotSucceeded { id, peer, progress } => write!(
                f,
                "{id:x} snapshot succeeded, resumed sending replication messages to {peer:x} [{progress}]"
            ),
            Self::SnapshotFailed { id, peer, progress } => write!(
                f,
                "{id:x} snapshot failed, resumed sending replication messages to {peer:x} [{progress}]"
            ),
            Self::PeerUnreachable { id, peer, progress } => write!(
                f,
                "{id:x} failed to send message to {peer:x} because it is unreachable [{progress}]"
            ),
            Self::NoProgress { id, peer } => {
                write!(f, "{id:x} no progress available for {peer:x}")
            }

            Self::AppendMismatch { id, ours, index, prev, from } => write!(
                f,
                "{id:x} [logterm: {ours}, index: {index}] rejected MsgApp [logterm: {}, index: {}] from {from:x}",
                prev.term, prev.index
            ),
            Self::LogConflict { index, existing_term, conflicting_term } => write!(
                f,
                "found conflict at index {index} [existing term: {existing_term}, conflicting term: {conflicting_term}]"
            ),
            Self::UnstableReplaced { from } => {
                write!(f, "replace the unstable entries from index {from}")
            }
            Self::UnstableTruncated { before } => {
                write!(f, "truncate the unstable entries before index {before}")
            }
            Self::StableEntryMissing { index } => {
                write!(f, "entry at index {index} missing from unstable log; ignoring")
            }
            Self::StableEntryIsSnapshot { index } => {
                write!(f, "entry at index {index} matched unstable snapshot; ignoring")
            }
            Self::StableEntryMismatch { acked, ours } => write!(
                f,
                "entry at (index,term)=({},{}) mismatched with entry at ({},{}) in unstable log; ignoring",
                acked.index, acked.term, ours.index, ours.term
            ),

            Self::LogRestoring { log, snapshot } => write!(
                f,
                "log [{log}] starts to restore snapshot [index: {}, term: {}]",
                snapshot.index, snapshot.term
            ),
            Self::SnapshotNotForUs { id, conf_state } => write!(
                f,
                "{id:x} attempted to restore snapshot but it is not in the ConfState {conf_state:?}; should never happen"
            ),
            Self::SnapshotFastForward { id, commit, last, snapshot } => {
                write_snapshot(f, id, commit, last, "fast-forwarded commit to", snapshot)
            }
            Self::SnapshotRestored { id, commit, last, snapshot } => {
                write_snapshot(f, id, commit, last, "restored", snapshot)
            }
            Self::SnapshotHandled { id, commit, snapshot, restored } => {
                let verb = if restored { "restored" } else { "ignored" };
                write!(
                    f,
                    "{id:x} [commit: {commit}] {verb} snapshot [index: {}, term: {}]",
                    snapshot.index, snapshot.term
                )
            }

            Self::ConfigSwitched { id, config } => {
                write!(f, "{id:x} switched to configuration {config}")
            }
            Self::LeavingJoint { config } => {
                write!(f, "initiating automatic transition out of joint configuration {config}")
            }
            Self::NotLeavingJoint { config } => write!(
                f,
                "not initiating automatic transition out of joint configuration {config}: raft proposal dropped"
            ),

            Self::TransferStarted { id, term, transferee } => {
                write!(f, "{id:x} [term {term}] starts to transfer leadership to {transferee:x}")
            }
            Self::TransferRepeated { id, term, transferee } => write!(
                f,
                "{id:x} [term {term}] transfer leadership to {transferee:x} is in progress, ignores request to same node {transferee:x}"
            ),
            Self::TransferReplaced { id, term, transferee } => write!(
                f,
                "{id:x} [term {term}] abort previous transferring leadership to {transferee:x}"
            ),
            Self::TransferToLearner { id } => {
                write!(f, "{id:x} is learner. Ignored transferring leadership")
            }
            Self::TransferToSelf { id } => {
                write!(f, "{id:x} is already leader. Ignored transferring leadership to self")
            }
            Self::NoLeaderForTransfer { id, term } => {
                write!(f, "{id:x} no leader at term {term}; dropping leader transfer msg")
            }
            Self::TimeoutNowSentAtOnce { id, transferee } => write!(
                f,
                "{id:x} sends MsgTimeoutNow to {transferee:x} immediately as {transferee:x} already has up-to-date log"
            ),
            Self::TimeoutNowSentAfterAppend { id, transferee } => {
                write!(f, "{id:x} sent MsgTimeoutNow to {transferee:x} after received MsgAppResp")
            }
            Self::TimeoutNowReceived { id, term, from } => write!(
                f,
                "{id:x} [term {term}] received MsgTimeoutNow from {from:x} and starts an election to get leadership."
            ),
            Self::TimeoutNowIgnored { id, term, role, from } => {
                write!(f, "{id:x} [term {term} state {role}] ignored MsgTimeoutNow from {from:x}")
            }

            Self::NoLeaderForRead { id, term } => {
                write!(f, "{id:x} no leader at term {term}; dropping index reading msg")
            }
        }
    }
}

fn write_vote(
    f: &mut fmt::Formatter<'_>,
    id: u64,
    verb: &str,
    preposition: &str,
    request: &VoteRequest,
) -> fmt::Result {
    let VoteRequest { last, vote, kind, from, candidate_last, term } = request;
    write!(
        f,
        "{id:x} [logterm: {}, index: {}, vote: {vote:x}] {verb} {kind} {preposition} {from:x} [logterm: {}, index: {}] at term {term}",
        last.term, last.index, candidate_last.term, candidate_last.index
    )
}

fn write_snapshot(
    f: &mut fmt::Formatter<'_>,
    id: u64,
    commit: u64,
    last: EntryId,
    what: &str,
    snapshot: EntryId,
) -> fmt::Result {
    write!(
        f,
        "{id:x} [commit: {commit}, lastindex: {}, lastterm: {}] {what} snapshot [index: {}, term: {}]",
        last.index, last.term, snapshot.index, snapshot.term
    )
}
