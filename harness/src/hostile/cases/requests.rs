//! Proposals, configuration changes, reads, and changes of leadership that come by message.

use raft_core::{
    ConfChangeError, ConfChangeRefused, DropReason, ProposedConfChange, ReadIndex, Refusal,
    StateRole,
};
use raft_proto::{
    ConfChange, ConfChangeRequest, ConfChangeSingle, ConfChangeTransition, ConfChangeType,
    ConfChangeV2, Entries, Entry, EntryType, Message, MessageType, UnknownEnumValue,
};

use crate::hostile::group::Group;
use crate::hostile::member::{AnyNode, on_face, text};
use crate::hostile::scene::{
    Expect, MAX_PENDING_READS, MAX_QUEUED_MESSAGES, OTHER, PEER, Scene, VICTIM, demand, ensure,
};
use crate::hostile::{At, Case, Checked};

const TOO_MANY_READS: DropReason =
    DropReason::TooManyReads { pending: MAX_PENDING_READS, limit: MAX_PENDING_READS };
const TOO_MANY_MESSAGES: DropReason =
    DropReason::TooManyMessages { queued: MAX_QUEUED_MESSAGES, limit: MAX_QUEUED_MESSAGES };
/// A node that nobody has heard of.
const STRANGER: u64 = 9;

