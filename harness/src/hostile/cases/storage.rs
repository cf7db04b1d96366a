//! Storages that fail under a running node, and misuse of the one that comes with the library.

use bytes::Bytes;
use raft_core::{CampaignError, MemoryStorage, Poisoned, ReadPurpose, Storage, StorageError};
use raft_proto::{Entries, Entry, Message, MessageType};

use crate::hostile::disk::{Call, Fault, broken};
use crate::hostile::group::Group;
use crate::hostile::member::{on_face, text};
use crate::hostile::scene::{OTHER, PEER, Scene, VICTIM, demand, ensure};
use crate::hostile::{At, Case};

pub(super) const ROWS: &[Case] = &[
    Case {
        number: 128,
        what: "Storage::entries answers Unavailable for entries to apply",
        at: At::EVERYWHERE,
        etcd: "panic: entries are unavailable from storage",
        raft_rs: "-",
        ours: "Poisoned by it",
        run: |scene| {
            let fault = Fault::Fails(Call::Entries, StorageError::Unavailable);
            scene.fail_by(fault, |error| matches!(error, StorageError::Unavailable))
        },
    },
    Case {
        number: 129,
        what: "Storage::entries fails for entries to apply",
        at: At::EVERYWHERE,
        etcd: "panic: unexpected error when getting unapplied entries",
        raft_rs: "-",
        ours: "Poisoned by it",
        run: |scene| scene.fail_by(Fault::Fails(Call::Entries, broken()), is_other),
    },
    Case {
        number: 130,
        what: "Storage::entries gives none for a range of entries to apply",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "Poisoned: Contract",
        run: |scene| scene.fail_by(Fault::NoEntries, is_contract),
    },
    Case {
        number: 131,
        what: "Storage::entries gives others than those asked for",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "Poisoned: Contract",
        run: |scene| scene.fail_by(Fault::WrongEntries, is_contract),
    },
    Case {
        number: 132,
        what: "Storage::entries gives more than those asked for",
        at: At::EVERYWHERE,
        etcd: "panic: slice out of bound",
        raft_rs: "-",
        ours: "Poisoned: Contract",
        run: |scene| scene.fail_by(Fault::TooManyEntries, is_contract),
    },
    Case {
        number: 133,
        what: "Storage::entries gives none when a node looks for changes to apply before it \
               campaigns",
        at: At::FOLLOWER,
        etcd: "panic: error scanning unapplied entries",
        raft_rs: "-",
        ours: "CampaignError: Poisoned, Contract",
        run: |scene| {
            // What it has on disk is committed, and not applied yet.
            scene.group.work(VICTIM);
            let commit = scene.last.index;
            let heartbeat = Message { commit, ..scene.message(MessageType::MsgHeartbeat) };
            scene.victim().step(heartbeat).map_err(text)?;
            scene.victim().disk_mut().fault = Some(Fault::NoEntries);
            let campaigned = on_face!(scene.victim(), node => node.campaign());
            demand!(
                scene,
                campaigned,
                Err(CampaignError::Poisoned(Poisoned(StorageError::Contract(_))))
            );
            scene.check_poisoned(is_contract)
        },
    },
    Case {
        number: 134,
        what: "entries are compacted before they are applied",
        at: At::FOLLOWER,
        etcd: "panic: unexpected error when getting unapplied entries",
        raft_rs: "-",
        ours: "Poisoned: Contract",
        run: |scene| {
            scene.group.work(VICTIM);
            let intact = scene.victim().disk().clone();
            let last = scene.last.index;
            scene.victim().disk_mut().memory.compact(last).map_err(text)?;
            let failed = |group: &mut Group| group.member(VICTIM).failure.is_some();
            scene.group.run_until("the compaction shows", failed)?;
            scene.check_poisoned(is_contract)?;
            *scene.victim().disk_mut() = intact;
            Ok(())
        },
    },
    Case {
        number: 135,
        what: "Storage::term fails when entries are sent",
        at: At::LEADER,
        etcd: "panic: unexpected error",
        raft_rs: "-",
        ours: "Poisoned by it",
        run: |scene| scene.fail_by(Fault::Fails(Call::Term, broken()), is_other),
    },
    Case {
        number: 136,
        what: "Storage::first_index fails while the node runs",
        at: At::LEADER,
        etcd: "panic",
        raft_rs: "-",
        ours: "Poisoned by it",
        run: |scene| scene.fail_by(Fault::Fails(Call::FirstIndex, broken()), is_other),
    },
    Case {
        number: 137,
        what: "Storage::snapshot fails when a peer needs one",
        at: At::LEADER,
        etcd: "panic",
        raft_rs: "-",
        ours: "Poisoned by it",
        run: |scene| {
            let intact = leave_behind(scene)?;
            scene.fail_by(Fault::Fails(Call::Snapshot, broken()), is_other)?;
            scene.victim().disk_mut().memory = intact;
            Ok(())
        },
    },
    Case {
        number: 138,
        what: "Storage::snapshot gives an empty one when a peer needs one",
        at: At::LEADER,
        etcd: "panic: need non-empty snapshot",
        raft_rs: "-",
        ours: "Poisoned: Contract",
        run: |scene| {
            let intact = leave_behind(scene)?;
            scene.fail_by(Fault::EmptySnapshot, is_contract)?;
            scene.victim().disk_mut().memory = intact;
            Ok(())
        },
    },
    // The storage in memory.
    Case {
        number: 139,
        what: "MemoryStorage::entries beyond the last",
        at: At::EVERYWHERE,
        etcd: "panic: entries' hi is out of bound",
        raft_rs: "panic",
        ours: "StorageError: Unavailable, and nothing is added",
        run: |scene| {
            let mut out = Entries::new();
            let beyond = |memory: &mut MemoryStorage| {
                let (first, last) = (memory.first_index()?, memory.last_index()?);
                memory.entries(first..last + 2, u64::MAX, ReadPurpose::Scan, &mut out)
            };
            let answer = misuse(scene, beyond)?;
            demand!(scene, answer, Err(StorageError::Unavailable));
            ensure!(out.is_empty(), "it gave {out:?}");
            Ok(())
        },
    },
    Case {
        number: 140,
        what: "MemoryStorage::create_snapshot beyond the last entry",
        at: At::EVERYWHERE,
        etcd: "panic: snapshot is out of bound",
        raft_rs: "-",
        ours: "StorageError: Unavailable",
        run: |scene| {
            let answer = misuse(scene, |memory| {
                let index = memory.last_index()? + 1;
                memory.create_snapshot(index, None, Bytes::new()).map(drop)
            })?;
            demand!(scene, answer, Err(StorageError::Unavailable));
            Ok(())
        },
    },
    Case {
        number: 141,
        what: "MemoryStorage::compact beyond the last entry",
        at: At::EVERYWHERE,
        etcd: "panic: compact is out of bound",
        raft_rs: "panic",
        ours: "StorageError: Unavailable",
        run: |scene| {
            let answer = misuse(scene, |memory| {
                let index = memory.last_index()? + 1;
                memory.compact(index)
            })?;
            demand!(scene, answer, Err(StorageError::Unavailable));
            Ok(())
        },
    },
    Case {
        number: 142,
        what: "MemoryStorage::append with a hole after the last entry",
        at: At::EVERYWHERE,
        etcd: "panic: missing log entry",
        raft_rs: "panic",
        ours: "StorageError: Gap",
        run: |scene| {
            let answer = misuse(scene, |memory| {
                let index = memory.last_index()? + 2;
                memory.append(&Entries::from(Entry::new(1, index, "hostile")))
            })?;
            demand!(scene, answer, Err(StorageError::Gap { .. }));
            Ok(())
        },
    },
    Case {
        number: 143,
        what: "MemoryStorage::append with a hole between the entries",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "StorageError: Contract",
        run: |scene| {
            let answer = misuse(scene, |memory| {
                let next = memory.last_index()? + 1;
                let entry = |index| Entry::new(1, index, "hostile");
                memory.append(&[entry(next), entry(next + 2)].into_iter().collect())
            })?;
            demand!(scene, answer, Err(StorageError::Contract(_)));
            Ok(())
        },
    },
];

