//! Floor 1. What a node is told when it is built, checked once.

use crate::error::{ConfigError, MAX_ELECTION_TICK};
#[cfg(raft_fault)]
use crate::fault::Fault;
use crate::types::NONE;

/// How a leader makes sure that it still leads before it answers a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReadOnlyOption {
    /// By a round of heartbeats that a quorum answers (Raft thesis §6.4). Needs no clock.
    #[default]
    Safe,
    /// By its lease, while it has one, and else by a round: for a time after a quorum has heard it,
    /// nobody else can be elected (Raft thesis §6.4.1). Saves the round. Needs
    /// [`Config::check_quorum`].
    ///
    /// Such reads are linearizable if
    /// - all members have these settings and the same [`election_tick`](Config::election_tick), and
    ///   are [`Compat::Strict`];
    /// - clocks run at nearly the same rate: a tick of one node is at least 7/8 as long as a tick of
    ///   any other;
    /// - a node is given each tick when it is due. A process that stood still, or slept, owes its node
    ///   the ticks of that time, by [`tick_by`](crate::Node::tick_by), *before* it hands it anything
    ///   else: messages and reads. A clock that does not count the time in which the machine is
    ///   suspended, or that is set, is no clock for this.
    ///
    /// A lease lasts `(election_tick - 1) * 7 / 8` ticks of the leader, counted from the one in which
    /// it sent the last round of heartbeats that a quorum has echoed (in a joint configuration, a
    /// quorum of each half), that one and the present one included. Each heartbeat is part of a
    /// round, so that with ten ticks an election and a heartbeat a tick, a leader whose peers answer
    /// always has one. [`heartbeat_tick`](Config::heartbeat_tick) must be well below that length, else
    /// most reads take a round.
    ///
    /// *Why.* Let the lease rest on a round that was sent at the moment `s`, let `now` be later, and
    /// suppose that before `now` another leader of a later term was elected; take the first such.
    /// Some node of the quorum voted for it, and had echoed the round at a moment `f` after `s`. It
    /// did so in the leader's term, so that its vote came after `f`. But from `f` on it votes for
    /// nobody, itself included, for `election_tick` of its ticks, whatever term it learns of: at least
    /// `election_tick - 1` whole ones. A restart does not shorten that: a node that starts again with a
    /// term votes for nobody for as long (see [`Config::check_quorum`]), and only nodes count that
    /// have acknowledged an entry of the leader's term, and so have a term on disk. Nor does a transfer of leadership, which
    /// such a node obeys: one from this leader ends its lease for good, and one from a later leader
    /// means that the other was not the first. So `now - s` is at least `election_tick - 1` ticks of
    /// that node, which are `(election_tick - 1) * 7 / 8` ticks of the leader. But it is shorter, since
    /// the leader has counted all ticks of that time, even those that only began or ended in it.
    ///
    /// Under [`Compat::Etcd`] the lease is that the leader has not stepped down, which it does when it
    /// finds, once in an election timeout, that no quorum has answered since it last looked. Such
    /// reads are not linearizable: a leader that is cut off right after it looked goes on for nearly
    /// two election timeouts, in which the others may have elected another.
    LeaseBased,
}

/// Whose rules count where ours are stricter than etcd's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compat {
    /// Ours: what etcd is known to get wrong is put right, also where a correct peer can see it.
    #[default]
    Strict,
    /// etcd's, message by message. For comparing the two.
    Etcd,
}

