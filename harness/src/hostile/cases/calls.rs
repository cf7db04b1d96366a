//! Calls that no correct application makes.

use bytes::Bytes;
use raft_core::{
    AdvanceError, ApplyConfChangeError, BootstrapError, ConfChangeError, Config, Peer,
    ProposeError, Proposed, ProposedConfChange, ReadyError, Refusal,
};
use raft_proto::{
    ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState, LOCAL_APPEND_THREAD, Message,
    MessageType,
};

use super::requests::{
    change, enter_joint, joint, learner, of_unknown_transition, of_unknown_type,
};
use crate::hostile::disk::Disk;
use crate::hostile::group::Group;
use crate::hostile::member::{AnyNode, on_face, text};
use crate::hostile::scene::{OTHER, PEER, Scene, VICTIM, demand, ensure};
use crate::hostile::{At, Case, Checked};

pub(super) const ROWS: &[Case] = &[
    // The order of work.
    Case {
        number: 86,
        what: "ready() while the last Ready is out",
        at: At::SYNC,
        etcd: "panic: two accepted Ready structs without call to Advance",
        raft_rs: "assertion when the first is advanced",
        ours: "ReadyError: Outstanding",
        run: |scene| {
            let first = scene.victim().as_sync().ready().map_err(text)?;
            let second = scene.without_trace(|node| node.as_sync().ready().map(drop))?;
            demand!(scene, second, Err(ReadyError::Outstanding));
            let messages = scene.group.member(VICTIM).finish(first)?;
            scene.group.network.extend(messages);
            Ok(())
        },
    },
    Case {
        number: 87,
        what: "a Ready is dropped",
        at: At::SYNC,
        etcd: "panic at the next Ready",
        raft_rs: "its messages are lost; the node goes on",
        ours: "Outstanding for ever; built again from its storage, the node goes on",
        run: |scene| {
            drop(scene.victim().as_sync().ready().map_err(text)?);
            for _ in 0..2 {
                let next = scene.without_trace(|node| node.as_sync().ready().map(drop))?;
                demand!(scene, next, Err(ReadyError::Outstanding));
            }
            scene.group.restart(VICTIM, |_, _| {}).map_err(text)
        },
    },
    Case {
        number: 88,
        what: "advance() with the batch of another node",
        at: At::SYNC,
        etcd: "taken: the argument is not looked at",
        raft_rs: "taken, when its number is the latest",
        ours: "AdvanceError: Foreign",
        run: |scene| {
            let own = scene.victim().as_sync().ready().map_err(text)?;
            let foreign = scene.group.node(PEER).as_sync().ready().map_err(text)?.persisted();
            let advanced = scene.without_trace(|node| node.as_sync().advance(foreign))?;
            demand!(scene, advanced, Err(AdvanceError::Foreign));
            let messages = scene.group.member(VICTIM).finish(own)?;
            scene.group.network.extend(messages);
            // The other node has lost its batch.
            scene.group.restart(PEER, |_, _| {}).map_err(text)
        },
    },
    Case {
        number: 89,
        what: "advance() with a batch from before a restart",
        at: At::SYNC,
        etcd: "taken: the argument is not looked at",
        raft_rs: "taken, when its number is the latest",
        ours: "AdvanceError: Foreign",
        run: |scene| {
            let stale = scene.victim().as_sync().ready().map_err(text)?.persisted();
            scene.group.restart(VICTIM, |_, _| {}).map_err(text)?;
            let own = scene.victim().as_sync().ready().map_err(text)?;
            let advanced = scene.without_trace(|node| node.as_sync().advance(stale))?;
            demand!(scene, advanced, Err(AdvanceError::Foreign));
            let messages = scene.group.member(VICTIM).finish(own)?;
            scene.group.network.extend(messages);
            Ok(())
        },
    },
    Case {
        number: 90,
        what: "advance() in the asynchronous mode",
        at: At::ASYNC,
        etcd: "panic: Advance must not be called when using AsyncStorageWrites",
        raft_rs: "-",
        ours: "does not compile: no such method",
        run: |scene| {
            // Resolved to the method of `NotThere` only because the node has none of this name.
            let NotThere = scene.victim().as_async().advance(NotThere);
            Ok(())
        },
    },
    Case {
        number: 91,
        what: "what vouches for the disk is sent, or applied, before the disk has it",
        at: At::SYNC,
        etcd: "nobody notices: one Ready has it all",
        raft_rs: "nobody notices: one Ready has it all",
        ours: "does not compile: a Ready has no such method, and persisted() takes it by value",
        run: |scene| {
            let mut ready = scene.victim().as_sync().ready().map_err(text)?;
            let NotThere = ready.take_committed_entries(NotThere);
            let NotThere = ready.committed_entries(NotThere);
            let acknowledges = |message: &Message| {
                use MessageType::{MsgAppResp, MsgPreVoteResp, MsgVoteResp};
                [Ok(MsgAppResp), Ok(MsgVoteResp), Ok(MsgPreVoteResp)].contains(&message.kind())
            };
            let early = ready.messages().iter().find(|message| acknowledges(message));
            ensure!(early.is_none(), "{early:?} comes before the disk");
            let messages = scene.group.member(VICTIM).finish(ready)?;
            scene.group.network.extend(messages);
            Ok(())
        },
    },
    Case {
        number: 92,
        what: "propose(), step() and tick() between ready() and advance()",
        at: At { faces: At::SYNC.faces, ..At::FOLLOWER_LEADER },
        etcd: "-",
        raft_rs: "panic in stable_entries",
        ours: "allowed: the proposal is committed",
        run: |scene| {
            let ready = scene.victim().as_sync().ready().map_err(text)?;
            let answer = scene.message(MessageType::MsgHeartbeatResp);
            let node = scene.victim().as_sync();
            node.propose("between").map_err(text)?;
            node.step(answer).map_err(text)?;
            node.tick();
            let messages = scene.group.member(VICTIM).finish(ready)?;
            scene.group.network.extend(messages);
            scene.group.commit()?;
            applied_everywhere(scene, b"between")
        },
    },
    Case {
        number: 93,
        what: "persisted() is called, and nothing was written",
        at: At { faces: At::SYNC.faces, ..At::LEADER },
        etcd: "-",
        raft_rs: "silent loss: the next proposal gets the same index",
        ours: "the next proposal gets the next index, and MemoryStorage refuses to write it: Gap",
        run: |scene| {
            let node = scene.victim().as_sync();
            let lost = node.ready().map_err(text)?.persisted();
            node.advance(lost).map_err(text)?;
            let proposed = node.propose("after the gap").map_err(text)?;
            let next = scene.last.index + 1;
            let Proposed::Appended { first_index, .. } = proposed else {
                return Err(format!("it was {proposed:?}"));
            };
            ensure!(first_index == next, "index {first_index} instead of {next}");
            let Err(failure) = scene.group.member(VICTIM).work() else {
                return Err("the gap was written".to_owned());
            };
            scene.outcomes.note_pattern("Gap");
            ensure!(failure.starts_with("Gap"), "{failure}");
            scene.group.restart(VICTIM, |_, _| {}).map_err(text)
        },
    },
    Case {
        number: 94,
        what: "a correct host writes slowly: a single voter is deposed while its proposals are not \
               on disk, and elected again (honest)",
        at: At { faces: At::ASYNC.faces, ..At::FOLLOWER },
        etcd: "-",
        raft_rs: "assertion in become_leader",
        ours: "it leads again, and the proposal is committed",
        run: lead_again_before_the_disk_answers,
    },
    Case {
        number: 95,
        what: "no replica applies a committed configuration change",
        at: At::LEADER,
        etcd: "-",
        raft_rs: "nobody notices",
        ours: "allowed, when all do so: nothing changes, and the next change is accepted",
        run: |scene| {
            let before = scene.victim().status().config;
            for member in &mut scene.group.members {
                member.app.declines_conf_changes = true;
            }
            for id in [4, 5] {
                let change = learner(id);
                let leader = scene.group.leader().ok_or("nobody leads")?;
                let proposed = on_face!(
                    scene.group.node(leader), node => node.propose_conf_change(change)
                );
                let accepted = matches!(proposed, Ok(ProposedConfChange::Appended { .. }));
                ensure!(accepted, "the change of {id} is {proposed:?}");
                scene.group.commit()?;
                ensure!(scene.victim().status().config == before, "the configuration changed");
            }
            Ok(())
        },
    },
    // Requests.
    Case {
        number: 96,
        what: "propose_batch() of nothing",
        at: At::EVERYWHERE,
        etcd: "panic in a leader: stepped empty MsgProp",
        raft_rs: "-",
        ours: "ProposeError::Refused: EmptyProposal",
        run: |scene| {
            let proposed =
                scene.without_trace(|node| on_face!(node, node => node.propose_batch([])))?;
            demand!(scene, proposed, Err(ProposeError::Refused(Refusal::EmptyProposal)));
            Ok(())
        },
    },
    Case {
        number: 97,
        what: "propose_conf_change() of an unknown type or transition",
        at: At::EVERYWHERE,
        etcd: "committed, then a panic on every replica",
        raft_rs: "panic in the codec's getter",
        ours: "ProposeError::Refused: ImpossibleConfChange",
        run: |scene| {
            for change in [of_unknown_type(), of_unknown_transition()] {
                let proposed = scene.without_trace(
                    |node| on_face!(node, node => node.propose_conf_change(change)),
                )?;
                demand!(
                    scene,
                    proposed,
                    Err(ProposeError::Refused(Refusal::ImpossibleConfChange(_)))
                );
            }
            Ok(())
        },
    },
    // Configuration changes that cannot be applied.
    Case {
        number: 98,
        what: "apply_conf_change() that leaves what is not joint (a leave is applied twice)",
        at: At::EVERYWHERE,
        etcd: "panic: can't leave a non-joint config",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: NotJoint",
        run: |scene| cannot_apply(scene, &ConfChangeV2::default(), ConfChangeError::NotJoint),
    },
    Case {
        number: 99,
        what: "apply_conf_change() that enters a joint configuration twice",
        at: At::EVERYWHERE,
        etcd: "panic: config is already joint",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: AlreadyJoint",
        run: |scene| {
            scene.rebuild(|_| {}, enter_joint)?;
            cannot_apply(scene, &joint(4), ConfChangeError::AlreadyJoint)
        },
    },
    Case {
        number: 100,
        what: "apply_conf_change() of a simple change to a joint configuration (out of order)",
        at: At::EVERYWHERE,
        etcd: "panic",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: SimpleInJoint",
        run: |scene| {
            scene.rebuild(|_| {}, enter_joint)?;
            cannot_apply(scene, &learner(5), ConfChangeError::SimpleInJoint)
        },
    },
    Case {
        number: 101,
        what: "apply_conf_change() that leaves no voter",
        at: At::EVERYWHERE,
        etcd: "panic: removed all voters",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: RemovedAllVoters",
        run: |scene| {
            let removes = |id| (ConfChangeType::RemoveNode, id);
            let change = change(ConfChangeTransition::Auto, [VICTIM, PEER, OTHER].map(removes));
            cannot_apply(scene, &change, ConfChangeError::RemovedAllVoters)
        },
    },
    Case {
        number: 102,
        what: "apply_conf_change() of an unknown type (committed by another implementation's \
               leader)",
        at: At::EVERYWHERE,
        etcd: "panic: unexpected conf type",
        raft_rs: "panic in the codec's getter",
        ours: "ApplyConfChangeError::Invalid: UnknownType",
        run: |scene| {
            cannot_apply(scene, &of_unknown_type(), ConfChangeError::UnknownType { value: 77 })
        },
    },
    Case {
        number: 103,
        what: "apply_conf_change() of an unknown transition (committed by another implementation's \
               leader)",
        at: At::EVERYWHERE,
        etcd: "panic: unknown transition",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: UnknownTransition",
        run: |scene| {
            let error = ConfChangeError::UnknownTransition { value: 77 };
            cannot_apply(scene, &of_unknown_transition(), error)
        },
    },
    Case {
        number: 104,
        what: "apply_conf_change() that makes a node without any configuration joint",
        at: At::FOLLOWER,
        etcd: "panic: can't make a zero-voter config joint",
        raft_rs: "-",
        ours: "ApplyConfChangeError::Invalid: ZeroVoterJoint",
        run: |scene| {
            // One that waits to be taken in.
            let config = Config { id: 4, ..scene.group.config(PEER) };
            let disk = Disk::new(ConfState::default());
            let mut node = AnyNode::new(scene.setting.face, config, disk).map_err(text)?;
            let before = node.digest();
            let applied = on_face!(&mut node, node => node.apply_conf_change(&joint(5)));
            demand!(
                scene,
                applied,
                Err(ApplyConfChangeError::Invalid(ConfChangeError::ZeroVoterJoint))
            );
            ensure!(node.digest() == before, "it left a trace");
            Ok(())
        },
    },
    Case {
        number: 105,
        what: "a restart without Config::applied, so that a joint change is applied again",
        at: At::EVERYWHERE,
        etcd: "panic: config is already joint",
        raft_rs: "-",
        ours: "the second time Invalid(AlreadyJoint), and the configuration stays",
        run: |scene| {
            scene.rebuild(|_| {}, enter_joint)?;
            let before = scene.victim().status().config;
            scene.group.member(VICTIM).app.conf_changes.clear();
            scene.group.restart(VICTIM, |config, _| config.applied = 0).map_err(text)?;
            scene.group.commit()?;
            let outcomes = &scene.group.member(VICTIM).app.conf_changes;
            scene.outcomes.note_pattern("AlreadyJoint");
            ensure!(outcomes == &[Err(ConfChangeError::AlreadyJoint)], "it came to {outcomes:?}");
            let after = scene.victim().status().config;
            ensure!(after == before, "{before} became {after}");
            Ok(())
        },
    },
    // Bootstrap.
    Case {
        number: 106,
        what: "bootstrap() without peers",
        at: At::EVERYWHERE,
        etcd: "StartNode panics: no peers given",
        raft_rs: "-",
        ours: "BootstrapError: NoPeers",
        run: |scene| {
            let bootstrapped = bootstrap(scene, &[])?;
            demand!(scene, bootstrapped, Err(BootstrapError::NoPeers));
            Ok(())
        },
    },
    Case {
        number: 107,
        what: "bootstrap() with a peer whose id no node can have",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "-",
        ours: "BootstrapError: InvalidPeer",
        run: |scene| {
            for invalid in [0, LOCAL_APPEND_THREAD] {
                let bootstrapped = bootstrap(scene, &[VICTIM, invalid])?;
                demand!(
                    scene,
                    bootstrapped,
                    Err(BootstrapError::InvalidPeer { id }) if *id == invalid
                );
            }
            Ok(())
        },
    },
    Case {
        number: 108,
        what: "bootstrap() of a node that has a log",
        at: At::EVERYWHERE,
        etcd: "an error",
        raft_rs: "-",
        ours: "BootstrapError: NotEmpty",
        run: |scene| {
            let bootstrapped = bootstrap(scene, &[VICTIM, PEER, OTHER])?;
            demand!(scene, bootstrapped, Err(BootstrapError::NotEmpty));
            Ok(())
        },
    },
];

