//! Messages that are wrong by their form, their address, their sender or their term.

use raft_core::{CampaignError, CampaignRefused, Config, MAX_TERM, Refusal};
use raft_proto::{
    ConfState, Entries, Entry, HardState, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message,
    MessageType, Snapshot,
};

use crate::hostile::disk::Disk;
use crate::hostile::group::Group;
use crate::hostile::member::{on_face, text};
use crate::hostile::scene::{ELECTION_TICK, Expect, OTHER, PEER, Scene, VICTIM, demand, ensure};
use crate::hostile::{At, Case, Checked};

pub(super) const ROWS: &[Case] = &[
    Case {
        number: 1,
        what: "a message of kind -7 and of a later term",
        at: At::EVERYWHERE,
        etcd: "panic, before any check: index out of range",
        raft_rs: "panic in the codec's getter",
        ours: "UnknownKind",
        run: |scene| scene.attack(of_kind(scene, -7), Expect::UnknownKind),
    },
    Case {
        number: 2,
        what: "a message of kind 24 and of a later term",
        at: At::EVERYWHERE,
        etcd: "the node steps down for it",
        raft_rs: "panic in the codec's getter",
        ours: "UnknownKind",
        run: |scene| scene.attack(of_kind(scene, 24), Expect::UnknownKind),
    },
    Case {
        number: 3,
        what: "MsgHeartbeat for another node",
        at: At::EVERYWHERE,
        etcd: "handled: nobody looks at the address",
        raft_rs: "handled: nobody looks at the address",
        ours: "refused: NotForUs",
        run: |scene| {
            let message = Message { to: OTHER, ..scene.message(MessageType::MsgHeartbeat) };
            scene.attack(message, Expect::Refused(Refusal::NotForUs { to: OTHER }))
        },
    },
    // Whoever claims to be a storage thread.
    Case {
        number: 4,
        what: "MsgHup from the wire, as if from a storage thread",
        at: At::EVERYWHERE,
        etcd: "the node campaigns",
        raft_rs: "-",
        ours: "refused: FromStorageThread; RawNode, which has no such threads: Local",
        run: |scene| from_thread(scene, MessageType::MsgHup),
    },
    Case {
        number: 5,
        what: "MsgBeat from the wire, as if from a storage thread",
        at: At::EVERYWHERE,
        etcd: "a leader sends heartbeats",
        raft_rs: "-",
        ours: "refused: FromStorageThread; RawNode: Local",
        run: |scene| from_thread(scene, MessageType::MsgBeat),
    },
    Case {
        number: 6,
        what: "MsgCheckQuorum from the wire, as if from a storage thread",
        at: At::EVERYWHERE,
        etcd: "a leader that has just checked steps down",
        raft_rs: "-",
        ours: "refused: FromStorageThread; RawNode: Local",
        run: |scene| from_thread(scene, MessageType::MsgCheckQuorum),
    },
    Case {
        number: 7,
        what: "MsgUnreachable from the wire, as if from a storage thread",
        at: At::EVERYWHERE,
        etcd: "executed",
        raft_rs: "-",
        ours: "refused: FromStorageThread; RawNode: Local",
        run: |scene| from_thread(scene, MessageType::MsgUnreachable),
    },
    Case {
        number: 8,
        what: "MsgApp from the wire, as if from a storage thread",
        at: At::EVERYWHERE,
        etcd: "a follower takes the thread for its leader",
        raft_rs: "-",
        ours: "refused: FromStorageThread; RawNode: Local",
        run: |scene| from_thread(scene, MessageType::MsgApp),
    },
    Case {
        number: 9,
        what: "MsgStorageApplyResp for an entry that was never handed out",
        at: At::EVERYWHERE,
        etcd: "panic: applied is out of range",
        raft_rs: "-",
        ours: "refused: StorageAck; RawNode: Local",
        run: |scene| {
            let index = scene.last.index + 1;
            let entries = Entries::from(Entry::new(scene.term, index, "hostile"));
            let message = Message {
                from: LOCAL_APPLY_THREAD,
                to: VICTIM,
                entries,
                ..Message::new(MessageType::MsgStorageApplyResp)
            };
            let refused = Expect::Refused(Refusal::StorageAck { index });
            scene.attack(message, if scene.is_async() { refused } else { Expect::Local })
        },
    },
    Case {
        number: 10,
        what: "MsgStorageAppendResp for entries that are in the log and were never handed out",
        at: At::ASYNC,
        etcd: "believed: they are never written",
        raft_rs: "-",
        ours: "refused: StorageAck; ignored for those that are on disk already",
        run: |scene| {
            let (index, log_term) = (scene.last.index, scene.last.term);
            let message = Message { index, log_term, ..appended(scene) };
            let is_new = scene.is_follower() || scene.is_leader();
            let refused = Expect::Refused(Refusal::StorageAck { index });
            scene.attack(message, if is_new { refused } else { Expect::Ignored })
        },
    },
    Case {
        number: 11,
        what: "MsgStorageAppendResp for a snapshot beyond the commit index",
        at: At::EVERYWHERE,
        etcd: "panic: applied is out of range",
        raft_rs: "-",
        ours: "refused: StorageAck; RawNode: Local",
        run: |scene| {
            let index = scene.committed + 1;
            let message = Message { snapshot: snapshot(index), ..appended(scene) };
            let refused = Expect::Refused(Refusal::StorageAck { index });
            scene.attack(message, if scene.is_async() { refused } else { Expect::Local })
        },
    },
    Case {
        number: 12,
        what: "MsgStorageAppendResp for a snapshot that never came, at an entry that is committed \
               and not applied",
        at: At { roles: At::FOLLOWER.roles, ..At::ASYNC },
        etcd: "the entry counts as applied, and never is",
        raft_rs: "-",
        ours: "refused: StorageAck",
        run: |scene| {
            let index = scene.last.index;
            let heartbeat = Message { commit: index, ..scene.message(MessageType::MsgHeartbeat) };
            scene.victim().step(heartbeat).map_err(text)?;
            let message = Message { snapshot: snapshot(index), ..appended(scene) };
            scene.attack(message, Expect::Refused(Refusal::StorageAck { index }))
        },
    },
    Case {
        number: 13,
        what: "MsgStorageAppendResp of a later term",
        at: At::ASYNC,
        etcd: "the node steps down for it",
        raft_rs: "-",
        ours: "refused: StorageAck. By design only Strict: etcd's rules can take a node back to \
               term 0, whose storage then answers of a later one",
        run: |scene| {
            if !scene.is_strict() {
                return Ok(());
            }
            let index = scene.committed;
            let message = Message {
                term: scene.term + 1,
                index,
                log_term: scene.last.term,
                ..appended(scene)
            };
            scene.attack(message, Expect::Refused(Refusal::StorageAck { index }))
        },
    },
    // Whoever claims to be the node itself, or nobody.
    Case {
        number: 14,
        what: "MsgHeartbeat from the node itself",
        at: At::EVERYWHERE,
        etcd: "panic: message should not be self-addressed",
        raft_rs: "-",
        ours: "refused: FromSelf",
        run: |scene| scene.attack(as_self(scene.message(MessageType::MsgHeartbeat)), FROM_SELF),
    },
    Case {
        number: 15,
        what: "MsgApp from the node itself",
        at: At::EVERYWHERE,
        etcd: "it follows itself; panic when it forwards the next proposal, read or transfer",
        raft_rs: "-",
        ours: "refused: FromSelf",
        run: |scene| {
            let next = (scene.term, scene.last.index + 1);
            scene.attack(as_self(scene.append([next])), FROM_SELF)
        },
    },
    Case {
        number: 16,
        what: "MsgSnap from the node itself",
        at: At::EVERYWHERE,
        etcd: "it follows itself; panic when it forwards the next proposal, read or transfer",
        raft_rs: "-",
        ours: "refused: FromSelf",
        run: |scene| {
            let snapshot = snapshot(scene.last.index + 5);
            let message = Message { snapshot, ..scene.message(MessageType::MsgSnap) };
            scene.attack(as_self(message), FROM_SELF)
        },
    },
    Case {
        number: 17,
        what: "MsgAppResp from the node itself, that rejects its own entry",
        at: At::EVERYWHERE,
        etcd: "panic in a leader: message should not be self-addressed when sending MsgApp",
        raft_rs: "-",
        ours: "refused: FromSelf",
        run: |scene| {
            let index = scene.last.index;
            let message = Message { index, reject: true, ..scene.message(MessageType::MsgAppResp) };
            scene.attack(as_self(message), FROM_SELF)
        },
    },
    Case {
        number: 18,
        what: "MsgAppResp from the node itself, for entries that are not on its disk",
        at: At::EVERYWHERE,
        etcd: "a leader counts its own copy, which a crash may still take",
        raft_rs: "-",
        ours: "refused: FromSelf by RawNode, whose answers to itself do not travel; StorageAck by \
               an AsyncRawNode that leads and has not handed them out; by others ignored",
        run: |scene| {
            let index = scene.last.index;
            let message = Message { from: VICTIM, index, ..scene.message(MessageType::MsgAppResp) };
            let expected = match scene.is_async() {
                false => FROM_SELF,
                true if scene.is_leader() => Expect::Refused(Refusal::StorageAck { index }),
                true => Expect::Ignored,
            };
            scene.attack(message, expected)
        },
    },
    Case {
        number: 19,
        what: "MsgApp from nobody",
        at: At::EVERYWHERE,
        etcd: "handled, and answered to node 0",
        raft_rs: "-",
        ours: "refused: NoSender",
        run: |scene| {
            let message = Message { from: 0, ..scene.append([]) };
            scene.attack(message, Expect::Refused(Refusal::NoSender))
        },
    },
    // Terms.
    Case {
        number: 20,
        what: "MsgVote without a term, with an up-to-date log",
        at: At::EVERYWHERE,
        etcd: "panic when it is granted: term should be set when sending MsgVoteResp",
        raft_rs: "panic: term should be set when sending",
        ours: "refused: TermMissing",
        run: |scene| {
            let message = vote_request(scene, MessageType::MsgVote);
            scene.attack(message, TERM_MISSING)
        },
    },
    Case {
        number: 21,
        what: "MsgPreVote without a term, with an up-to-date log",
        at: At::EVERYWHERE,
        etcd: "panic when it is granted: term should be set when sending MsgPreVoteResp",
        raft_rs: "-",
        ours: "refused: TermMissing",
        run: |scene| {
            let message = vote_request(scene, MessageType::MsgPreVote);
            scene.attack(message, TERM_MISSING)
        },
    },
    Case {
        number: 22,
        what: "MsgVoteResp without a term",
        at: At::EVERYWHERE,
        etcd: "counted: it elects a leader",
        raft_rs: "-",
        ours: "refused: TermMissing",
        run: |scene| scene.attack(without_term(scene, MessageType::MsgVoteResp), TERM_MISSING),
    },
    Case {
        number: 23,
        what: "MsgPreVoteResp without a term",
        at: At::EVERYWHERE,
        etcd: "counted: it starts an election",
        raft_rs: "-",
        ours: "refused: TermMissing",
        run: |scene| scene.attack(without_term(scene, MessageType::MsgPreVoteResp), TERM_MISSING),
    },
    Case {
        number: 24,
        what: "MsgVote without a term, to a new node that is at term 0",
        at: At::FOLLOWER,
        etcd: "panic: term should be set when sending MsgVoteResp",
        raft_rs: "panic: term should be set when sending",
        ours: "refused: TermMissing",
        run: |scene| {
            start_again(scene, |_| {})?;
            scene.attack(without_term(scene, MessageType::MsgVote), TERM_MISSING)
        },
    },
    Case {
        number: 25,
        what: "MsgPreVote of an emptier log at term 1, to a node of term 0 that started from a \
               snapshot (honest)",
        at: At::FOLLOWER,
        etcd: "panic: term should be set when sending MsgPreVoteResp",
        raft_rs: "-",
        ours: "ignored: no rejection without a term",
        run: |scene| {
            start_again(scene, |disk| {
                let snapshot = Snapshot::new(10, 1, disk.conf_state.clone(), "");
                disk.memory.apply_snapshot(snapshot).ok();
            })?;
            let message = Message { term: 1, ..scene.message(MessageType::MsgPreVote) };
            scene.attack(message, Expect::Ignored)
        },
    },
    Case {
        number: 26,
        what: "MsgApp without a term and without entries",
        at: At::EVERYWHERE,
        etcd: "a candidate's term falls to 0, its vote is forgotten",
        raft_rs: "taken as from the leader",
        ours: "refused: TermMissing. By design only Strict; in Compat::Etcd taken, by a leader \
               ignored",
        run: |scene| {
            let message = without_term(scene, MessageType::MsgApp);
            as_if_from_leader(scene, message)
        },
    },
    Case {
        number: 27,
        what: "MsgApp without a term, with entries",
        at: At::EVERYWHERE,
        etcd: "appended",
        raft_rs: "appended, as from the leader",
        ours: "refused: TermMissing; in Compat::Etcd EntryTermBeyondLeader",
        run: |scene| {
            let (index, term) = (scene.last.index + 1, scene.last.term);
            let message = Message { term: 0, ..scene.append([(term, index)]) };
            let beyond = Refusal::EntryTermBeyondLeader { index, term, leader: 0 };
            let refusal = if scene.is_strict() { Refusal::TermMissing } else { beyond };
            scene.attack(message, Expect::Refused(refusal))
        },
    },
    Case {
        number: 28,
        what: "MsgHeartbeat without a term",
        at: At::EVERYWHERE,
        etcd: "a candidate's term falls to 0, its vote is forgotten",
        raft_rs: "a candidate's term falls to 0, its vote is forgotten",
        ours: "refused: TermMissing. By design only Strict; in Compat::Etcd taken, by a leader \
               ignored",
        run: |scene| {
            let message = without_term(scene, MessageType::MsgHeartbeat);
            as_if_from_leader(scene, message)
        },
    },
    Case {
        number: 29,
        what: "MsgSnap without a term",
        at: At::EVERYWHERE,
        etcd: "a candidate's term falls to 0; restored",
        raft_rs: "-",
        ours: "refused: TermMissing. By design only Strict: under etcd's rules a node that has \
               never heard of a term sends so",
        run: |scene| {
            if !scene.is_strict() {
                return Ok(());
            }
            let index = scene.last.index + 5;
            let message = Message {
                term: 0,
                snapshot: snapshot(index),
                ..scene.message(MessageType::MsgSnap)
            };
            scene.attack(message, Expect::Refused(Refusal::TermMissing))
        },
    },
    Case {
        number: 30,
        what: "MsgAppResp without a term, for an index beyond the log",
        at: At::EVERYWHERE,
        etcd: "a leader believes it: Match goes beyond the log",
        raft_rs: "-",
        ours: "refused: TermMissing; in Compat::Etcd AckBeyondLog, by others than a leader ignored",
        run: |scene| {
            let last_index = scene.last.index;
            let index = u64::MAX;
            let message = Message { term: 0, index, ..scene.message(MessageType::MsgAppResp) };
            to_leader(scene, message, Refusal::AckBeyondLog { index, last_index })
        },
    },
    Case {
        number: 31,
        what: "MsgHeartbeatResp without a term, that confirms reads to come",
        at: At::EVERYWHERE,
        etcd: "from a quorum a panic: slice bounds",
        raft_rs: "-",
        ours: "refused: TermMissing; in Compat::Etcd ReadCounter, by others than a leader ignored",
        run: |scene| {
            let context = u64::MAX.to_le_bytes().to_vec().into();
            let message =
                Message { term: 0, context, ..scene.message(MessageType::MsgHeartbeatResp) };
            to_leader(scene, message, Refusal::ReadCounter)
        },
    },
    Case {
        number: 32,
        what: "MsgTimeoutNow without a term",
        at: At::EVERYWHERE,
        etcd: "a follower campaigns at once",
        raft_rs: "-",
        ours: "refused: TermMissing. By design only Strict; in Compat::Etcd taken, by others than \
               a follower ignored",
        run: |scene| {
            let expected = match scene.is_strict() {
                true => TERM_MISSING,
                false if scene.is_follower() => Expect::Taken,
                false => Expect::Ignored,
            };
            scene.attack(without_term(scene, MessageType::MsgTimeoutNow), expected)
        },
    },
    Case {
        number: 33,
        what: "MsgHeartbeat of term 2^64 - 1",
        at: At::EVERYWHERE,
        etcd: "adopted; the next campaign wraps to term 0 and panics",
        raft_rs: "-",
        ours: "refused: TermTooHigh, as all above 2^64 - 2^32",
        run: |scene| {
            let kinds = [MessageType::MsgHeartbeat, MessageType::MsgVote, MessageType::MsgPreVote];
            for (kind, term) in kinds.into_iter().zip([u64::MAX, MAX_TERM + 1, u64::MAX]) {
                let message = Message { term, ..scene.message(kind) };
                scene.attack(message, Expect::Refused(Refusal::TermTooHigh { term }))?;
            }
            Ok(())
        },
    },
    Case {
        number: 34,
        what: "campaign() at the last term",
        at: At::FOLLOWER,
        etcd: "the term wraps to 0; panic",
        raft_rs: "-",
        ours: "CampaignError: TermsExhausted",
        run: |scene| {
            start_again(scene, |disk| {
                disk.memory
                    .set_hard_state(HardState { term: MAX_TERM - 1, ..HardState::default() });
            })?;
            // With a check of the quorum nobody votes right after a start.
            for id in [VICTIM, PEER, OTHER] {
                on_face!(scene.group.node(id), node => {
                    node.set_randomized_election_timeout(2 * ELECTION_TICK - 1)
                })
                .map_err(text)?;
            }
            (0..ELECTION_TICK).for_each(|_| scene.group.tick());
            on_face!(scene.group.node(PEER), node => node.campaign()).map_err(text)?;
            scene.group.run_until("node 2 leads", |group| group.leader() == Some(PEER))?;
            let campaigned = scene.without_trace(|node| on_face!(node, node => node.campaign()))?;
            demand!(
                scene,
                campaigned,
                Err(CampaignError::Refused(CampaignRefused::TermsExhausted { term: MAX_TERM }))
            );
            Ok(())
        },
    },
    Case {
        number: 35,
        what: "MsgProp with a term",
        at: At::EVERYWHERE,
        etcd: "panic in a follower that forwards it: term should not be set",
        raft_rs: "panic in a follower that forwards it",
        ours: "refused: TermPresent",
        run: |scene| with_term(scene, MessageType::MsgProp),
    },
    Case {
        number: 36,
        what: "MsgReadIndex with a term",
        at: At::EVERYWHERE,
        etcd: "panic in a follower that forwards it: term should not be set",
        raft_rs: "panic in a follower that forwards it",
        ours: "refused: TermPresent",
        run: |scene| with_term(scene, MessageType::MsgReadIndex),
    },
    Case {
        number: 37,
        what: "MsgTransferLeader with a term (honest: it has been forwarded before)",
        at: At::EVERYWHERE,
        etcd: "panic in a follower that forwards it: term should not be set",
        raft_rs: "panic in a follower that forwards it",
        ours: "taken: forwarded at the node's own term; by candidates ignored",
        run: |scene| {
            let message = Message { from: OTHER, ..scene.message(MessageType::MsgTransferLeader) };
            let takes_part = scene.is_follower() || scene.is_leader();
            let expected = if takes_part { Expect::Taken } else { Expect::Ignored };
            scene.attack(message, expected)?;
            if scene.is_follower() {
                let term = scene.term;
                scene.group.work(VICTIM);
                let forwarded = scene.group.network.iter().any(|message| {
                    message.kind() == Ok(MessageType::MsgTransferLeader)
                        && (message.from, message.to, message.term) == (OTHER, PEER, term)
                });
                ensure!(forwarded, "it was not forwarded: {:?}", scene.group.network);
            }
            Ok(())
        },
    },
];