/// The settings of one node. Start from [`Config::new`], then change what differs.
///
/// All times are in ticks; how long a tick is, the application decides by how often it calls
/// `tick()`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The node's id, unique in its group for ever. Not 0, and not one of the two highest numbers,
    /// which name the storage threads.
    pub id: u64,
    /// The group's id. Only mixed into [`seed`](Self::seed), so that the groups of one process
    /// draw different election timeouts.
    pub group: u64,
    /// Seed of the election timeouts. Two nodes with equal configuration and input behave equally.
    pub seed: u64,
    /// Ticks without a leader after which a follower campaigns; the real timeout is drawn anew
    /// from `election_tick..2 * election_tick` for each term. Greater than
    /// [`heartbeat_tick`](Self::heartbeat_tick); ten times as much is usual.
    pub election_tick: u32,
    /// Ticks between two heartbeats of a leader. At least 1.
    pub heartbeat_tick: u32,
    /// The last index that the application has applied and made durable: that of the snapshot from
    /// which its state machine starts, or a later one. 0 means the index before the log. Entries up
    /// to it are not handed out again. They are committed, even if a crash has lost the hard state
    /// that said so, which need not be synced for a commit index alone (under [`Compat::Etcd`] sync
    /// it before this becomes durable).
    pub applied: u64,
    /// Encoded bytes of entries in one append message. A message carries at least one entry, so
    /// that 0 means one entry a message; `u64::MAX` means no limit.
    pub max_size_per_msg: u64,
    /// Encoded bytes of committed entries that may be handed out and not yet acknowledged as
    /// applied. 0 means as [`max_size_per_msg`](Self::max_size_per_msg). At least one entry is
    /// always handed out.
    pub max_committed_size_per_ready: u64,
    /// Encoded bytes of entries that may stay in memory after they were written, the last ones, until
    /// they are applied and, on a leader, every peer has acknowledged them. To apply them and to send
    /// them the storage need not be read then, unless a peer lags by more. 0 means that all are read
    /// from the storage. Not with [`Compat::Etcd`], for which an entry is compacted as soon as the
    /// storage says so.
    pub recent_entries_bytes: u64,
    /// Payload bytes of proposals that a leader holds before they are applied; beyond it proposals
    /// are dropped. 0 means no limit. One proposal always passes.
    pub max_uncommitted_size: u64,
    /// Append messages that may be on their way to one peer. At least 1.
    pub max_inflight_msgs: usize,
    /// Payload bytes that may be on their way to one peer. 0 means no limit; else at least
    /// [`max_size_per_msg`](Self::max_size_per_msg). One message may pass the limit.
    pub max_inflight_bytes: u64,
    /// Whether a leader steps down when it has not heard from a quorum for an election timeout,
    /// and a node that hears from a leader ignores vote requests for as long, whatever term it learns
    /// of meanwhile; those of a leadership transfer it obeys.
    ///
    /// A node that starts with a term, so not for the first time, may have heard a leader just before.
    /// It ignores vote requests for its first [`election_tick`](Self::election_tick) ticks as if it
    /// had, also when the whole group starts at once: an election does not come later for it, since
    /// nobody campaigns by itself before that, but one by [`campaign`](crate::Node::campaign) may be
    /// ignored. Under [`Compat::Etcd`] such a node votes at once.
    pub check_quorum: bool,
    /// Whether a node asks if it could win before it raises its term (Raft thesis §9.6), so that a
    /// node that was cut off does not depose the leader when it comes back.
    pub pre_vote: bool,
    /// Reads that may wait on this node, and answers that may wait to be taken, before further
    /// reads are dropped. At least 1.
    pub max_pending_reads: usize,
    /// Messages that may wait to be taken before further messages, proposals and reads are
    /// dropped, and heartbeats left out: a bound for a node whose `ready` is not called. At least 1.
    pub max_queued_messages: usize,
    /// How reads are confirmed.
    pub read_only: ReadOnlyOption,
    /// Whether a follower drops proposals instead of forwarding them to the leader.
    pub disable_proposal_forwarding: bool,
    /// Whether a leader takes configuration changes without its own checks (one pending at a time,
    /// leaving only when joint), because the application makes them.
    pub disable_conf_change_validation: bool,
    /// Whether a leader steps down when a change removes it from the voters.
    pub step_down_on_removal: bool,
    /// Whose rules count where ours are stricter than etcd's.
    pub compat: Compat,
    /// The rule that the node breaks on purpose.
    #[cfg(raft_fault)]
    pub fault: Option<Fault>,
}

