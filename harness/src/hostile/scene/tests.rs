//! The scenes are what they say, and see what is done to them.

use super::*;

fn scenes() -> impl Iterator<Item = Scene> {
    Setting::all().map(|setting| Scene::new(setting).unwrap())
}

#[test]
fn there_is_no_pre_candidate_without_pre_vote() {
    let count = |role| Setting::all().filter(|setting| setting.role == role).count();
    assert_eq!(count(StateRole::PreCandidate), 8);
    assert_eq!(count(StateRole::Follower), 16);
    assert_eq!(Setting::all().count(), 56);
}

#[test]
fn the_victim_is_where_the_scene_says() {
    for mut scene in scenes() {
        let status = scene.victim().basic_status();
        assert_eq!(status.soft_state.role, scene.role());
        assert_eq!(status.soft_state.leader_id, scene.leader_known());
        assert_eq!(status.hard_state.term, scene.term);
        assert!(scene.committed >= 5, "{}", scene.committed);
        let uncommitted = u64::from(scene.is_follower() || scene.is_leader());
        assert_eq!(scene.last.index, scene.committed + uncommitted);
        assert_eq!(scene.heal(), Ok(()), "{}", scene.setting);
    }
}

/// Else a row could pass although the message was handled.
#[test]
fn whatever_is_done_to_the_victim_leaves_a_trace() {
    for mut scene in scenes() {
        assert!(scene.without_trace(|_| ()).is_ok());
        assert!(scene.without_trace(AnyNode::tick).is_err(), "a tick: {}", scene.setting);
    }
    for mut scene in scenes().filter(|scene| !scene.is_leader()) {
        let heartbeat = scene.message(MessageType::MsgHeartbeat);
        let handled = scene.without_trace(|node| node.step(heartbeat));
        assert!(handled.is_err(), "a heartbeat: {}", scene.setting);
    }
}

#[test]
fn an_outcome_must_be_the_expected_one() {
    for mut scene in scenes() {
        let message = Message { to: OTHER, ..scene.message(MessageType::MsgHeartbeat) };
        let not_for_us = Refusal::NotForUs { to: OTHER };
        let wrong = [
            Expect::Refused(Refusal::NoSender),
            Expect::Refused(Refusal::NotForUs { to: PEER }),
            Expect::UnknownKind,
            Expect::Local,
            Expect::Dropped(DropReason::LogFull),
            Expect::Ignored,
            Expect::Taken,
        ];
        for expected in wrong {
            assert!(scene.attack(message.clone(), expected).is_err());
        }
        assert_eq!(scene.attack(message, Expect::Refused(not_for_us)), Ok(()));
    }
}

#[test]
fn a_group_without_a_quorum_does_not_heal() {
    let mut scene = scenes().next().unwrap();
    scene.group.member(PEER).down = true;
    scene.group.member(OTHER).down = true;
    assert!(scene.heal().is_err());
}

#[test]
fn the_text_of_a_row_must_name_what_was_seen() {
    let mut seen = Outcomes::default();
    seen.note_pattern("Err(ProposeError::Refused(Refusal::EmptyProposal))");
    seen.note_pattern("Err(StepError::Dropped(DropReason::NoLeader { term: MAX_TERM }))");
    assert_eq!(seen.missing_in("EmptyProposal"), ["NoLeader"]);
    assert_eq!(seen.missing_in("NoLeader or EmptyProposal"), Vec::<&str>::new());
}