pub(super) const ROWS: &[Case] = &[
    Case {
        number: 63,
        what: "MsgProp without entries",
        at: At::EVERYWHERE,
        etcd: "panic in a leader: stepped empty MsgProp",
        raft_rs: "panic in a leader: stepped empty MsgProp",
        ours: "refused: EmptyProposal",
        run: |scene| {
            let message = scene.forwarded(MessageType::MsgProp, Entries::new());
            scene.attack(message, Expect::Refused(Refusal::EmptyProposal))
        },
    },
    Case {
        number: 64,
        what: "MsgProp with an entry of an unknown type",
        at: At::EVERYWHERE,
        etcd: "-",
        raft_rs: "panic in the codec's getter",
        ours: "refused: UnknownEntryType",
        run: |scene| {
            let entry = Entry { entry_type: Some(77), ..Entry::proposal("hostile") };
            let error = UnknownEnumValue { enum_name: "EntryType", value: 77 };
            propose_entry(scene, entry, Refusal::UnknownEntryType(error))
        },
    },
    Case {
        number: 65,
        what: "MsgProp with a configuration change that cannot be decoded",
        at: At::EVERYWHERE,
        etcd: "panic in a leader",
        raft_rs: "-",
        ours: "refused: ConfChange",
        run: |scene| {
            for entry_type in [EntryType::ConfChange, EntryType::ConfChangeV2] {
                let entry_type = Some(i32::from(entry_type));
                let entry = Entry { entry_type, ..Entry::proposal(&b"\xff\xff\xff"[..]) };
                let Err(error) = ConfChangeRequest::from_entry(&entry) else {
                    return Err("it can be decoded".to_owned());
                };
                propose_entry(scene, entry, Refusal::ConfChange(error))?;
            }
            Ok(())
        },
    },
    Case {
        number: 66,
        what: "MsgProp with a configuration change of an unknown type",
        at: At::EVERYWHERE,
        etcd: "committed, then a panic on every replica: unexpected conf type",
        raft_rs: "panic in the codec's getter",
        ours: "refused: ImpossibleConfChange",
        run: |scene| {
            let entry = ConfChangeRequest::from(of_unknown_type()).into_entry();
            let error = ConfChangeError::UnknownType { value: 77 };
            propose_entry(scene, entry, Refusal::ImpossibleConfChange(error))
        },
    },
    Case {
        number: 67,
        what: "MsgProp with a configuration change of an unknown transition",
        at: At::EVERYWHERE,
        etcd: "committed, then a panic on every replica: unknown transition",
        raft_rs: "-",
        ours: "refused: ImpossibleConfChange",
        run: |scene| {
            let entry = ConfChangeRequest::from(of_unknown_transition()).into_entry();
            let error = ConfChangeError::UnknownTransition { value: 77 };
            propose_entry(scene, entry, Refusal::ImpossibleConfChange(error))
        },
    },
    // Changes that are committed, and then cannot be applied.
    Case {
        number: 68,
        what: "a proposed change that removes all voters",
        at: At::FOLLOWER_LEADER,
        etcd: "committed, then a panic on every replica: removed all voters",
        raft_rs: "-",
        ours: "committed; ApplyConfChangeError, Invalid(RemovedAllVoters), on every replica alike",
        run: |scene| {
            let removes = |id| (ConfChangeType::RemoveNode, id);
            let change = change(ConfChangeTransition::Auto, [VICTIM, PEER, OTHER].map(removes));
            fails_everywhere(scene, change, ConfChangeError::RemovedAllVoters)
        },
    },
    Case {
        number: 69,
        what: "a change that leaves a configuration which is not joint, with the checks of \
               proposals off",
        at: At::FOLLOWER_LEADER,
        etcd: "committed, then a panic on every replica: can't leave a non-joint config",
        raft_rs: "-",
        ours: "committed; Invalid(NotJoint) on every replica alike",
        run: |scene| {
            scene.rebuild(|config| config.disable_conf_change_validation = true, |_| Ok(()))?;
            fails_everywhere(scene, ConfChangeV2::default(), ConfChangeError::NotJoint)
        },
    },
    Case {
        number: 70,
        what: "a change that enters a joint configuration while joint, with the checks of \
               proposals off",
        at: At::FOLLOWER_LEADER,
        etcd: "committed, then a panic on every replica: config is already joint",
        raft_rs: "-",
        ours: "committed; Invalid(AlreadyJoint) on every replica alike",
        run: |scene| {
            scene.rebuild(|config| config.disable_conf_change_validation = true, enter_joint)?;
            fails_everywhere(scene, joint(5), ConfChangeError::AlreadyJoint)
        },
    },
    Case {
        number: 71,
        what: "a simple change while joint, with the checks of proposals off",
        at: At::FOLLOWER_LEADER,
        etcd: "committed, then a panic on every replica",
        raft_rs: "-",
        ours: "committed; Invalid(SimpleInJoint) on every replica alike",
        run: |scene| {
            scene.rebuild(|config| config.disable_conf_change_validation = true, enter_joint)?;
            fails_everywhere(scene, learner(5), ConfChangeError::SimpleInJoint)
        },
    },
    // Changes that a leader replaces by an empty entry.
    Case {
        number: 72,
        what: "a second change is proposed before the first is applied",
        at: At::LEADER,
        etcd: "an empty entry instead; the call answers nil",
        raft_rs: "an empty entry instead; the call answers Ok (for ever, without advance_apply)",
        ours: "the same entry; the caller is told: ProposedConfChange::Refused, Pending",
        run: |scene| {
            let first = propose_change(scene.victim(), learner(4))?;
            ensure!(matches!(first, ProposedConfChange::Appended { .. }), "the first is {first:?}");
            let second = propose_change(scene.victim(), learner(5))?;
            let expected = scene.last.index + 2;
            demand!(
                scene,
                second,
                ProposedConfChange::Refused { index, reason: ConfChangeRefused::Pending { .. } }
                    if *index == expected
            );
            Ok(())
        },
    },
    Case {
        number: 73,
        what: "leaving is proposed, and the configuration is not joint",
        at: At::LEADER,
        etcd: "an empty entry instead; the call answers nil",
        raft_rs: "-",
        ours: "the same entry; the caller is told: ProposedConfChange::Refused, NotJoint",
        run: |scene| {
            let proposed = propose_change(scene.victim(), ConfChangeV2::default())?;
            demand!(
                scene,
                proposed,
                ProposedConfChange::Refused { reason: ConfChangeRefused::NotJoint, .. }
            );
            Ok(())
        },
    },
    Case {
        number: 74,
        what: "another change than leaving is proposed while joint",
        at: At::LEADER,
        etcd: "an empty entry instead; the call answers nil",
        raft_rs: "-",
        ours: "the same entry; the caller is told: ProposedConfChange::Refused, MustLeaveJoint",
        run: |scene| {
            scene.rebuild(|_| {}, enter_joint)?;
            let proposed = propose_change(scene.victim(), learner(5))?;
            demand!(
                scene,
                proposed,
                ProposedConfChange::Refused { reason: ConfChangeRefused::MustLeaveJoint, .. }
            );
            Ok(())
        },
    },
    // Reads.
    Case {
        number: 75,
        what: "MsgReadIndex without an entry",
        at: At::EVERYWHERE,
        etcd: "panic in a leader, when from itself or from nobody: index out of range",
        raft_rs: "panic in a leader: index out of bounds",
        ours: "refused: ReadEntries",
        run: |scene| {
            for from in [PEER, VICTIM, 0] {
                let message = scene.forwarded(MessageType::MsgReadIndex, Entries::new());
                let message = Message { from, ..message };
                scene.attack(message, Expect::Refused(Refusal::ReadEntries { count: 0 }))?;
            }
            Ok(())
        },
    },
    Case {
        number: 76,
        what: "MsgReadIndexResp from a node that is not the leader",
        at: At::EVERYWHERE,
        etcd: "believed: a read may be served too early",
        raft_rs: "believed, and moves the commit index",
        ours: "refused: NotFromLeader. By design only Strict; in Compat::Etcd a follower has taken \
               it; ignored by whoever asks nobody",
        run: |scene| {
            let entries = Entries::from(Entry::proposal("hostile"));
            let index = scene.committed;
            let message = Message {
                from: OTHER,
                index,
                entries,
                ..scene.message(MessageType::MsgReadIndexResp)
            };
            let committed = scene.committed;
            from_other_than_leader(scene, message)?;
            let now = scene.victim().basic_status().hard_state.commit;
            ensure!(now == committed, "the commit index moved to {now}");
            Ok(())
        },
    },
    Case {
        number: 77,
        what: "MsgReadIndex, again and again",
        at: At::EVERYWHERE,
        etcd: "kept without bound",
        raft_rs: "-",
        ours: "taken until max_pending_reads wait in a leader (TooManyReads), or \
               max_queued_messages in a follower (TooManyMessages): Dropped, also by read_index(); \
               by candidates ignored",
        run: |scene| {
            let entries = Entries::from(Entry::proposal("hostile"));
            let message = scene.forwarded(MessageType::MsgReadIndex, entries);
            let reason = match scene.role() {
                StateRole::Leader => TOO_MANY_READS,
                StateRole::Follower => TOO_MANY_MESSAGES,
                StateRole::Candidate | StateRole::PreCandidate => {
                    return scene.attack(message, Expect::Ignored);
                }
            };
            scene.flood(message, reason)?;
            // The leader of a follower drops what is too much for it, in its turn.
            scene.refusals_allowed = true;
            let read =
                scene.without_trace(|node| on_face!(node, node => node.read_index("own")))?;
            demand!(scene, read, Ok(ReadIndex::Dropped(dropped)) if *dropped == reason);
            Ok(())
        },
    },
    Case {
        number: 78,
        what: "MsgReadIndexResp from the leader, again and again",
        at: At::EVERYWHERE,
        etcd: "kept without bound",
        raft_rs: "-",
        ours: "taken by a follower until max_pending_reads wait: TooManyReads; ignored by \
               candidates; a leader: NotFromLeader, in Compat::Etcd ignored",
        run: |scene| {
            let entries = Entries::from(Entry::proposal("hostile"));
            let index = scene.committed;
            let answer = Message { index, entries, ..scene.message(MessageType::MsgReadIndexResp) };
            if !scene.is_follower() {
                let expected = match scene.is_leader() && scene.is_strict() {
                    true => Expect::Refused(Refusal::NotFromLeader { leader: VICTIM }),
                    false => Expect::Ignored,
                };
                return scene.attack(answer, expected);
            }
            scene.flood(answer, TOO_MANY_READS)
        },
    },
    Case {
        number: 79,
        what: "messages that are answered, again and again, to a node whose ready() nobody calls",
        at: At::EVERYWHERE,
        etcd: "answers are kept without bound",
        raft_rs: "-",
        ours: "taken until max_queued_messages wait: TooManyMessages",
        run: |scene| {
            // Of an earlier term, which every role answers.
            let message = Message { term: 1, ..scene.message(MessageType::MsgPreVote) };
            scene.flood(message, TOO_MANY_MESSAGES)
        },
    },
    // Leadership.
    Case {
        number: 80,
        what: "MsgTimeoutNow from a node that is not the leader",
        at: At::EVERYWHERE,
        etcd: "the node campaigns at once, past all leases",
        raft_rs: "-",
        ours: "refused: NotFromLeader. By design only Strict; in Compat::Etcd a follower has taken \
               it; ignored by candidates, and by a leader there",
        run: |scene| {
            let message = Message { from: OTHER, ..scene.message(MessageType::MsgTimeoutNow) };
            from_other_than_leader(scene, message)
        },
    },
    Case {
        number: 81,
        what: "MsgForgetLeader from a peer",
        at: At::EVERYWHERE,
        etcd: "a follower forgets its leader, and votes in spite of its lease",
        raft_rs: "-",
        ours: "Local: only forget_leader() asks for it",
        run: |scene| {
            let message = scene.message(MessageType::MsgForgetLeader);
            scene.attack(message, Expect::Local)
        },
    },
    Case {
        number: 82,
        what: "MsgTransferLeader from anybody (its sender is the node to lead, so that nobody can \
               tell)",
        at: At::EVERYWHERE,
        etcd: "leadership is handed over",
        raft_rs: "-",
        ours: "taken: handed over by a leader, forwarded by a follower; by candidates ignored",
        run: |scene| {
            let message = scene.forwarded(MessageType::MsgTransferLeader, Entries::new());
            let message = Message { from: OTHER, ..message };
            let takes_part = scene.is_follower() || scene.is_leader();
            scene.attack(message, if takes_part { Expect::Taken } else { Expect::Ignored })?;
            let transferee = scene.victim().basic_status().lead_transferee;
            let expected = if scene.is_leader() { OTHER } else { 0 };
            ensure!(transferee == expected, "leadership goes to {transferee}");
            Ok(())
        },
    },
    Case {
        number: 83,
        what: "MsgVote of the next term from a stranger with a good log (it may be joining)",
        at: At::EVERYWHERE,
        etcd: "granted; it can depose a leader",
        raft_rs: "granted; it can depose a leader",
        ours: "taken, as there: the group elects again; ignored with check-quorum by whoever hears \
               a leader",
        run: |scene| {
            let term = scene.term + 1;
            let message = Message {
                from: STRANGER,
                term,
                index: scene.last.index,
                log_term: scene.last.term,
                ..scene.message(MessageType::MsgVote)
            };
            let leased = scene.setting.check_quorum && scene.leader_known() != 0;
            scene.attack(message, if leased { Expect::Ignored } else { Expect::Taken })?;
            let vote = scene.victim().basic_status().hard_state.vote;
            ensure!(leased || vote == STRANGER, "it voted for {vote}");
            Ok(())
        },
    },
    Case {
        number: 84,
        what: "MsgHeartbeat of the next term from a stranger (the group's configuration may be \
               newer)",
        at: At::EVERYWHERE,
        etcd: "followed",
        raft_rs: "followed",
        ours: "taken, as there: the group elects again",
        run: |scene| {
            let term = scene.term + 1;
            let heartbeat = scene.message(MessageType::MsgHeartbeat);
            scene.attack(Message { from: STRANGER, term, ..heartbeat }, Expect::Taken)?;
            let leader = scene.victim().basic_status().soft_state.leader_id;
            ensure!(leader == STRANGER, "it follows {leader}");
            Ok(())
        },
    },
    Case {
        number: 85,
        what: "a candidate is removed from its configuration, and then wins",
        at: At::CANDIDATE,
        etcd: "nil dereference when it starts to lead",
        raft_rs: "-",
        ours: "the votes are taken, and it does not lead",
        run: |scene| {
            let removal = ConfChange::new(ConfChangeType::RemoveNode, VICTIM).into_v2();
            on_face!(scene.victim(), node => node.apply_conf_change(&removal)).map_err(text)?;
            for from in [PEER, OTHER] {
                let vote = Message { from, ..scene.message(MessageType::MsgVoteResp) };
                scene.attack(vote, Expect::Taken)?;
            }
            let role = scene.victim().basic_status().soft_state.role;
            ensure!(role != StateRole::Leader, "it leads, and is no member");
            Ok(())
        },
    },
];