impl Config {
    /// A configuration for node `id`: election after 10 ticks, heartbeat every tick, 1 MiB a
    /// message, 256 messages in flight, 8 MiB of recent entries in memory, no pre-vote, no check of the quorum, reads by heartbeat.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self {
            id,
            group: 0,
            seed: 0,
            election_tick: 10,
            heartbeat_tick: 1,
            applied: 0,
            max_size_per_msg: 1 << 20,
            max_committed_size_per_ready: 0,
            recent_entries_bytes: 8 << 20,
            max_uncommitted_size: 0,
            max_inflight_msgs: 256,
            max_inflight_bytes: 0,
            max_pending_reads: 1 << 16,
            max_queued_messages: 1 << 16,
            check_quorum: false,
            pre_vote: false,
            read_only: ReadOnlyOption::Safe,
            disable_proposal_forwarding: false,
            disable_conf_change_validation: false,
            step_down_on_removal: true,
            compat: Compat::Strict,
            #[cfg(raft_fault)]
            fault: None,
        }
    }

    /// Checks every rule; the first that is broken is the error.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.id == NONE {
            return Err(ConfigError::IdIsNone);
        }
        if raft_proto::is_local_target(self.id) {
            return Err(ConfigError::IdIsReserved { id: self.id });
        }
        if self.heartbeat_tick == 0 {
            return Err(ConfigError::HeartbeatTick);
        }
        if self.election_tick <= self.heartbeat_tick {
            return Err(ConfigError::ElectionTick {
                election_tick: self.election_tick,
                heartbeat_tick: self.heartbeat_tick,
            });
        }
        if self.election_tick > MAX_ELECTION_TICK {
            return Err(ConfigError::ElectionTickTooLong { election_tick: self.election_tick });
        }
        if self.max_inflight_msgs == 0 {
            return Err(ConfigError::MaxInflightMsgs);
        }
        if self.max_inflight_bytes != 0 && self.max_inflight_bytes < self.max_size_per_msg {
            return Err(ConfigError::MaxInflightBytes {
                max_inflight_bytes: self.max_inflight_bytes,
                max_size_per_msg: self.max_size_per_msg,
            });
        }
        if self.max_size_per_msg == 0 && self.max_committed_size_per_ready == 0 {
            return Err(ConfigError::NothingCouldBeApplied);
        }
        if self.max_pending_reads == 0 {
            return Err(ConfigError::MaxPendingReads);
        }
        if self.max_queued_messages == 0 {
            return Err(ConfigError::MaxQueuedMessages);
        }
        if self.read_only == ReadOnlyOption::LeaseBased && !self.check_quorum {
            return Err(ConfigError::LeaseWithoutCheckQuorum);
        }
        Ok(())
    }

    /// [`max_committed_size_per_ready`](Self::max_committed_size_per_ready) with its default.
    pub(crate) fn committed_size_limit(&self) -> u64 {
        match self.max_committed_size_per_ready {
            0 => self.max_size_per_msg,
            limit => limit,
        }
    }

    /// [`recent_entries_bytes`](Self::recent_entries_bytes), where they are kept.
    pub(crate) fn recent_entries_limit(&self) -> u64 {
        match self.compat {
            Compat::Strict => self.recent_entries_bytes,
            Compat::Etcd => 0,
        }
    }

    /// [`max_uncommitted_size`](Self::max_uncommitted_size) with 0 read as no limit.
    pub(crate) fn uncommitted_size_limit(&self) -> u64 {
        match self.max_uncommitted_size {
            0 => u64::MAX,
            limit => limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_default_is_valid() {
        assert_eq!(Config::new(1).validate(), Ok(()));
    }

    #[test]
    fn each_rule_has_its_own_error() {
        type Break = fn(&mut Config);
        let rules: &[(Break, ConfigError)] = &[
            (|c| c.id = 0, ConfigError::IdIsNone),
            (|c| c.id = u64::MAX, ConfigError::IdIsReserved { id: u64::MAX }),
            (|c| c.id = u64::MAX - 1, ConfigError::IdIsReserved { id: u64::MAX - 1 }),
            (|c| c.heartbeat_tick = 0, ConfigError::HeartbeatTick),
            (
                |c| c.heartbeat_tick = 10,
                ConfigError::ElectionTick { election_tick: 10, heartbeat_tick: 10 },
            ),
            (
                |c| c.election_tick = u32::MAX / 2 + 1,
                ConfigError::ElectionTickTooLong { election_tick: u32::MAX / 2 + 1 },
            ),
            (|c| c.max_inflight_msgs = 0, ConfigError::MaxInflightMsgs),
            (
                |c| c.max_inflight_bytes = 7,
                ConfigError::MaxInflightBytes { max_inflight_bytes: 7, max_size_per_msg: 1 << 20 },
            ),
            (|c| c.max_size_per_msg = 0, ConfigError::NothingCouldBeApplied),
            (|c| c.max_pending_reads = 0, ConfigError::MaxPendingReads),
            (|c| c.max_queued_messages = 0, ConfigError::MaxQueuedMessages),
            (|c| c.read_only = ReadOnlyOption::LeaseBased, ConfigError::LeaseWithoutCheckQuorum),
        ];
        for (break_it, error) in rules {
            let mut config = Config::new(1);
            break_it(&mut config);
            assert_eq!(config.validate(), Err(*error));
        }
    }

    #[test]
    fn the_limits_themselves_are_valid() {
        let valid: &[fn(&mut Config)] = &[
            |c| c.id = u64::MAX - 2,
            |c| c.election_tick = 2,
            |c| c.election_tick = u32::MAX / 2,
            |c| c.max_inflight_msgs = 1,
            |c| c.max_inflight_bytes = 1 << 20,
            |c| (c.max_size_per_msg, c.max_committed_size_per_ready) = (0, 1),
            |c| (c.read_only, c.check_quorum) = (ReadOnlyOption::LeaseBased, true),
        ];
        for change in valid {
            let mut config = Config::new(1);
            change(&mut config);
            assert_eq!(config.validate(), Ok(()));
        }
    }

    #[test]
    fn an_error_names_field_value_and_bound() {
        let error = ConfigError::ElectionTick { election_tick: 3, heartbeat_tick: 4 };
        assert_eq!(
            error.to_string(),
            "election_tick is 3; it must be greater than heartbeat_tick, 4"
        );
    }

    #[test]
    fn zero_limits_have_their_meaning() {
        let mut config = Config::new(1);
        assert_eq!(config.committed_size_limit(), 1 << 20);
        assert_eq!(config.uncommitted_size_limit(), u64::MAX);
        (config.max_committed_size_per_ready, config.max_uncommitted_size) = (5, 6);
        assert_eq!((config.committed_size_limit(), config.uncommitted_size_limit()), (5, 6));
        config.recent_entries_bytes = 7;
        assert_eq!(config.recent_entries_limit(), 7);
        config.compat = Compat::Etcd;
        assert_eq!(config.recent_entries_limit(), 0);
    }
}
