//! Appends, heartbeats, their answers, and snapshots that say what no correct peer says.

use raft_core::{ConfChangeError, ConfStateError, Config, MAX_INDEX, Refusal, Storage};
use raft_proto::{
    ConfChange, ConfChangeType, ConfState, Entries, Entry, Message, MessageType, Snapshot,
};

use crate::hostile::disk::Disk;
use crate::hostile::group::Group;
use crate::hostile::member::{Member, on_face, text};
use crate::hostile::scene::{Expect, OTHER, PEER, Scene, VICTIM, ensure};
use crate::hostile::{At, Case, Checked};

pub(super) const ROWS: &[Case] = &[
    Case {
        number: 38,
        what: "MsgApp whose entry lies five after the one before it",
        at: At::EVERYWHERE,
        etcd: "panic: index is out of range",
        raft_rs: "panic: slice range",
        ours: "refused: EntryGap",
        run: |scene| {
            let (expected, found) = (scene.last.index + 1, scene.last.index + 5);
            let message = scene.append([(scene.term, found)]);
            scene.attack(message, Expect::Refused(Refusal::EntryGap { expected, found }))
        },
    },
    Case {
        number: 39,
        what: "MsgApp with a hole between its entries",
        at: At::EVERYWHERE,
        etcd: "panic: unstable.slice out of bound",
        raft_rs: "appended: the log has a hole",
        ours: "refused: EntryGap",
        run: |scene| {
            let next = scene.last.index + 1;
            let message = scene.append([(scene.term, next), (scene.term, next + 2)]);
            let gap = Refusal::EntryGap { expected: next + 1, found: next + 2 };
            scene.attack(message, Expect::Refused(gap))
        },
    },
    Case {
        number: 40,
        what: "MsgApp after the last entry, whose entry stands at a committed index, with another \
               term",
        at: At::EVERYWHERE,
        etcd: "panic: entry conflicts with committed entry",
        raft_rs: "fatal: conflicts with a committed entry",
        ours: "refused: EntryGap",
        run: |scene| {
            let (expected, found) = (scene.last.index + 1, scene.committed);
            let message = scene.append([(scene.term + 1, found)]);
            let message = Message { term: scene.term + 1, ..message };
            scene.attack(message, Expect::Refused(Refusal::EntryGap { expected, found }))
        },
    },
    Case {
        number: 41,
        what: "MsgApp after the last entry, whose entries begin at index 1",
        at: At::EVERYWHERE,
        etcd: "panic: after is out of range",
        raft_rs: "-",
        ours: "refused: EntryGap",
        run: |scene| {
            let gap = Refusal::EntryGap { expected: scene.last.index + 1, found: 1 };
            scene.attack(scene.append([(1, 1), (scene.term, 2)]), Expect::Refused(gap))
        },
    },
    Case {
        number: 42,
        what: "MsgApp with an index twice",
        at: At::EVERYWHERE,
        etcd: "appended; later panics: applying is out of range, missing log entry",
        raft_rs: "appended",
        ours: "refused: EntryGap",
        run: |scene| {
            let next = scene.last.index + 1;
            let gap = Refusal::EntryGap { expected: next + 1, found: next };
            let message = scene.append([(scene.term, next), (scene.term, next)]);
            scene.attack(message, Expect::Refused(gap))
        },
    },
    Case {
        number: 43,
        what: "MsgApp whose entries' terms fall",
        at: At::EVERYWHERE,
        etcd: "appended",
        raft_rs: "appended",
        ours: "refused: EntryTermRegression",
        run: |scene| {
            let (next, term) = (scene.last.index + 1, scene.term);
            let falls = |index, previous| {
                let term = previous - 1;
                Expect::Refused(Refusal::EntryTermRegression { index, term, previous })
            };
            let between = scene.append([(term, next), (term - 1, next + 1)]);
            scene.attack(between, falls(next + 1, term))?;
            let previous = scene.last.term;
            scene.attack(scene.append([(previous - 1, next)]), falls(next, previous))
        },
    },
    Case {
        number: 44,
        what: "MsgApp with an entry of a term after its leader's",
        at: At::EVERYWHERE,
        etcd: "appended",
        raft_rs: "appended",
        ours: "refused: EntryTermBeyondLeader",
        run: |scene| {
            let (index, term, leader) = (scene.last.index + 1, scene.term + 1, scene.term);
            let refusal = Refusal::EntryTermBeyondLeader { index, term, leader };
            scene.attack(scene.append([(term, index)]), Expect::Refused(refusal))
        },
    },
    Case {
        number: 45,
        what: "MsgApp with an entry of an unknown type, of the next term",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "panic in the codec's getter",
        ours: "taken: Entry::kind is an error to whoever applies it",
        run: |scene| {
            let (term, index) = (scene.term + 1, scene.last.index + 1);
            let entry = Entry { entry_type: Some(77), ..Entry::new(term, index, "hostile") };
            let entries = Entries::from(entry);
            let message = Message { term, entries, ..scene.append([]) };
            scene.attack(message, Expect::Taken)?;
            let has_entry = |scene: &mut Scene| {
                let disk = &scene.victim().disk().memory;
                disk.last_index().is_ok_and(|last| last == index)
            };
            scene.group.work(VICTIM);
            ensure!(has_entry(scene), "the entry was not kept");
            Ok(())
        },
    },
    // Heartbeats.
    Case {
        number: 46,
        what: "MsgHeartbeat that commits beyond the log",
        at: At::EVERYWHERE,
        etcd: "panic: tocommit is out of range",
        raft_rs: "panic: to_commit is out of range",
        ours: "refused: LogLost",
        run: |scene| {
            let last_index = scene.last.index;
            for commit in [last_index + 1, u64::MAX] {
                let message = Message { commit, ..scene.message(MessageType::MsgHeartbeat) };
                let refusal = Refusal::LogLost { commit, last_index };
                scene.attack(message, Expect::Refused(refusal))?;
            }
            Ok(())
        },
    },
    Case {
        number: 47,
        what: "a follower comes back under its id without its disk",
        at: At::FOLLOWER,
        etcd: "crash loop: tocommit is out of range",
        raft_rs: "panic: to_commit is out of range",
        ours: "refused: LogLost, at every heartbeat, until it is removed and comes back under a \
               new id. By design only Strict: no endless exchange of one probe and its rejection",
        run: come_back_without_disk,
    },
    // Answers to appends and heartbeats.
    Case {
        number: 48,
        what: "MsgAppResp for an index just beyond the log",
        at: At::EVERYWHERE,
        etcd: "a leader's Match goes beyond its log",
        raft_rs: "-",
        ours: "refused: AckBeyondLog; by others than a leader ignored",
        run: |scene| {
            let index = scene.last.index + 1;
            acknowledge_beyond_log(scene, index)
        },
    },
    Case {
        number: 49,
        what: "MsgAppResp for index 2^64 - 1",
        at: At::EVERYWHERE,
        etcd: "a leader's Match goes beyond its log",
        raft_rs: "matched is 2^64 - 1; in a debug build an overflow panic",
        ours: "refused: AckBeyondLog; by others than a leader ignored",
        run: |scene| acknowledge_beyond_log(scene, u64::MAX),
    },
    Case {
        number: 50,
        what: "MsgAppResp for an entry of the log that the sender does not have",
        at: At::LEADER,
        etcd: "believed",
        raft_rs: "believed: it can raise the commit index",
        ours: "taken: nobody can know better; the liar finds LogLost at the next heartbeat",
        run: |scene| {
            let index = scene.last.index;
            let message = Message { index, ..scene.message(MessageType::MsgAppResp) };
            scene.attack(message, Expect::Taken)?;
            // The entry itself is lost on its way, if it was sent before the answer came. It will
            // not be sent again; the others go on without the liar.
            scene.group.work(VICTIM);
            scene.group.network.retain(|message| message.to != PEER);
            scene.refusals_allowed = true;
            scene.group.run_until("the liar is found out", has_lost_log)?;
            scene.group.member(PEER).down = true;
            Ok(())
        },
    },
    Case {
        number: 51,
        what: "MsgHeartbeatResp with a context of 3 bytes",
        at: At::EVERYWHERE,
        etcd: "panic in a leader: index out of range",
        raft_rs: "-",
        ours: "refused: ReadCounter; by others than a leader ignored",
        run: |scene| confirm_reads(scene, b"abc"),
    },
    Case {
        number: 52,
        what: "MsgHeartbeatResp that confirms reads which are yet to come",
        at: At::EVERYWHERE,
        etcd: "panic in a leader, from a quorum: slice bounds",
        raft_rs: "-",
        ours: "refused: ReadCounter; by others than a leader ignored",
        run: |scene| {
            // One read waits in a leader, whose counter therefore is 1.
            confirm_reads(scene, &2u64.to_le_bytes())?;
            confirm_reads(scene, &u64::MAX.to_le_bytes())
        },
    },
    // Snapshots.
    Case {
        number: 53,
        what: "MsgSnap with a voter that is also a learner",
        at: At::EVERYWHERE,
        etcd: "panic: ConfStates not equivalent",
        raft_rs: "panic: invalid restore",
        ours: "refused: SnapshotConfState",
        run: |scene| {
            let conf_state = ConfState::new([1, 2, 3], [3]);
            not_equivalent(scene, conf_state, ConfState::new([1, 2], [3]))
        },
    },
    Case {
        number: 54,
        what: "MsgSnap with a voter named twice",
        at: At::EVERYWHERE,
        etcd: "panic: ConfStates not equivalent",
        raft_rs: "-",
        ours: "refused: SnapshotConfState",
        run: |scene| {
            let conf_state = ConfState::new([1, 2, 2], []);
            not_equivalent(scene, conf_state, ConfState::new([1, 2], []))
        },
    },
    Case {
        number: 55,
        what: "MsgSnap with voters 0 and 1",
        at: At::EVERYWHERE,
        etcd: "panic: unable to restore config: removed all voters",
        raft_rs: "panic: invalid restore",
        ours: "refused: SnapshotConfState",
        run: |scene| no_voters(scene, ConfState::new([0, 1], [])),
    },
    Case {
        number: 56,
        what: "MsgSnap with learners only",
        at: At::EVERYWHERE,
        etcd: "panic: unable to restore config: removed all voters",
        raft_rs: "panic: removed all voters",
        ours: "refused: SnapshotConfState",
        run: |scene| no_voters(scene, ConfState::new([], [1, 2, 3])),
    },
    Case {
        number: 57,
        what: "MsgSnap with a joint configuration without incoming voters",
        at: At::EVERYWHERE,
        etcd: "panic: unable to restore config: removed all voters",
        raft_rs: "-",
        ours: "refused: SnapshotConfState",
        run: |scene| {
            let voters_outgoing = vec![1, 2, 3];
            no_voters(scene, ConfState { voters_outgoing, ..ConfState::default() })
        },
    },
    Case {
        number: 58,
        what: "MsgSnap with learners-to-be, and not joint",
        at: At::EVERYWHERE,
        etcd: "panic: ConfStates not equivalent",
        raft_rs: "-",
        ours: "refused: SnapshotConfState",
        run: |scene| {
            let conf_state = ConfState { learners_next: vec![4], ..ConfState::new([1, 2, 3], []) };
            not_equivalent(scene, conf_state, ConfState::new([1, 2, 3], [4]))
        },
    },
    Case {
        number: 59,
        what: "MsgSnap that is to leave a joint configuration, and is not joint",
        at: At::EVERYWHERE,
        etcd: "panic: ConfStates not equivalent",
        raft_rs: "-",
        ours: "refused: SnapshotConfState",
        run: |scene| {
            let conf_state = ConfState { auto_leave: true, ..ConfState::new([1, 2, 3], []) };
            not_equivalent(scene, conf_state, ConfState::new([1, 2, 3], []))
        },
    },
    Case {
        number: 60,
        what: "MsgSnap of index 2^64 - 1",
        at: At::EVERYWHERE,
        etcd: "panic: the offset wraps, index out of range",
        raft_rs: "-",
        ours: "refused: IndexTooHigh",
        run: |scene| {
            let index = u64::MAX;
            let message = restore(scene, index, ConfState::new([1, 2, 3], []));
            scene.attack(message, Expect::Refused(Refusal::IndexTooHigh { index }))
        },
    },
    Case {
        number: 61,
        what: "MsgSnap of an index that leaves no room for a log after it",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "refused: IndexTooHigh, as all above 2^64 - 2^32",
        run: |scene| {
            for index in [MAX_INDEX + 1, u64::MAX - 2] {
                let message = restore(scene, index, ConfState::new([1, 2, 3], []));
                scene.attack(message, Expect::Refused(Refusal::IndexTooHigh { index }))?;
            }
            Ok(())
        },
    },
    Case {
        number: 62,
        what: "MsgSnap of a term after its leader's",
        at: At::EVERYWHERE,
        etcd: "restored",
        raft_rs: "-",
        ours: "refused: EntryTermBeyondLeader",
        run: |scene| {
            let (index, leader) = (scene.last.index + 5, scene.term);
            let term = leader + 1;
            let snapshot = Snapshot::new(index, term, ConfState::new([1, 2, 3], []), "");
            let snapshot = Some(Box::new(snapshot));
            let message = Message { snapshot, ..scene.message(MessageType::MsgSnap) };
            let refusal = Refusal::EntryTermBeyondLeader { index, term, leader };
            scene.attack(message, Expect::Refused(refusal))
        },
    },
];