fn is_other(error: &StorageError) -> bool {
    matches!(error, StorageError::Other(_))
}

fn is_contract(error: &StorageError) -> bool {
    matches!(error, StorageError::Contract(_))
}

/// Leaves [`OTHER`] so far behind that it needs a snapshot. Answers the log as it was.
fn leave_behind(scene: &mut Scene) -> Result<MemoryStorage, String> {
    scene.group.cut_off.push(OTHER);
    scene.group.run()?;
    for data in ["three", "four"] {
        on_face!(scene.victim(), node => node.propose(data)).map_err(text)?;
        scene.group.run()?;
    }
    let applied = scene.group.member(VICTIM).app.applied_index;
    let memory = &mut scene.victim().disk_mut().memory;
    let intact = memory.clone();
    memory.create_snapshot(applied, None, Bytes::new()).map_err(text)?;
    memory.compact(applied).map_err(text)?;
    scene.group.cut_off.clear();
    let behind = scene.group.member(OTHER).app.applied_index;
    let peer = scene.group.member(PEER).app.applied_index;
    ensure!(behind < applied && peer == applied, "{behind} {peer} of {applied} are applied");
    Ok(intact)
}

/// Does to the victim's storage what must change nothing.
fn misuse(
    scene: &mut Scene,
    act: impl FnOnce(&mut MemoryStorage) -> Result<(), StorageError>,
) -> Result<Result<(), StorageError>, String> {
    let before = text(&scene.victim().disk().memory);
    let answer = scene.without_trace(|node| act(&mut node.disk_mut().memory))?;
    ensure!(text(&scene.victim().disk().memory) == before, "the storage changed");
    Ok(answer)
}