fn of_kind(scene: &Scene, msg_type: i32) -> Message {
    Message { msg_type, term: scene.term + 1, ..scene.message(MessageType::MsgHeartbeat) }
}

fn from_thread(scene: &mut Scene, kind: MessageType) -> Checked {
    for from in [LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
        let message = Message { from, term: 0, ..scene.message(kind) };
        let refused = Expect::Refused(Refusal::FromStorageThread);
        scene.attack(message, if scene.is_async() { refused } else { Expect::Local })?;
    }
    Ok(())
}

/// What the append thread answers when it has written nothing.
fn appended(scene: &Scene) -> Message {
    let from = LOCAL_APPEND_THREAD;
    Message { from, ..scene.message(MessageType::MsgStorageAppendResp) }
}

fn snapshot(index: u64) -> Option<Box<Snapshot>> {
    let conf_state = ConfState::new([VICTIM, PEER, OTHER], []);
    Some(Box::new(Snapshot::new(index, 1, conf_state, "hostile")))
}

const FROM_SELF: Expect = Expect::Refused(Refusal::FromSelf);

fn as_self(message: Message) -> Message {
    Message { from: VICTIM, ..message }
}

fn vote_request(scene: &Scene, kind: MessageType) -> Message {
    let (index, log_term) = (scene.last.index + 1, scene.term + 1);
    Message { index, log_term, ..without_term(scene, kind) }
}