/// The follower finds out; its group removes it and takes it in again as node 4.
fn come_back_without_disk(scene: &mut Scene) -> Checked {
    let at_start = ConfState::new([VICTIM, PEER, OTHER], []);
    scene
        .group
        .restart(VICTIM, |config, disk| {
            config.applied = 0;
            *disk = Disk::new(at_start);
        })
        .map_err(text)?;
    scene.refusals_allowed = true;
    let (commit, last_index) = (scene.committed, 0);
    let heartbeat = Message { commit, ..scene.message(MessageType::MsgHeartbeat) };
    scene.attack(heartbeat, Expect::Refused(Refusal::LogLost { commit, last_index }))?;
    let rests = scene.group.run();
    ensure!(rests.is_ok() == scene.is_strict(), "the group is {rests:?}");
    if scene.is_strict() {
        for round in 1..=2 {
            scene.group.refusals.clear();
            let what = format!("heartbeat {round} tells of the loss");
            scene.group.run_until(&what, has_lost_log)?;
        }
    }
    scene.group.network.clear();
    scene.group.members.remove(0);
    scene.group.commit()?;
    let changes = [(ConfChangeType::RemoveNode, VICTIM), (ConfChangeType::AddNode, 4)];
    for (kind, id) in changes {
        let leader = scene.group.leader().ok_or("nobody leads")?;
        let change = ConfChange::new(kind, id);
        on_face!(scene.group.node(leader), node => node.propose_conf_change(change))
            .map_err(text)?;
        scene.group.commit()?;
    }
    let config = Config { id: 4, ..scene.group.config(PEER) };
    let joined = Member::new(scene.setting.face, config, Disk::new(ConfState::default()));
    scene.group.members.push(joined.map_err(text)?);
    Ok(())
}

