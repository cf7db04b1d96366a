//! Nodes that are started with settings, or over storages, that they must not accept. The node was
//! stopped in its role, and stays down until it is started as it should be.

use raft_core::{
    ConfStateError, Config, ConfigError, NewError, ReadOnlyOption, Storage, StorageError,
};
use raft_proto::{ConfState, HardState, LOCAL_APPEND_THREAD};

use crate::hostile::disk::{Call, Disk, Fault, broken};
use crate::hostile::member::text;
use crate::hostile::scene::{Scene, VICTIM, demand};
use crate::hostile::{At, Case, Checked};

pub(super) const ROWS: &[Case] = &[
    Case {
        number: 109,
        what: "Config::id is 0",
        at: At::EVERYWHERE,
        etcd: "panic: cannot use none as id",
        raft_rs: "an error",
        ours: "ConfigError: IdIsNone",
        run: |scene| bad_config(scene, |config| config.id = 0, ConfigError::IdIsNone),
    },
    Case {
        number: 110,
        what: "Config::id is that of a storage thread",
        at: At::EVERYWHERE,
        etcd: "panic: cannot use local target as id",
        raft_rs: "-",
        ours: "ConfigError: IdIsReserved",
        run: |scene| {
            let id = LOCAL_APPEND_THREAD;
            bad_config(scene, |config| config.id = id, ConfigError::IdIsReserved { id })
        },
    },
    Case {
        number: 111,
        what: "Config::heartbeat_tick is 0",
        at: At::EVERYWHERE,
        etcd: "panic: heartbeat tick must be greater than 0",
        raft_rs: "an error",
        ours: "ConfigError: HeartbeatTick",
        run: |scene| {
            bad_config(scene, |config| config.heartbeat_tick = 0, ConfigError::HeartbeatTick)
        },
    },
    Case {
        number: 112,
        what: "Config::election_tick is not above heartbeat_tick",
        at: At::EVERYWHERE,
        etcd: "panic: election tick must be greater than heartbeat tick",
        raft_rs: "an error",
        ours: "ConfigError: ElectionTick",
        run: |scene| {
            let error = ConfigError::ElectionTick { election_tick: 3, heartbeat_tick: 3 };
            bad_config(scene, |config| config.election_tick = config.heartbeat_tick, error)
        },
    },
    Case {
        number: 113,
        what: "Config::max_inflight_msgs is 0",
        at: At::EVERYWHERE,
        etcd: "panic: max inflight messages must be greater than 0",
        raft_rs: "an error",
        ours: "ConfigError: MaxInflightMsgs",
        run: |scene| {
            bad_config(scene, |config| config.max_inflight_msgs = 0, ConfigError::MaxInflightMsgs)
        },
    },
    Case {
        number: 114,
        what: "Config::max_inflight_bytes is below max_size_per_msg",
        at: At::EVERYWHERE,
        etcd: "panic: max inflight bytes must be >= max message size",
        raft_rs: "-",
        ours: "ConfigError: MaxInflightBytes",
        run: |scene| {
            let limits =
                ConfigError::MaxInflightBytes { max_inflight_bytes: 7, max_size_per_msg: 8 };
            let change = |config: &mut Config| {
                (config.max_inflight_bytes, config.max_size_per_msg) = (7, 8);
            };
            bad_config(scene, change, limits)
        },
    },
    Case {
        number: 115,
        what: "both size limits of Config are 0",
        at: At::EVERYWHERE,
        etcd: "panic: applying entry size not positive; with Applied set, nothing is ever applied",
        raft_rs: "-",
        ours: "ConfigError: NothingCouldBeApplied",
        run: |scene| {
            let change = |config: &mut Config| {
                (config.max_size_per_msg, config.max_committed_size_per_ready) = (0, 0);
            };
            bad_config(scene, change, ConfigError::NothingCouldBeApplied)
        },
    },
    Case {
        number: 116,
        what: "lease reads without check-quorum",
        at: At::EVERYWHERE,
        etcd: "panic: CheckQuorum must be enabled",
        raft_rs: "an error",
        ours: "ConfigError: LeaseWithoutCheckQuorum",
        run: |scene| {
            let change = |config: &mut Config| {
                (config.read_only, config.check_quorum) = (ReadOnlyOption::LeaseBased, false);
            };
            bad_config(scene, change, ConfigError::LeaseWithoutCheckQuorum)
        },
    },
    // Storages.
    Case {
        number: 117,
        what: "Storage::initial_state fails at the start",
        at: At::EVERYWHERE,
        etcd: "panic",
        raft_rs: "-",
        ours: "NewError: Storage, with its error (Other)",
        run: |scene| call_fails(scene, Call::InitialState),
    },
    Case {
        number: 118,
        what: "Storage::first_index fails at the start",
        at: At::EVERYWHERE,
        etcd: "panic",
        raft_rs: "-",
        ours: "NewError: Storage, with its error (Other)",
        run: |scene| call_fails(scene, Call::FirstIndex),
    },
    Case {
        number: 119,
        what: "Storage::last_index fails at the start",
        at: At::EVERYWHERE,
        etcd: "panic",
        raft_rs: "-",
        ours: "NewError: Storage, with its error (Other)",
        run: |scene| call_fails(scene, Call::LastIndex),
    },
    Case {
        number: 120,
        what: "Storage::term does not know the last entry",
        at: At::EVERYWHERE,
        etcd: "panic: unexpected error when getting the last term",
        raft_rs: "-",
        ours: "NewError: Storage, with its error (Other)",
        run: |scene| call_fails(scene, Call::Term),
    },
    Case {
        number: 121,
        what: "the storage's first and last index contradict each other",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "NewError: LogRange",
        run: |scene| {
            for (first, last) in [(0, 5), (7, 5), (1, u64::MAX)] {
                let fault = Fault::LogRange { first, last };
                let started = start(scene, |_, disk| disk.fault = Some(fault))?;
                demand!(
                    scene,
                    started,
                    NewError::LogRange { id: VICTIM, first: found, last: end }
                        if (*found, *end) == (first, last)
                );
            }
            Ok(())
        },
    },
    Case {
        number: 122,
        what: "the storage's configuration cannot be restored",
        at: At::EVERYWHERE,
        etcd: "panic: unable to restore config",
        raft_rs: "-",
        ours: "NewError: ConfStateError, Invalid",
        run: |scene| {
            let change = |_: &mut Config, disk: &mut Disk| {
                disk.conf_state = ConfState::new([], [1, 2, 3]);
            };
            let started = start(scene, change)?;
            demand!(scene, started, NewError::ConfState(ConfStateError::Invalid { .. }));
            Ok(())
        },
    },
    Case {
        number: 123,
        what: "the storage's configuration restores to another",
        at: At::EVERYWHERE,
        etcd: "panic: ConfStates not equivalent",
        raft_rs: "-",
        ours: "NewError: ConfStateError, NotEquivalent",
        run: |scene| {
            let change = |_: &mut Config, disk: &mut Disk| {
                disk.conf_state = ConfState::new([1, 2, 3, 3], []);
            };
            let started = start(scene, change)?;
            demand!(scene, started, NewError::ConfState(ConfStateError::NotEquivalent { .. }));
            Ok(())
        },
    },
    Case {
        number: 124,
        what: "the persisted commit index is beyond the log",
        at: At::EVERYWHERE,
        etcd: "panic: state.commit is out of range",
        raft_rs: "panic",
        ours: "NewError: CommitOutOfRange",
        run: |scene| {
            let last = last_index(scene)?;
            let started = start(scene, |_, disk| set_commit(disk, last + 1))?;
            demand!(
                scene,
                started,
                NewError::CommitOutOfRange { id: VICTIM, commit, low: 0, high }
                    if (*commit, *high) == (last + 1, last)
            );
            Ok(())
        },
    },
    Case {
        number: 125,
        what: "the persisted commit index is before the log, as after a crash between the write of \
               a snapshot and that of the hard state",
        at: At::EVERYWHERE,
        etcd: "panic: state.commit is out of range",
        raft_rs: "-",
        ours: "it starts: Ok, and what lies before the log counts as committed",
        run: |scene| {
            let started = scene.group.restart(VICTIM, |config, disk| {
                config.applied = 0;
                disk.memory.compact(3).ok();
                set_commit(disk, 2);
            });
            scene.outcomes.note_pattern("Ok");
            started.map_err(|error| format!("{error:?}, expected Ok"))
        },
    },
    Case {
        number: 126,
        what: "Config::applied is beyond the log",
        at: At::EVERYWHERE,
        etcd: "panic: applied is out of range",
        raft_rs: "panic",
        ours: "NewError: AppliedOutOfRange; in Compat::Etcd as soon as it is beyond what is committed",
        run: |scene| {
            let high = match scene.is_strict() {
                true => last_index(scene)?,
                false => scene.victim().disk().memory.hard_state().commit,
            };
            let started = start(scene, |config, _| config.applied = high + 1)?;
            demand!(
                scene,
                started,
                NewError::AppliedOutOfRange { id: VICTIM, applied, low: 0, high: found }
                    if (*applied, *found) == (high + 1, high)
            );
            Ok(())
        },
    },
    Case {
        number: 127,
        what: "Config::applied is before the log: entries that were not applied are compacted",
        at: At::EVERYWHERE,
        etcd: "panic: applied is out of range",
        raft_rs: "-",
        ours: "NewError: AppliedOutOfRange",
        run: |scene| {
            let started = start(scene, |config, disk| {
                disk.memory.compact(3).ok();
                config.applied = 2;
            })?;
            demand!(
                scene,
                started,
                NewError::AppliedOutOfRange { id: VICTIM, applied: 2, low: 3, .. }
            );
            Ok(())
        },
    },
];

