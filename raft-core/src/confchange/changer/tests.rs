use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use raft_proto::{ConfChangeTransition, parse_conf_changes};

use super::*;
use crate::tracker::{InflightLimits, ProgressState};

const LIMITS: InflightLimits = InflightLimits { msgs: 4, bytes: 100 };
const LAST_INDEX: u64 = 10;

fn singles(text: &str) -> Vec<ConfChangeSingle> {
    parse_conf_changes(text).unwrap()
}

fn changer(tracker: &Tracker) -> Changer<'_> {
    Changer { tracker, last_index: LAST_INDEX }
}

/// Does one step: `simple v1`, `joint v1 r2`, `joint-auto l3` or `leave`.
fn step(tracker: &Tracker, step: &str) -> Result<Tracker, ConfChangeError> {
    let (what, changes) = step.split_once(' ').unwrap_or((step, ""));
    let changes = singles(changes);
    match what {
        "simple" => changer(tracker).simple(&changes),
        "joint" => changer(tracker).enter_joint(false, &changes),
        "joint-auto" => changer(tracker).enter_joint(true, &changes),
        "leave" => changer(tracker).leave_joint(),
        _ => panic!("unknown step {step}"),
    }
}

/// Does the steps, divided by `;`, from a group of nobody on.
fn run(steps: &str) -> Tracker {
    let steps = steps.split(';').map(str::trim).filter(|step| !step.is_empty());
    steps.fold(Tracker::new(LIMITS), |tracker, next| {
        step(&tracker, next).unwrap_or_else(|error| panic!("{next}: {error}"))
    })
}

/// The configuration, and whose progress is kept: `*` marks that of a learner.
fn show(tracker: &Tracker) -> String {
    let mut text = format!("{} of", tracker.config);
    for (id, progress) in tracker.progress.iter() {
        let mark = if progress.is_learner { "*" } else { "" };
        text += &format!(" {id}{mark}");
    }
    text
}

