//! What is true of a message by its kind alone.

use core::fmt;

use crate::MessageType;

impl MessageType {
    /// Whether this stays within a node, its transport and its storage threads; such a message
    /// must not be taken from the network.
    #[must_use]
    #[inline]
    pub fn is_local(self) -> bool {
        matches!(
            self,
            MessageType::MsgHup
                | MessageType::MsgBeat
                | MessageType::MsgUnreachable
                | MessageType::MsgSnapStatus
                | MessageType::MsgCheckQuorum
                | MessageType::MsgStorageAppend
                | MessageType::MsgStorageAppendResp
                | MessageType::MsgStorageApply
                | MessageType::MsgStorageApplyResp
        )
    }

    /// Whether this answers an earlier message. [`MsgUnreachable`](Self::MsgUnreachable) is the
    /// transport's answer.
    #[must_use]
    #[inline]
    pub fn is_response(self) -> bool {
        matches!(
            self,
            MessageType::MsgAppResp
                | MessageType::MsgVoteResp
                | MessageType::MsgHeartbeatResp
                | MessageType::MsgUnreachable
                | MessageType::MsgReadIndexResp
                | MessageType::MsgPreVoteResp
                | MessageType::MsgStorageAppendResp
                | MessageType::MsgStorageApplyResp
        )
    }
}

/// etcd's names, as `MsgApp`.
impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variants are named as etcd names them.
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::MessageType::{self, *};

    /// Every kind with etcd's number and name, and whether it is local and a response.
    const TABLE: [(MessageType, &str, bool, bool); 24] = [
        (MsgHup, "MsgHup", true, false),
        (MsgBeat, "MsgBeat", true, false),
        (MsgProp, "MsgProp", false, false),
        (MsgApp, "MsgApp", false, false),
        (MsgAppResp, "MsgAppResp", false, true),
        (MsgVote, "MsgVote", false, false),
        (MsgVoteResp, "MsgVoteResp", false, true),
        (MsgSnap, "MsgSnap", false, false),
        (MsgHeartbeat, "MsgHeartbeat", false, false),
        (MsgHeartbeatResp, "MsgHeartbeatResp", false, true),
        (MsgUnreachable, "MsgUnreachable", true, true),
        (MsgSnapStatus, "MsgSnapStatus", true, false),
        (MsgCheckQuorum, "MsgCheckQuorum", true, false),
        (MsgTransferLeader, "MsgTransferLeader", false, false),
        (MsgTimeoutNow, "MsgTimeoutNow", false, false),
        (MsgReadIndex, "MsgReadIndex", false, false),
        (MsgReadIndexResp, "MsgReadIndexResp", false, true),
        (MsgPreVote, "MsgPreVote", false, false),
        (MsgPreVoteResp, "MsgPreVoteResp", false, true),
        (MsgStorageAppend, "MsgStorageAppend", true, false),
        (MsgStorageAppendResp, "MsgStorageAppendResp", true, true),
        (MsgStorageApply, "MsgStorageApply", true, false),
        (MsgStorageApplyResp, "MsgStorageApplyResp", true, true),
        (MsgForgetLeader, "MsgForgetLeader", false, false),
    ];

    /// etcd: TestIsLocalMsg, TestIsResponseMsg
    #[test]
    fn all_kinds() {
        for (number, (kind, name, local, response)) in (0..).zip(TABLE) {
            assert_eq!(MessageType::try_from(number), Ok(kind));
            assert_eq!(kind.to_string(), name);
            assert_eq!(kind.is_local(), local, "{kind}");
            assert_eq!(kind.is_response(), response, "{kind}");
        }
        assert!(MessageType::try_from(24).is_err());
    }
}
