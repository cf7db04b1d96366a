//! What came of a run.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use super::Time;
use super::network::LinkCounters;
use super::watch::Coverage;
use super::world::rule;
use crate::timeline::Recorder;

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Time,
    /// The node at which it showed; 0 when it was none in particular.
    pub node: u64,
    /// The rule.
    pub rule: &'static str,
    /// What was seen.
    pub text: String,
}

impl Violation {
    /// Whether something has panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.rule == rule::NO_PANIC
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, node, rule, text } = self;
        write!(f, "{rule}: {text} (node {node}, at {}.{:06} s)", at / 1_000_000, at % 1_000_000)
    }
}

impl std::error::Error for Violation {}

/// What a panic says.
pub(super) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default()
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events.
    pub events: u64,
    /// Virtual time.
    pub time: Time,
    /// Messages that were sent.
    pub messages: u64,
    /// Their encoded bytes.
    pub bytes: u64,
    /// Requests of clients that were answered.
    pub answered: u64,
    /// Requests that clients have given up on.
    pub gave_up: u64,
    /// Times that a rule had something to judge.
    pub checks: u64,
    /// How long it took from the end of the faults until there was a leader.
    pub time_to_leader: Time,
    /// The longest election timeout that a node of the run could draw.
    pub election_timeout: Time,
}

/// A run that is over.
#[derive(Debug)]
pub struct Outcome {
    /// The rule that was broken, if one was.
    pub violation: Option<Violation>,
    /// A hash of all that happened: two runs with the same digest did the same.
    pub digest: u64,
    /// What was done.
    pub tally: Tally,
    /// Which states were reached.
    pub coverage: Coverage,
    /// How often each rule had something to judge.
    pub rules: Vec<(&'static str, u64)>,
    /// How often the rules were told each kind of [`Fact`](super::Fact).
    pub facts: BTreeMap<&'static str, u64>,
    /// How often each kind of [`Act`](super::Act) found what it was to act on.
    pub acts: BTreeMap<&'static str, u64>,
    /// What each directed link has carried, by its ends.
    pub links: BTreeMap<(u64, u64), LinkCounters>,
    /// The records, if they were asked for.
    pub recorder: Recorder,
}

#[cfg(test)]
mod tests {
    use crate::sim::{Act, Checker, Fact, Judged, Plan, SECOND, Scene, Seen, Timed, Whom, kv};

    #[derive(Debug)]
    struct Panics;

    impl Checker for Panics {
        fn rule(&self) -> &'static str {
            "panics"
        }

        fn on_fact(&mut self, fact: &Fact<'_>, _: &Scene<'_>) -> Result<Judged, String> {
            assert!(!matches!(fact, Fact::Led { .. }), "led {}", "already");
            Ok(Judged::Nothing)
        }
    }

    #[test]
    fn a_panic_is_a_broken_rule_and_leaves_the_trace() {
        let world = kv::world(Plan::calm(1, 3)).recorded().with_checker(Box::new(Panics));
        let outcome = world.run();
        let violation = outcome.violation.expect("somebody leads");
        assert_eq!((violation.rule, &*violation.text), ("nothing panics", "led already"));
        assert!(violation.is_panic());
        assert!(outcome.recorder.records().len() > 1);
    }

    #[test]
    fn an_act_counts_when_there_is_somebody_for_it() {
        let lasts = SECOND;
        let crash = |at, id| Timed { at, act: Act::Crash { whom: Whom::Node(id), lasts } };
        let one_way = Act::OneWay { from: vec![1, 2], to: vec![2], lasts };
        let to_itself = Act::OneWay { from: vec![2], to: vec![2], lasts };
        let mut plan = Plan::calm(1, 3);
        plan.schedule = vec![
            crash(SECOND, 3),
            crash(SECOND + 1, 3),
            Timed { at: 3 * SECOND, act: one_way },
            Timed { at: 3 * SECOND, act: to_itself },
        ];
        let outcome = kv::world(plan).run();
        assert_eq!(outcome.violation, None);
        assert_eq!(outcome.acts.into_iter().collect::<Vec<_>>(), [("crash", 1), ("one_way", 1)]);
        assert_eq!(outcome.coverage.count(Seen::CutOneWay), 1);
        assert_eq!(
            outcome.links.values().map(|link| link.sent).sum::<u64>(),
            outcome.tally.messages
        );
    }
}