/// Starts the victim again with something changed that must keep it from starting.
fn start(
    scene: &mut Scene,
    change: impl FnOnce(&mut Config, &mut Disk),
) -> Result<NewError, String> {
    let started = scene.group.restart(VICTIM, change);
    started.err().ok_or_else(|| "it starts".to_owned())
}

fn bad_config(scene: &mut Scene, change: impl Fn(&mut Config), error: ConfigError) -> Checked {
    scene.outcomes.note_pattern(text(error).split(' ').next().unwrap_or_default());
    match start(scene, |config, _| change(config))? {
        NewError::Config(found) if found == error => Ok(()),
        other => Err(format!("{other:?}, expected {error:?}")),
    }
}

fn call_fails(scene: &mut Scene, call: Call) -> Checked {
    let started = start(scene, |_, disk| disk.fault = Some(Fault::Fails(call, broken())))?;
    demand!(scene, started, NewError::Storage(StorageError::Other(_)));
    Ok(())
}

fn last_index(scene: &mut Scene) -> Result<u64, String> {
    scene.victim().disk().last_index().map_err(text)
}

fn set_commit(disk: &mut Disk, commit: u64) {
    let hard_state = HardState { commit, ..*disk.memory.hard_state() };
    disk.memory.set_hard_state(hard_state);
}
