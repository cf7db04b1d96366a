//! Floor 5. What a role may ask for.

/// What a role asks for when it has handled a message. The machine carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Nothing changes.
    Stay,
    /// Follow `leader` (0: nobody yet) in `term`.
    Follow { term: u64, leader: u64 },
    /// Follow the sender of the message, and handle the message again as its follower.
    FollowAndRedeliver,
    /// Campaign if the node may.
    TryCampaign(CampaignKind),
    /// Campaign: the node has just been found electable.
    Campaign(CampaignKind),
    /// Lead.
    Lead,
}

/// What a campaign asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CampaignKind {
    /// Whether the node would be elected (Raft thesis §9.6).
    PreElection,
    /// Votes.
    Election,
    /// Votes, also from those who still hear the leader: it wants this node to take over.
    Transfer,
}

/// The context of a vote request that may ignore leases. It is part of the wire format.
pub(crate) const CAMPAIGN_TRANSFER: &[u8] = b"CampaignTransfer";