/// Stands in for methods that a type must not have: one of its own would be called instead, and not
/// take this argument.
#[derive(Debug)]
struct NotThere;

trait HasNot {
    fn advance(&mut self, _: NotThere) -> NotThere {
        NotThere
    }

    fn take_committed_entries(&mut self, _: NotThere) -> NotThere {
        NotThere
    }

    fn committed_entries(&self, _: NotThere) -> NotThere {
        NotThere
    }
}

impl<T> HasNot for T {}

fn applied_everywhere(scene: &Scene, data: &[u8]) -> Checked {
    for member in &scene.group.members {
        let mut applied = member.app.applied.values();
        ensure!(applied.any(|(_, applied)| applied == data), "{} lacks it", member.config.id);
    }
    Ok(())
}

fn cannot_apply(scene: &mut Scene, change: &ConfChangeV2, error: ConfChangeError) -> Checked {
    scene.outcomes.note_pattern(text(&error).split(' ').next().unwrap_or_default());
    // As on every replica; and again and again.
    for _ in 0..2 {
        let applied =
            scene.without_trace(|node| on_face!(node, node => node.apply_conf_change(change)))?;
        match applied {
            Err(ApplyConfChangeError::Invalid(found)) if found == error => {}
            other => return Err(format!("{other:?}, expected {error:?}")),
        }
    }
    Ok(())
}

