//! Floor 0. Deliberate faults: they tell whether a test would find a bug.
//!
//! In a build with `--cfg raft_fault` a node can be made to break one rule, by
//! [`Config::fault`](crate::Config). In every other build there are no faults, and no code for them.

/// Whether the node of this configuration breaks this rule: the constant `false`, but in builds with
/// faults.
#[cfg(raft_fault)]
macro_rules! fault {
    ($config:expr, $fault:ident) => {
        $config.fault == Some($crate::fault::Fault::$fault)
    };
}

#[cfg(not(raft_fault))]
macro_rules! fault {
    ($config:expr, $fault:ident) => {
        false
    };
}

pub(crate) use fault;

#[cfg(raft_fault)]
macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal,)*) => {
        /// A rule that a node breaks on purpose, for tests of tests. Only in builds with
        /// `--cfg raft_fault`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[$doc])* $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$fault),*];

            /// The name that its text form has: `vote-forgotten` and so on.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$fault => $name,)*
                }
            }
        }
    };
}

#[cfg(raft_fault)]
faults! {
    // Votes (Raft §5.2, §5.4.1).
    /// A node that steps down within a term forgets its vote of that term, and may vote again: two
    /// leaders of one term. etcd before 9d2a465.
    VoteForgotten = "vote-forgotten",
    /// The vote is left out of the hard state, so that a node that restarts may vote again in the
    /// same term. TiKV #3572, #8381.
    VoteNotPersisted = "vote-not-persisted",
    /// A vote is granted to everybody who asks in a term.
    VotesTwice = "votes-twice",
    /// A vote is granted without a look at the candidate's log: a leader without all committed
    /// entries.
    VoteIgnoresLog = "vote-ignores-log",
    /// Of two logs the longer one counts as up to date, whatever the term of its last entry.
    LogComparedByIndex = "log-compared-by-index",
    /// Pre-votes are granted without a look at the candidate's log, so that a node that cannot win
    /// deposes the leader (thesis §9.6).
    PreVoteIgnoresLog = "pre-vote-ignores-log",
    /// The vote of one term stands in the next: nodes that have voted for one that is gone never
    /// agree on another.
    VoteOutlivesTerm = "vote-outlives-term",

    // The commit index (Raft §5.3, §5.4.2, §6).
    /// A leader commits an entry of an earlier term because a quorum holds it (figure 8).
    CommitsOldTerm = "commits-old-term",
    /// A leader takes the acknowledgement of one peer for granted: one less than a majority commits.
    CommitsBelowMajority = "commits-below-majority",
    /// The outgoing half of a joint configuration has no say in what is committed. openraft before
    /// d882e743 asked one half only, the other one.
    IncomingHalfCommits = "incoming-half-commits",
    /// Learners count in the quorum that commits.
    LearnersCommit = "learners-commit",
    // (That a follower commits beyond what an append has matched cannot show between nodes like
    // these. The first append of a term that matches begins where the logs part, and is never empty:
    // it leaves nothing behind that differs.)
    /// A follower takes over the commit index of an append that it rejects, and commits entries that
    /// are not the leader's.
    RejectedAppendCommits = "rejected-append-commits",
    /// A heartbeat carries the leader's commit index, also to a peer that is not known to hold it.
    HeartbeatCommitUncapped = "heartbeat-commit-uncapped",
    /// When committed entries are handed out in pieces, the first one after a piece is left out.
    /// A relative of etcd's before 8ecce32.
    SkipsCommitted = "skips-committed",

    // Durability (thesis §3.8, §10.2.1).
    /// An acknowledgement of entries leaves before they are on disk.
    AckBeforeSync = "ack-before-sync",
    /// A vote leaves before it is on disk. seaweedfs/raft #9 did so in the driver.
    VoteBeforeSync = "vote-before-sync",
    /// A leader counts its own copy of an entry before it is on disk. openraft before a9f696a9.
    OwnAppendBeforeSync = "own-append-before-sync",
    /// The disk's word that entries are written is believed though the term, and perhaps the
    /// entries, have changed since (A became B became A).
    StaleStorageAck = "stale-storage-ack",

    // The log (Raft §5.3).
    /// A follower takes an append without comparing the term of the entry before it.
    SkipsLogCheck = "skips-log-check",
    /// An append replaces everything after its first entry, also when it matches: one that comes
    /// late takes acknowledged entries away. openraft before 9540c904.
    TruncatesMatching = "truncates-matching",
    /// A follower takes entries from the leader of an earlier term. MongoDB SERVER-22136.
    ObeysStaleLeader = "obeys-stale-leader",
    /// A rejected append counts as an acknowledged one.
    RejectionAcknowledges = "rejection-acknowledges",

    // Snapshots (Raft §7).
    /// A snapshot replaces a log that goes on after it, with the entries that this node has
    /// acknowledged. etcd before 80615be.
    SnapshotDropsLog = "snapshot-drops-log",
    /// A node that installs a snapshot keeps the configuration that it had.
    SnapshotKeepsConfig = "snapshot-keeps-config",

    // Membership (Raft §6; thesis §4).
    /// A leader uses a simple change as soon as it has appended it, while its peers wait for the
    /// commit, and does not go back when the entry is lost.
    ConfChangeAtAppend = "conf-change-at-append",
    /// A leader takes a change while an earlier one is pending. etcd #11284 shows what may follow.
    SeveralPendingChanges = "several-pending-changes",
    /// A node campaigns with a committed change that it has not applied, and counts votes by a
    /// configuration of the past. etcd #7280, #12133.
    CampaignsWithPendingChange = "campaigns-with-pending-change",
    /// A change that has to go through a joint configuration is made in one step.
    JointSkipped = "joint-skipped",
    /// No leader leaves a joint configuration. etcd before bd3c759 could miss it.
    JointNeverLeft = "joint-never-left",

    // Reads (Raft §8; thesis §6.4).
    /// A leader answers reads without asking whether it still leads.
    ReadsUnconfirmed = "reads-unconfirmed",
    /// A leader answers reads before it has committed in its term, by a commit index that may be an
    /// old one. etcd #7331.
    ReadsBeforeTermCommit = "reads-before-term-commit",
    /// A read is taken for the one that waits with the same context, and gets its index. Shows
    /// where a context comes twice, be it from two nodes. etcd before it counted reads.
    ReadsByContext = "reads-by-context",
    /// The lease of a leader lasts as long as it leads, whether anybody hears it or not. Nearly so in
    /// etcd.
    LeaseNotCounted = "lease-not-counted",
    /// A leader that has told a peer to take over still answers by its lease. etcd does so.
    LeaseOutlivesTransfer = "lease-outlives-transfer",
    /// A node that hears its leader votes for another all the same (thesis §6.4.1): no lease holds,
    /// and any node deposes the leader.
    LeaseNotHonoured = "lease-not-honoured",
    /// A node that starts again votes at once, though it may have promised its leader not to. etcd does
    /// so.
    RestartForgetsPromise = "restart-forgets-promise",

    // Liveness (thesis §3.10, §6.2, §9.6, §10.2).
    /// A leader that hears from no quorum stays one.
    QuorumNeverChecked = "quorum-never-checked",
    /// A pre-candidate raises its term, as if the pre-vote were the vote.
    PreCandidateRaisesTerm = "pre-candidate-raises-term",
    /// A rejection does not move the probe: a log that parts from the leader's never meets it again.
    RejectionIgnored = "rejection-ignored",
    /// What is on its way to a peer is never taken to have arrived, and the window fills up.
    InflightsNeverFreed = "inflights-never-freed",
    /// A peer whose snapshot was lost is never sent another.
    SnapshotFailureIgnored = "snapshot-failure-ignored",
    /// A transfer of leadership to a node that does not answer is never given up, and blocks
    /// proposals for good.
    TransferNeverAborted = "transfer-never-aborted",
}