fn propose_entry(scene: &mut Scene, entry: Entry, refusal: Refusal) -> Checked {
    let message = scene.forwarded(MessageType::MsgProp, Entries::from(entry));
    scene.attack(message, Expect::Refused(refusal))
}

fn from_other_than_leader(scene: &mut Scene, message: Message) -> Checked {
    let leader = scene.leader_known();
    let expected = match scene.is_strict() {
        true if leader != 0 => Expect::Refused(Refusal::NotFromLeader { leader }),
        false if scene.is_follower() => Expect::Taken,
        _ => Expect::Ignored,
    };
    scene.attack(message, expected)
}

pub(super) fn change(
    transition: ConfChangeTransition,
    changes: impl IntoIterator<Item = (ConfChangeType, u64)>,
) -> ConfChangeV2 {
    let changes = changes.into_iter().map(|(kind, id)| ConfChangeSingle::new(kind, id));
    ConfChangeV2::new(transition, changes.collect())
}

pub(super) fn learner(id: u64) -> ConfChangeV2 {
    change(ConfChangeTransition::Auto, [(ConfChangeType::AddLearnerNode, id)])
}

pub(super) fn joint(learner: u64) -> ConfChangeV2 {
    change(ConfChangeTransition::JointExplicit, [(ConfChangeType::AddLearnerNode, learner)])
}