fn bootstrap(scene: &mut Scene, ids: &[u64]) -> Result<Result<(), BootstrapError>, String> {
    let peers: Vec<_> = ids.iter().map(|&id| Peer { id, ..Peer::default() }).collect();
    scene.without_trace(|node| on_face!(node, node => node.bootstrap(&peers)))
}

fn lead_again_before_the_disk_answers(scene: &mut Scene) -> Checked {
    let config = scene.group.config(VICTIM);
    scene.group = Group::new(scene.setting.face, &[VICTIM], |_| config.clone()).map_err(text)?;
    on_face!(scene.victim(), node => node.campaign()).map_err(text)?;
    scene.group.run()?;
    let node = scene.victim().as_async();
    node.propose("slow").map_err(text)?;
    let slow = node.ready().map_err(text)?;
    // A peer that was removed does not know it yet, and campaigns past the lease.
    let term = node.basic_status().hard_state.term + 1;
    let context = Bytes::from_static(b"CampaignTransfer");
    let request =
        Message { from: PEER, to: VICTIM, term, context, ..Message::new(MessageType::MsgVote) };
    node.step(request).map_err(text)?;
    ensure!(node.basic_status().hard_state.term == term, "it was not deposed");
    node.campaign().map_err(text)?;
    let campaign = node.ready().map_err(text)?;
    for ready in [slow, campaign] {
        scene.group.member(VICTIM).finish_later(ready)?;
    }
    scene.group.commit()?;
    applied_everywhere(scene, b"slow")
}