#[cfg(raft_fault)]
impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(raft_fault)]
impl core::str::FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.iter().find(|fault| fault.name() == name);
        found.copied().ok_or_else(|| UnknownFault(name.into()))
    }
}

/// A name that no [`Fault`] has.
#[cfg(raft_fault)]
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the name of a fault")]
pub struct UnknownFault(alloc::string::String);

#[cfg(test)]
mod tests {
    #[cfg(not(raft_fault))]
    #[test]
    fn a_build_without_faults_has_nowhere_to_put_one() {
        // Neither a look at the configuration is left, nor a field of it: this names them all.
        const { assert!(!fault!(unused, VoteForgotten)) };
        let crate::Config {
            id: _,
            group: _,
            seed: _,
            election_tick: _,
            heartbeat_tick: _,
            applied: _,
            max_size_per_msg: _,
            max_committed_size_per_ready: _,
            recent_entries_bytes: _,
            max_uncommitted_size: _,
            max_inflight_msgs: _,
            max_inflight_bytes: _,
            check_quorum: _,
            pre_vote: _,
            max_pending_reads: _,
            max_queued_messages: _,
            read_only: _,
            disable_proposal_forwarding: _,
            disable_conf_change_validation: _,
            step_down_on_removal: _,
            compat: _,
        } = crate::Config::new(1);
    }

    #[cfg(raft_fault)]
    #[test]
    fn a_fault_is_named_and_found_by_its_name() {
        use alloc::string::ToString;

        use super::{Fault, UnknownFault};

        for &fault in Fault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(fault));
            // The name of the variant, in small letters.
            let variant = alloc::format!("{fault:?}").to_lowercase();
            assert_eq!(fault.name().replace('-', ""), variant);
        }
        assert_eq!("none".parse::<Fault>(), Err(UnknownFault("none".into())));
    }
}