const TERM_MISSING: Expect = Expect::Refused(Refusal::TermMissing);

fn without_term(scene: &Scene, kind: MessageType) -> Message {
    Message { term: 0, ..scene.message(kind) }
}

/// Attacks with a message without a term, which only `Compat::Etcd` handles.
fn as_if_from_leader(scene: &mut Scene, message: Message) -> Checked {
    let expected = match scene.is_strict() {
        true => TERM_MISSING,
        false if scene.is_leader() => Expect::Ignored,
        false => Expect::Taken,
    };
    scene.attack(message, expected)
}

/// Attacks with a message without a term, which a leader under `Compat::Etcd` refuses for what it
/// says.
fn to_leader(scene: &mut Scene, message: Message, refusal: Refusal) -> Checked {
    let expected = match scene.is_strict() {
        true => TERM_MISSING,
        false if scene.is_leader() => Expect::Refused(refusal),
        false => Expect::Ignored,
    };
    scene.attack(message, expected)
}

fn with_term(scene: &mut Scene, kind: MessageType) -> Checked {
    let term = scene.term;
    let entries = Entries::from(Entry::proposal("hostile"));
    let message = Message { term, ..scene.forwarded(kind, entries) };
    scene.attack(message, Expect::Refused(Refusal::TermPresent { term }))
}

/// Replaces the group by one in which nothing has happened yet, on disks that `prepare` has seen.
fn start_again(scene: &mut Scene, prepare: impl Fn(&mut Disk)) -> Checked {
    let configs: Vec<_> = scene.group.members.iter().map(|m| m.config.clone()).collect();
    let config = |id| configs.iter().find(|config| config.id == id).cloned();
    let config = |id| config(id).unwrap_or_else(|| Config::new(id));
    scene.group = Group::with_disks(scene.setting.face, &[VICTIM, PEER, OTHER], config, prepare)
        .map_err(text)?;
    let status = scene.victim().basic_status();
    scene.term = status.hard_state.term;
    scene.committed = status.hard_state.commit;
    Ok(())
}