/// The configuration after a last step, or why it cannot be done.
fn outcome(before: &Tracker, last: &str) -> String {
    match step(before, last) {
        Ok(tracker) => show(&tracker),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    for (before, last, expected) in cases {
        assert_eq!(&outcome(&run(before), last), expected, "{before}; {last}");
    }
}

const THREE: &str = "simple v1; simple v2; simple v3";

/// etcd: confchange.TestConfChangeDataDriven (zero, simple_idempotency, simple_promote_demote, update)
#[test]
fn a_simple_change_moves_at_most_one_voter() {
    check(&[
        ("", "simple v1", "voters=(1) of 1"),
        ("simple v1", "simple v2", "voters=(1 2) of 1 2"),
        (THREE, "simple r2", "voters=(1 3) of 1 3"),
        // What is there already, or not there, stays so.
        (THREE, "simple v2", "voters=(1 2 3) of 1 2 3"),
        (THREE, "simple r9", "voters=(1 2 3) of 1 2 3"),
        (THREE, "simple", "voters=(1 2 3) of 1 2 3"),
        ("simple v1; simple l2", "simple l2", "voters=(1) learners=(2) of 1 2*"),
        // Any number of learners, before and beside a voter.
        ("simple v1", "simple l2 l3 l4", "voters=(1) learners=(2 3 4) of 1 2* 3* 4*"),
        ("simple v1; simple l2 l3", "simple v4 r2 l5", "voters=(1 4) learners=(3 5) of 1 3* 4 5*"),
        ("simple v1; simple l2 l3", "simple r2 r3", "voters=(1) of 1"),
        // From one kind to the other.
        ("simple v1; simple l2", "simple v2", "voters=(1 2) of 1 2"),
        ("simple v1; simple v2", "simple l2", "voters=(1) learners=(2) of 1 2*"),
        // The last word counts.
        ("simple v1", "simple v2 l2", "voters=(1) learners=(2) of 1 2*"),
        ("simple v1", "simple l2 v2", "voters=(1 2) of 1 2"),
        ("simple v1", "simple v2 r2", "voters=(1) of 1"),
        ("simple v1; simple v2", "simple r2 v2", "voters=(1 2) of 1 2"),
        ("simple v1; simple v2", "simple r2 l2", "voters=(1) learners=(2) of 1 2*"),
        ("simple v1", "simple r1 v1", "voters=(1) of 1"),
        // An update is the application's business.
        (THREE, "simple u2", "voters=(1 2 3) of 1 2 3"),
        (THREE, "simple u9", "voters=(1 2 3) of 1 2 3"),
        // Node 0 stands for a change that was decided against.
        (THREE, "simple v0 l0 r0 u0", "voters=(1 2 3) of 1 2 3"),
    ]);
}

/// etcd: confchange.TestConfChangeDataDriven (zero, simple_safety)
#[test]
fn a_simple_change_that_could_split_the_group_is_refused() {
    let several = "more than one voter changed without entering joint config";
    let all = "removed all voters";
    check(&[
        ("", "simple v1 v2", several),
        (THREE, "simple v4 v5", several),
        (THREE, "simple r1 r2", several),
        (THREE, "simple r1 v4", several),
        (THREE, "simple l1 v4", several),
        (THREE, "simple l1 l2", several),
        ("simple v1; simple v2; simple l3", "simple v3 r1", several),
        // Nobody left to vote, whoever else is there.
        ("", "simple", all),
        ("", "simple l1", all),
        ("", "simple u1", all),
        ("", "simple v0", all),
        ("simple v1", "simple r1", all),
        ("simple v1", "simple l1", all),
        ("simple v1; simple l2", "simple r1", all),
        (THREE, "simple r1 r2 r3", all),
        // Voters of both halves are there.
        ("simple v1; joint v2", "simple l3", "can't apply simple config change in joint config"),
        ("simple v1; joint v2", "simple", "can't apply simple config change in joint config"),
    ]);
}

/// etcd: confchange.TestConfChangeDataDriven (joint_idempotency, joint_learners_next, joint_autoleave)
#[test]
fn a_joint_configuration_has_what_was_and_what_will_be() {
    check(&[
        ("simple v1", "joint v2 v3", "voters=(1 2 3)&&(1) of 1 2 3"),
        ("simple v1", "joint-auto v2", "voters=(1 2)&&(1) autoleave of 1 2"),
        ("simple v1", "joint", "voters=(1)&&(1) of 1"),
        (THREE, "joint v4 r1 r2", "voters=(3 4)&&(1 2 3) of 1 2 3 4"),
        // Twice the same, and nothing.
        ("simple v1", "joint v1 v1 v2 v2", "voters=(1 2)&&(1) of 1 2"),
        (THREE, "joint r1 r1 r9", "voters=(2 3)&&(1 2 3) of 1 2 3"),
        (THREE, "joint u1 v0 r0 l0", "voters=(1 2 3)&&(1 2 3) of 1 2 3"),
        // New learners are learners at once; voters of the outgoing half wait for its end.
        ("simple v1", "joint l2", "voters=(1)&&(1) learners=(2) of 1 2*"),
        (THREE, "joint l3", "voters=(1 2)&&(1 2 3) learners_next=(3) of 1 2 3"),
        (
            THREE,
            "joint l3 l3 l4",
            "voters=(1 2)&&(1 2 3) learners=(4) learners_next=(3) of 1 2 3 4*",
        ),
        (THREE, "joint r3 l3", "voters=(1 2)&&(1 2 3) learners_next=(3) of 1 2 3"),
        // They may still become something else.
        (THREE, "joint l3 v3", "voters=(1 2 3)&&(1 2 3) of 1 2 3"),
        (THREE, "joint l3 r3", "voters=(1 2)&&(1 2 3) of 1 2 3"),
        (THREE, "joint r3 v3", "voters=(1 2 3)&&(1 2 3) of 1 2 3"),
        // Learners that were there before.
        ("simple v1; simple l2", "joint v2", "voters=(1 2)&&(1) of 1 2"),
        ("simple v1; simple l2", "joint r2", "voters=(1)&&(1) of 1"),
        ("simple v1; simple l2", "joint v2 l2", "voters=(1)&&(1) learners=(2) of 1 2*"),
        ("simple v1", "joint v2 l2 r2", "voters=(1)&&(1) of 1"),
    ]);
}

/// etcd: confchange.TestConfChangeDataDriven (joint_safety)
#[test]
fn a_joint_configuration_is_entered_once_and_by_voters() {
    let joint = "config is already joint";
    check(&[
        ("", "joint", "can't make a zero-voter config joint"),
        ("", "joint v1", "can't make a zero-voter config joint"),
        ("simple v1; joint v2", "joint v3", joint),
        ("simple v1; joint v2", "joint", joint),
        ("simple v1; joint-auto v2", "joint-auto", joint),
        ("simple v1", "joint r1", "removed all voters"),
        ("simple v1", "joint l1 l2", "removed all voters"),
        (THREE, "joint r1 r2 r3", "removed all voters"),
        // Any number may go as long as one comes.
        (THREE, "joint r1 r2 r3 v4", "voters=(4)&&(1 2 3) of 1 2 3 4"),
    ]);
}

/// etcd: confchange.TestConfChangeDataDriven (joint_safety, joint_autoleave, joint_learners_next)
#[test]
fn leaving_a_joint_configuration_ends_the_outgoing_half() {
    let not_joint = "can't leave a non-joint config";
    check(&[
        ("", "leave", not_joint),
        (THREE, "leave", not_joint),
        ("simple v1; joint v2; leave", "leave", not_joint),
        ("simple v1; joint v2", "leave", "voters=(1 2) of 1 2"),
        ("simple v1; joint-auto v2", "leave", "voters=(1 2) of 1 2"),
        ("simple v1; joint", "leave", "voters=(1) of 1"),
        ("simple v1; simple l2; joint l3", "leave", "voters=(1) learners=(2 3) of 1 2* 3*"),
        // Those who are nothing any more are forgotten now, not before.
        ("simple v1; simple v2; simple v3; joint r1 r2 v4", "leave", "voters=(3 4) of 3 4"),
        ("simple v1; simple v2; joint l2 r2", "leave", "voters=(1) of 1"),
        // Those who were to be learners are.
        ("simple v1; simple v2; joint l2", "leave", "voters=(1) learners=(2) of 1 2*"),
        (
            "simple v1; simple v2; simple v3; simple l5; joint l2 l3 l4",
            "leave",
            "voters=(1) learners=(2 3 4 5) of 1 2* 3* 4* 5*",
        ),
    ]);
}

#[test]
fn a_left_configuration_can_be_changed_again() {
    check(&[
        ("simple v1; joint v2 v3; leave", "simple v4", "voters=(1 2 3 4) of 1 2 3 4"),
        ("simple v1; joint v2 v3; leave", "joint r1", "voters=(2 3)&&(1 2 3) of 1 2 3"),
    ]);
}

#[test]
fn absent_fields_are_zeros_which_means_nobody_and_a_voter_to_add() {
    let tracker = run("simple v1");
    let nobody =
        ConfChangeSingle { node_id: None, ..ConfChangeSingle::new(ConfChangeType::RemoveNode, 1) };
    assert_eq!(show(&changer(&tracker).simple(&[nobody]).unwrap()), "voters=(1) of 1");
    let add = ConfChangeSingle { change_type: None, node_id: Some(2) };
    assert_eq!(show(&changer(&tracker).simple(&[add]).unwrap()), "voters=(1 2) of 1 2");
}

#[test]
fn an_unknown_kind_of_change_is_an_error_unless_it_is_about_nobody() {
    let tracker = run("simple v1");
    for value in [4, -1, i32::MAX, i32::MIN] {
        let unknown = |node_id| ConfChangeSingle { change_type: Some(value), node_id };
        let expected = Err(ConfChangeError::UnknownType { value });
        for changes in [vec![unknown(Some(1))], [singles("v2"), vec![unknown(Some(3))]].concat()] {
            assert_eq!(changer(&tracker).simple(&changes), expected);
            assert_eq!(changer(&tracker).enter_joint(false, &changes), expected);
        }
        for nobody in [Some(0), None] {
            let result = changer(&tracker).simple(&[unknown(nobody)]);
            assert_eq!(show(&result.unwrap()), "voters=(1) of 1");
        }
    }
    assert_eq!(ConfChangeError::UnknownType { value: 4 }.to_string(), "unexpected conf type 4");
}

#[test]
fn a_change_goes_the_way_that_its_transition_and_size_ask_for() {
    use ConfChangeTransition::{Auto, JointExplicit, JointImplicit};
    let apply = |before: &str, transition: Option<i32>, changes: &str| {
        let change = ConfChangeV2 { transition, changes: singles(changes), context: None };
        match changer(&run(before)).apply(&change) {
            Ok(tracker) => show(&tracker),
            Err(error) => error.to_string(),
        }
    };
    let joint = "simple v1; joint-auto v2";
    for (before, transition, changes, expected) in [
        ("simple v1", None, "v2", "voters=(1 2) of 1 2"),
        ("simple v1", Some(Auto as i32), "v2", "voters=(1 2) of 1 2"),
        ("simple v1", Some(Auto as i32), "v2 v3", "voters=(1 2 3)&&(1) autoleave of 1 2 3"),
        (
            "simple v1",
            Some(Auto as i32),
            "l2 l3",
            "voters=(1)&&(1) learners=(2 3) autoleave of 1 2* 3*",
        ),
        ("simple v1", Some(JointImplicit as i32), "v2", "voters=(1 2)&&(1) autoleave of 1 2"),
        ("simple v1", Some(JointExplicit as i32), "v2", "voters=(1 2)&&(1) of 1 2"),
        ("simple v1", Some(JointExplicit as i32), "v2 v3", "voters=(1 2 3)&&(1) of 1 2 3"),
        // No change at all leaves, unless it asks for the way in.
        (joint, None, "", "voters=(1 2) of 1 2"),
        (joint, Some(Auto as i32), "", "voters=(1 2) of 1 2"),
        (joint, Some(JointImplicit as i32), "", "config is already joint"),
        (joint, Some(JointExplicit as i32), "", "config is already joint"),
        (joint, None, "v3", "can't apply simple config change in joint config"),
        (joint, None, "v3 v4", "config is already joint"),
        ("simple v1", None, "", "can't leave a non-joint config"),
        ("simple v1", Some(JointExplicit as i32), "", "voters=(1)&&(1) of 1"),
        // Unknown ways.
        ("simple v1", Some(3), "v2", "unexpected conf change transition 3"),
        ("simple v1", Some(-1), "v2 v3", "unexpected conf change transition -1"),
        (joint, Some(3), "", "unexpected conf change transition 3"),
    ] {
        assert_eq!(
            apply(before, transition, changes),
            expected,
            "{before}, {transition:?} {changes}"
        );
    }
}

#[test]
fn sending_to_a_new_member_starts_at_the_end_of_the_log() {
    let before = run("simple v1");
    for (last_index, next_index) in [(0, 1), (1, 1), (2, 2), (700, 700)] {
        let changer = Changer { tracker: &before, last_index };
        for after in [
            changer.simple(&singles("v2 l3")).unwrap(),
            changer.enter_joint(false, &singles("v2 l3")).unwrap(),
        ] {
            let fresh = |is_learner| Progress {
                recent_active: true,
                ..Progress::new(next_index, LIMITS, is_learner)
            };
            assert_eq!(after.progress.get(2), Some(&fresh(false)));
            assert_eq!(after.progress.get(3), Some(&fresh(true)));
            assert_eq!(after.progress.get(1), before.progress.get(1));
            assert_eq!(after.inflight_limits, LIMITS);
        }
    }
}

/// A group whose members have a progress that a new member would not have.
fn known(steps: &str) -> Tracker {
    let mut tracker = run(steps);
    for (id, progress) in tracker.progress.iter_mut() {
        progress.state = ProgressState::Replicate;
        progress.match_index = 100 + id;
        progress.next_index = 200 + id;
        progress.recent_active = false;
    }
    tracker
}

#[test]
fn what_is_known_of_a_member_stays_known_until_it_is_removed() {
    for (before, steps, id, kept) in [
        // From one kind to the other.
        ("simple v1; simple v2", "simple l2", 2, true),
        ("simple v1; simple v2", "joint l2; leave", 2, true),
        ("simple v1; simple l2", "simple v2", 2, true),
        ("simple v1; simple l2", "joint v2; leave", 2, true),
        ("simple v1; simple v2", "simple l2; simple v2", 2, true),
        // Beside others that change.
        ("simple v1; simple v2", "simple v3", 2, true),
        ("simple v1; simple v2", "joint r1; leave", 2, true),
        // Gone and back.
        ("simple v1; simple v2", "simple r2; simple v2", 2, false),
        ("simple v1; simple v2", "simple r2 v2", 2, false),
        ("simple v1; simple l2", "joint r2 v2; leave", 2, false),
        ("simple v1; simple v2", "joint r2; leave; simple v2", 2, false),
        // The outgoing half still needs it.
        ("simple v1; simple v2", "joint r2 v2; leave", 2, true),
        ("simple v1; simple v2", "joint r2 l2; leave", 2, true),
        ("simple v1; simple v2", "joint r2", 2, true),
    ] {
        let before_change = known(before);
        let after = steps.split("; ").fold(before_change.clone(), |tracker, next| {
            step(&tracker, next).unwrap_or_else(|error| panic!("{next}: {error}"))
        });
        let learner = after.config.learners.contains(id);
        let expected = match kept {
            true => {
                Progress { is_learner: learner, ..before_change.progress.get(id).unwrap().clone() }
            }
            false => Progress { recent_active: true, ..Progress::new(LAST_INDEX, LIMITS, learner) },
        };
        assert_eq!(after.progress.get(id), Some(&expected), "{before}; {steps}");
    }
}

#[test]
fn a_tracker_that_contradicts_itself_is_not_changed_any_further() {
    type Damage = fn(&mut Tracker);
    let cases: [(Damage, u64, &str); 10] = [
        (|t| t.progress.remove(1), 1, "has no progress"),
        (|t| t.progress.remove(2), 2, "has no progress"),
        (|t| t.progress.remove(4), 4, "has no progress"),
        (|t| _ = t.config.learners_next.insert(9), 9, "has no progress"),
        (|t| _ = t.config.learners_next.insert(4), 4, "is in LearnersNext, but not Voters[1]"),
        (|t| _ = t.config.learners_next.insert(2), 2, "is in LearnersNext, but not Voters[1]"),
        (
            |t| {
                t.config.voters.outgoing.0.insert(4);
                t.config.learners.remove(4);
                t.config.learners_next.insert(4);
            },
            4,
            "is in LearnersNext, but is already marked as learner",
        ),
        (|t| _ = t.config.voters.incoming.0.insert(4), 4, "is in Learners and Voters"),
        (|t| _ = t.config.voters.outgoing.0.insert(4), 4, "is in Learners and Voters"),
        (
            |t| t.progress.get_mut(4).unwrap().is_learner = false,
            4,
            "is in Learners, but is not marked as learner",
        ),
    ];
    // Each damage shows in a configuration that is not joint, and the same in one that is.
    for before in ["simple v1; simple v2; simple l4", "simple v1; joint v2 l4"] {
        for (damage, id, problem) in cases {
            let mut tracker = run(before);
            damage(&mut tracker);
            let expected = Err(ConfChangeError::Inconsistent { id, problem });
            let changer = changer(&tracker);
            assert_eq!(changer.simple(&singles("v3")), expected, "{before}");
            assert_eq!(changer.enter_joint(false, &singles("v3")), expected, "{before}");
            assert_eq!(changer.leave_joint(), expected, "{before}");
        }
    }
    let mut tracker = run("simple v1");
    tracker.config.auto_leave = true;
    let error = changer(&tracker).simple(&[]).unwrap_err();
    assert!(error.to_string().contains("AutoLeave must be false when not joint"), "{error}");
}

/// Changes of the ids 2 to 9; nobody touches 1, which is a voter, so that there always is one.
fn changes(max: usize) -> impl Strategy<Value = Vec<ConfChangeSingle>> {
    let kind = prop_oneof![
        Just(ConfChangeType::AddNode),
        Just(ConfChangeType::AddLearnerNode),
        Just(ConfChangeType::RemoveNode),
        Just(ConfChangeType::UpdateNode),
    ];
    let change = (kind, 2u64..10).prop_map(|(kind, id)| ConfChangeSingle::new(kind, id));
    prop::collection::vec(change, 0..max)
}

fn one_by_one(tracker: &Tracker, changes: &[ConfChangeSingle]) -> Tracker {
    changes.iter().fold(tracker.clone(), |tracker, change| {
        changer(&tracker).simple(core::slice::from_ref(change)).unwrap()
    })
}

/// What every configuration must be, seen from outside.
fn check_consistent(tracker: &Tracker) -> Result<(), TestCaseError> {
    let Configuration { voters, learners, learners_next, auto_leave } = &tracker.config;
    for id in 0..12 {
        let progress = tracker.progress.get(id);
        let member = voters.contains(id) || learners.contains(id);
        prop_assert_eq!(progress.is_some(), member, "{} in {}", id, tracker.config);
        let learner = progress.is_some_and(|progress| progress.is_learner);
        prop_assert_eq!(learner, learners.contains(id), "{} in {}", id, tracker.config);
        prop_assert!(!(voters.contains(id) && learners.contains(id)));
        if learners_next.contains(id) {
            prop_assert!(voters.outgoing.0.contains(id) && !voters.incoming.0.contains(id));
        }
    }
    prop_assert!(!voters.incoming.0.is_empty());
    prop_assert!(voters.is_joint() || !auto_leave);
    Ok(())
}

proptest! {
    /// etcd: confchange.TestConfChangeQuick
    #[test]
    fn changes_one_by_one_lead_where_they_lead_together(
        setup in changes(12), changes in changes(12), auto_leave in any::<bool>()
    ) {
        let start = one_by_one(&run("simple v1"), &setup);
        let joint = changer(&start).enter_joint(auto_leave, &changes).unwrap();
        prop_assert_eq!(&joint.config.voters.outgoing, &start.config.voters.incoming);
        prop_assert_eq!(joint.config.auto_leave, auto_leave);
        let left = changer(&joint).leave_joint().unwrap();
        prop_assert_eq!(left, one_by_one(&start, &changes));
    }

    #[test]
    fn every_change_that_is_possible_leads_to_a_consistent_group(
        steps in prop::collection::vec((0u8..4, changes(5)), 1..12)
    ) {
        let mut tracker = run("simple v1");
        for (way, changes) in steps {
            let before = tracker.clone();
            let (next, possible) = match way {
                0 => {
                    let next = changer(&tracker).simple(&changes);
                    let wanted = one_by_one_anyhow(&tracker, &changes);
                    let moved = (0..12).filter(|id| {
                        wanted.contains(id) != before.config.voters.incoming.0.contains(*id)
                    });
                    (next, !before.config.voters.is_joint() && moved.count() <= 1)
                }
                1 => (
                    changer(&tracker).enter_joint(false, &changes),
                    !before.config.voters.is_joint(),
                ),
                2 => (
                    changer(&tracker).enter_joint(true, &changes),
                    !before.config.voters.is_joint(),
                ),
                _ => (changer(&tracker).leave_joint(), before.config.voters.is_joint()),
            };
            prop_assert_eq!(next.is_ok(), possible, "{:?} of {:?} from {}", next, changes, before.config);
            if let Ok(next) = next {
                check_consistent(&next)?;
                tracker = next;
            }
        }
    }
}

/// The voters after `changes`, whatever the rules say: the last word about each id counts.
fn one_by_one_anyhow(tracker: &Tracker, changes: &[ConfChangeSingle]) -> Vec<u64> {
    let is_voter = |id: &u64| {
        let last = changes.iter().rev().find(|change| {
            change.node_id == Some(*id) && change.kind() != Ok(ConfChangeType::UpdateNode)
        });
        match last.map(|change| change.kind()) {
            Some(kind) => kind == Ok(ConfChangeType::AddNode),
            None => tracker.config.voters.incoming.0.contains(*id),
        }
    };
    (0..12).filter(is_voter).collect()
}
