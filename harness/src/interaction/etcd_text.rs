//! Errors in etcd's words.

use std::error::Error;
use std::fmt;

use raft_core::{BootstrapError, ConfigError, NewError, ProposeError, StepError};

/// What a node or its storage refused, in etcd's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeError(String);

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error + 'static> From<E> for NodeError {
    fn from(error: E) -> Self {
        NodeError(etcd_text(&error))
    }
}

/// `error` as etcd prints it. What etcd has no error for (it panics, or does not notice) stays in
/// our own words; those of the storage are etcd's already.
pub(super) fn etcd_text(error: &(dyn Error + 'static)) -> String {
    let text = if let Some(error) = error.downcast_ref() {
        match error {
            StepError::Local { .. } => Some("raft: cannot step raft local message"),
            StepError::PeerNotFound { .. } => Some("raft: cannot step as peer not found"),
            StepError::Dropped(_) => Some("raft proposal dropped"),
            _ => None,
        }
    } else if let Some(error) = error.downcast_ref() {
        match error {
            ProposeError::Dropped(_) => Some("raft proposal dropped"),
            _ => None,
        }
    } else if let Some(error) = error.downcast_ref() {
        match error {
            BootstrapError::NoPeers => Some("must provide at least one peer to Bootstrap"),
            BootstrapError::NotEmpty => Some("can't bootstrap a nonempty Storage"),
            _ => None,
        }
    } else if let Some(NewError::Config(error)) = error.downcast_ref() {
        config_text(error)
    } else {
        None
    };
    text.map_or_else(|| error.to_string(), str::to_owned)
}

fn config_text(error: &ConfigError) -> Option<&'static str> {
    Some(match error {
        ConfigError::IdIsNone => "cannot use none as id",
        ConfigError::IdIsReserved { .. } => "cannot use local target as id",
        ConfigError::HeartbeatTick => "heartbeat tick must be greater than 0",
        ConfigError::ElectionTick { .. } => "election tick must be greater than heartbeat tick",
        ConfigError::MaxInflightMsgs => "max inflight messages must be greater than 0",
        ConfigError::MaxInflightBytes { .. } => "max inflight bytes must be >= max message size",
        ConfigError::LeaseWithoutCheckQuorum => {
            "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use raft_core::{CampaignError, CampaignRefused, DropReason, StorageError};
    use raft_proto::MessageType;

    use super::*;

    #[test]
    fn errors_that_etcd_has_are_in_its_words() {
        let dropped = DropReason::NoLeader { term: 1 };
        let kind = MessageType::MsgHup;
        let errors: [(NodeError, &str); 10] = [
            (ProposeError::from(dropped).into(), "raft proposal dropped"),
            (StepError::from(dropped).into(), "raft proposal dropped"),
            (StepError::Local { kind }.into(), "raft: cannot step raft local message"),
            (
                StepError::PeerNotFound { kind, from: 4 }.into(),
                "raft: cannot step as peer not found",
            ),
            (BootstrapError::NoPeers.into(), "must provide at least one peer to Bootstrap"),
            (BootstrapError::NotEmpty.into(), "can't bootstrap a nonempty Storage"),
            (
                NewError::from(ConfigError::MaxInflightMsgs).into(),
                "max inflight messages must be greater than 0",
            ),
            (StorageError::Compacted.into(), "requested index is unavailable due to compaction"),
            (
                StorageError::SnapshotOutOfDate.into(),
                "requested index is older than the existing snapshot",
            ),
            (StorageError::Unavailable.into(), "requested entry at index is unavailable"),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn errors_that_etcd_has_not_are_in_ours() {
        let error = CampaignError::from(CampaignRefused::AlreadyLeader);
        assert_eq!(NodeError::from(error.clone()).to_string(), error.to_string());
        let error = NewError::from(ConfigError::NothingCouldBeApplied);
        assert_eq!(NodeError::from(error.clone()).to_string(), error.to_string());
    }
}
