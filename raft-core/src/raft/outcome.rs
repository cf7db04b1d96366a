//! What becomes of a request, where etcd's raft says nothing.

use crate::error::{DropReason, ForgetRefused, TransferRefused};

/// What became of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadIndex {
    /// This node leads and could answer at once; the [`ReadState`](crate::ReadState) is in the next
    /// `Ready`.
    Answered {
        /// The index that the read must see.
        index: u64,
    },
    /// This node leads, and first has to make sure that it still does.
    Queued,
    /// The request is on its way to the leader.
    Forwarded {
        /// The leader's id.
        leader: u64,
    },
    /// Nothing will come of it: no leader is known, or too much waits. Try again later.
    Dropped(DropReason),
}

/// What became of a request to hand leadership over.
///
/// That the transferee has won shows only when it is known as the leader. While this node waits for
/// it, [`lead_transferee`](crate::BasicStatus::lead_transferee) names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransferLeader {
    /// This node leads, and tells the transferee, which has all entries, to campaign now.
    TimeoutNowSent,
    /// This node leads, and tells the transferee to campaign as soon as it has all entries.
    CatchingUp {
        /// The last entry that it is known to have.
        match_index: u64,
        /// The last entry there is. No proposal is taken until the transfer is over.
        last_index: u64,
    },
    /// This node leads, and hands over to that transferee already. It gets no more time for it.
    InProgress,
    /// The request is on its way to the leader, which may refuse it without a word.
    Forwarded {
        /// The leader's id.
        leader: u64,
    },
    /// Nothing will come of it: no leader is known, or too much waits. Try again later.
    Dropped(DropReason),
    /// The transferee cannot take over.
    Refused(TransferRefused),
}

/// What became of the wish to forget the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForgetLeader {
    /// This node follows nobody now, and votes. It follows again as soon as it hears a leader.
    Forgotten {
        /// Whom it followed.
        leader: u64,
    },
    /// It followed nobody.
    NothingToForget,
    /// It may not.
    Refused(ForgetRefused),
}
