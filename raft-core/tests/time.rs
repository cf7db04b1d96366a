//! Many ticks at once are the same as many ticks.

use proptest::prelude::*;
use raft_core::proto::{ConfState, Message, MessageType};
use raft_core::{Config, MemoryStorage, RawNode, ReadOnlyOption, SlogObserver};

type TestNode = RawNode<MemoryStorage>;

#[derive(Clone, Debug)]
enum Input {
    Ticks(u32),
    Campaign,
    Vote { from: u64, reject: bool },
    Heartbeat { from: u64, term_ahead: u64 },
    AppendAck { from: u64 },
    Propose,
    Read,
    Echo { from: u64, round: u64 },
    Transfer { to: u64 },
    Work,
}

fn input() -> impl Strategy<Value = Input> {
    let peer = 2u64..=3;
    prop_oneof![
        4 => (0u32..70).prop_map(Input::Ticks),
        2 => Just(Input::Campaign),
        3 => (peer.clone(), prop::bool::weighted(0.2))
            .prop_map(|(from, reject)| Input::Vote { from, reject }),
        2 => (peer.clone(), 0u64..2)
            .prop_map(|(from, term_ahead)| Input::Heartbeat { from, term_ahead }),
        2 => peer.clone().prop_map(|from| Input::AppendAck { from }),
        1 => Just(Input::Propose),
        2 => Just(Input::Read),
        2 => (peer.clone(), 1u64..4).prop_map(|(from, round)| Input::Echo { from, round }),
        1 => peer.prop_map(|to| Input::Transfer { to }),
        3 => Just(Input::Work),
    ]
}

fn node(config: &Config, conf_state: &ConfState) -> TestNode {
    let storage = MemoryStorage::with_conf_state(conf_state.clone());
    RawNode::with_observer(config.clone(), storage, SlogObserver::discard()).expect("a valid node")
}

/// Everything but ticks. Refusals are part of the history.
fn apply(node: &mut TestNode, input: &Input) {
    let term = node.basic_status().hard_state.term;
    let message = |kind, from| Message { from, to: 1, term, ..Message::new(kind) };
    match *input {
        Input::Ticks(_) => {}
        Input::Campaign => drop(node.campaign()),
        Input::Vote { from, reject } => {
            for (kind, ahead) in [(MessageType::MsgPreVoteResp, 1), (MessageType::MsgVoteResp, 0)] {
                drop(node.step(Message { term: term + ahead, reject, ..message(kind, from) }));
            }
        }
        Input::Heartbeat { from, term_ahead } => {
            let heartbeat = message(MessageType::MsgHeartbeat, from);
            drop(node.step(Message { term: term + term_ahead, ..heartbeat }));
        }
        Input::AppendAck { from } => {
            let index = node.basic_status().hard_state.commit + 1;
            drop(node.step(Message { index, ..message(MessageType::MsgAppResp, from) }));
        }
        Input::Propose => drop(node.propose("x")),
        Input::Read => drop(node.read_index("ctx")),
        Input::Echo { from, round } => {
            let context = round.to_le_bytes().to_vec().into();
            drop(node.step(Message { context, ..message(MessageType::MsgHeartbeatResp, from) }));
        }
        Input::Transfer { to } => drop(node.transfer_leader(to)),
        Input::Work => {
            while node.has_ready() {
                let ready = node.ready().expect("the last one was advanced");
                node.storage_mut().append(ready.entries()).expect("entries follow the log");
                if let Some(hard_state) = ready.hard_state() {
                    node.storage_mut().set_hard_state(*hard_state);
                }
                node.advance(ready.persisted()).expect("its own batch");
            }
        }
    }
}

proptest! {
    #[test]
    fn tick_by_equals_ticks_and_sleeping_misses_nothing(
        history in prop::collection::vec(input(), 1..60),
        flags in any::<[bool; 4]>(),
        heartbeat_tick in 1u32..4,
    ) {
        let [pre_vote, check_quorum, lease, learner] = flags;
        let read_only = match check_quorum && lease {
            true => ReadOnlyOption::LeaseBased,
            false => ReadOnlyOption::Safe,
        };
        let config =
            Config { pre_vote, check_quorum, read_only, heartbeat_tick, seed: 7, ..Config::new(1) };
        let conf_state = match learner {
            true => ConfState::new([2, 3], [1]),
            false => ConfState::new([1, 2, 3], []),
        };
        let mut at_once = node(&config, &conf_state);
        let mut one_by_one = node(&config, &conf_state);
        for input in &history {
            if let Input::Ticks(ticks) = *input {
                let due = at_once.ticks_until_timeout();
                at_once.tick_by(ticks);
                for tick in 1..=ticks {
                    let before = one_by_one.has_ready();
                    one_by_one.tick();
                    // Nothing happens before the tick that was announced.
                    if due.is_none_or(|due| tick < due) {
                        prop_assert_eq!(one_by_one.has_ready(), before);
                    }
                }
            }
            apply(&mut at_once, input);
            apply(&mut one_by_one, input);
            prop_assert_eq!(at_once.digest(), one_by_one.digest(), "after {:?}", input);
        }
    }
}

#[test]
fn a_voter_announces_its_election_timeout_and_a_leader_its_heartbeat() {
    let config = Config { heartbeat_tick: 3, ..Config::new(1) };
    let mut node = node(&config, &ConfState::new([1], []));
    node.set_randomized_election_timeout(12).expect("in range");
    assert_eq!(node.ticks_until_timeout(), Some(12));
    node.tick_by(11);
    assert_eq!((node.ticks_until_timeout(), node.has_ready()), (Some(1), false));
    node.tick();
    assert!(node.has_ready(), "it campaigns");
    apply(&mut node, &Input::Work);
    assert_eq!(node.ticks_until_timeout(), Some(3), "it leads");
}

#[test]
fn a_learner_never_times_out() {
    let mut node = node(&Config::new(1), &ConfState::new([2], [1]));
    assert_eq!(node.ticks_until_timeout(), None);
    node.tick_by(u32::MAX);
    assert!(!node.has_ready());
}