pub(super) fn of_unknown_type() -> ConfChangeV2 {
    let single = ConfChangeSingle { change_type: Some(77), node_id: Some(4) };
    ConfChangeV2::new(ConfChangeTransition::Auto, vec![single])
}

pub(super) fn of_unknown_transition() -> ConfChangeV2 {
    ConfChangeV2 { transition: Some(77), ..learner(4) }
}

fn propose_change(node: &mut AnyNode, change: ConfChangeV2) -> Result<ProposedConfChange, String> {
    on_face!(node, node => node.propose_conf_change(change)).map_err(text)
}

/// Brings the group into a joint configuration, to be left by a change of its own.
pub(super) fn enter_joint(group: &mut Group) -> Checked {
    propose_change(group.node(OTHER), joint(4))?;
    group.run()?;
    for id in [VICTIM, PEER, OTHER] {
        let voters = group.node(id).status().config.voters;
        ensure!(voters.is_joint(), "{id} is not joint");
    }
    Ok(())
}

/// Proposes a change that passes as a proposal, and that each replica then fails to apply.
fn fails_everywhere(scene: &mut Scene, change: ConfChangeV2, error: ConfChangeError) -> Checked {
    scene.outcomes.note_pattern(&text(&error));
    let before = scene.victim().status().config;
    let applied: Vec<_> =
        scene.group.members.iter().map(|member| member.app.conf_changes.len()).collect();
    let proposed = propose_change(scene.victim(), change)?;
    ensure!(!matches!(proposed, ProposedConfChange::Refused { .. }), "it is {proposed:?}");
    scene.group.commit()?;
    for (member, applied) in scene.group.members.iter().zip(applied) {
        let outcomes = &member.app.conf_changes[applied..];
        let id = member.config.id;
        ensure!(outcomes == [Err(error.clone())], "{id} applied it to {outcomes:?}");
        ensure!(member.node.status().config == before, "the configuration of {id} changed");
    }
    // It counts as applied: the next change is not refused for its sake.
    let leader = scene.group.leader().ok_or("nobody leads")?;
    let next = if before.voters.is_joint() { ConfChangeV2::default() } else { learner(6) };
    let proposed = propose_change(scene.group.node(leader), next)?;
    ensure!(matches!(proposed, ProposedConfChange::Appended { .. }), "the next is {proposed:?}");
    Ok(())
}