fn has_lost_log(group: &mut Group) -> bool {
    group.refusals.iter().any(|refusal| refusal.contains("LogLost"))
}

fn acknowledge_beyond_log(scene: &mut Scene, index: u64) -> Checked {
    let message = Message { index, ..scene.message(MessageType::MsgAppResp) };
    let last_index = scene.last.index;
    let refused = Expect::Refused(Refusal::AckBeyondLog { index, last_index });
    scene.attack(message, if scene.is_leader() { refused } else { Expect::Ignored })
}

fn confirm_reads(scene: &mut Scene, context: &[u8]) -> Checked {
    let context = context.to_vec().into();
    let message = Message { context, ..scene.message(MessageType::MsgHeartbeatResp) };
    let refused = Expect::Refused(Refusal::ReadCounter);
    scene.attack(message, if scene.is_leader() { refused } else { Expect::Ignored })
}

fn restore(scene: &Scene, index: u64, conf_state: ConfState) -> Message {
    let snapshot = Some(Box::new(Snapshot::new(index, 1, conf_state, "hostile")));
    Message { snapshot, ..scene.message(MessageType::MsgSnap) }
}

fn not_equivalent(scene: &mut Scene, conf_state: ConfState, restored: ConfState) -> Checked {
    let message = restore(scene, scene.last.index + 5, conf_state.clone());
    let (conf_state, restored) = (conf_state.into(), restored.into());
    let error = ConfStateError::NotEquivalent { conf_state, restored };
    scene.attack(message, Expect::Refused(Refusal::SnapshotConfState(error)))
}

fn no_voters(scene: &mut Scene, conf_state: ConfState) -> Checked {
    let message = restore(scene, scene.last.index + 5, conf_state.clone());
    let error = ConfChangeError::RemovedAllVoters;
    let error = ConfStateError::Invalid { conf_state: conf_state.into(), error };
    scene.attack(message, Expect::Refused(Refusal::SnapshotConfState(error)))
}
