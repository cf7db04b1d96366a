//! What `add-nodes` says about the nodes to add.

use bytes::Bytes;
use raft_core::{Compat, Config, ReadOnlyOption};
use raft_proto::{ConfState, Snapshot};

use super::Failure;
use super::node::StorageWrites;
use crate::datadriven::{Arguments, BadArgument, FromArgument};

/// The settings of new nodes.
#[derive(Clone, Debug)]
pub(super) struct NodeSettings {
    /// The configuration, in which only the id is missing.
    pub(super) config: Config,
    pub(super) writes: StorageWrites,
    /// What the nodes start from; empty for nodes that know nothing yet.
    pub(super) snapshot: Snapshot,
}

impl NodeSettings {
    /// `compat` is whose rules the nodes follow if nothing is said about it.
    pub(super) fn read(args: &mut Arguments<'_>, compat: Compat) -> Result<Self, Failure> {
        let asynchronous = args.keyed("async-storage-writes")?.unwrap_or(false);
        let (snapshot, applied) = snapshot(args)?;
        Ok(NodeSettings {
            config: config(args, compat, applied)?,
            writes: if asynchronous { StorageWrites::Async } else { StorageWrites::Sync },
            snapshot,
        })
    }
}

fn snapshot(args: &mut Arguments<'_>) -> Result<(Snapshot, u64), BadArgument> {
    let voters: Vec<u64> = args.list("voters")?.unwrap_or_default();
    let learners: Vec<u64> = args.list("learners")?.unwrap_or_default();
    let index = args.keyed("index")?.unwrap_or(0);
    let content: String = args.keyed("content")?.unwrap_or_default();
    if voters.is_empty() && learners.is_empty() && index == 0 && content.is_empty() {
        return Ok((Snapshot::default(), 0));
    }
    // All nodes that start from a snapshot agree that its last entry is of term 1.
    let snapshot = Snapshot::new(index, 1, ConfState::new(voters, learners), Bytes::from(content));
    Ok((snapshot, index))
}

fn config(args: &mut Arguments<'_>, compat: Compat, applied: u64) -> Result<Config, Failure> {
    Ok(Config {
        applied,
        compat: args.keyed("compat")?.map_or(compat, |Rules(compat)| compat),
        // Short, so that scripts need few ticks.
        election_tick: 3,
        heartbeat_tick: 1,
        max_size_per_msg: args.keyed("max-size-per-msg")?.unwrap_or(u64::MAX),
        max_committed_size_per_ready: args.keyed("max-committed-size-per-ready")?.unwrap_or(0),
        // What a script compacts is gone.
        recent_entries_bytes: 0,
        max_uncommitted_size: args.keyed("max-uncommitted-size")?.unwrap_or(0),
        max_inflight_msgs: args.keyed("inflight")?.unwrap_or(i32::MAX as usize),
        max_inflight_bytes: args.keyed("max-inflight-bytes")?.unwrap_or(0),
        check_quorum: args.keyed("checkquorum")?.unwrap_or(false),
        pre_vote: args.keyed("prevote")?.unwrap_or(false),
        read_only: read_only(args.keyed("read-only")?)?,
        disable_proposal_forwarding: args.keyed("disable-proposal-forwarding")?.unwrap_or(false),
        disable_conf_change_validation: args
            .keyed("disable-conf-change-validation")?
            .unwrap_or(false),
        step_down_on_removal: args.keyed("step-down-on-removal")?.unwrap_or(false),
        ..Config::new(0)
    })
}

fn read_only(option: Option<String>) -> Result<ReadOnlyOption, Failure> {
    match option.as_deref() {
        None | Some("safe") => Ok(ReadOnlyOption::Safe),
        Some("lease-based") => Ok(ReadOnlyOption::LeaseBased),
        Some(other) => Err(Failure::printed(format!("invalid read-only option \"{other}\""))),
    }
}

/// Whose rules nodes follow, as an argument.
struct Rules(Compat);

impl FromArgument for Rules {
    const EXPECTED: &'static str = "etcd or strict";

    fn from_argument(text: &str) -> Option<Self> {
        match text {
            "etcd" => Some(Rules(Compat::Etcd)),
            "strict" => Some(Rules(Compat::Strict)),
            _ => None,
        }
    }
}
