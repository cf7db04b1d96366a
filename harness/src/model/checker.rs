//! The exploration itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stateright::{Checker, Model, Property};

use super::reached::{Reached, ReachedSet};
use super::rules::Broken;
use super::scenario::Scenario;
use super::turns::Turns;
use super::world::{Action, Steps, World};

/// The name of the one property: no rule is broken.
const SAFE: &str = "safe";

/// A scenario as stateright explores it.
struct Exploration {
    scenario: Scenario,
    first: World,
    turns: Turns,
    /// What was come across. That is a matter of steps and not of states, so that it is gathered
    /// here: of two ways into a state the exploration goes on from one only.
    reached: Arc<AtomicU32>,
}

impl Model for Exploration {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.first.clone()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend(world.actions(&self.scenario));
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let (next, reached) = world.next(&self.scenario, &self.turns, action)?;
        self.reached.fetch_or(reached.bits(), Ordering::Relaxed);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFE, |_, world: &World| world.broken.is_none())]
    }
}

/// What came of the exploration of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario's name.
    pub name: &'static str,
    /// How many states there are, or were found before a rule was broken.
    pub states: usize,
    /// The longest of the shortest ways to a state, in actions.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// What should have been come across, and was not.
    pub missed: Vec<Reached>,
    /// A shortest way to a state in which a rule is broken, if there is any.
    pub counterexample: Option<Counterexample>,
}

/// A way to a state in which a rule is broken.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The scenario's name.
    pub(super) scenario: &'static str,
    /// The way, from nothing on.
    pub(super) steps: Steps,
    /// The rule that does not hold in the end.
    pub broken: Broken,
}

impl Outcome {
    /// Whether no rule is broken, and everything expected was come across.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.counterexample.is_none() && self.missed.is_empty()
    }
}

/// Explores all of `scenario`, or until a rule is broken. By one thread, breadth first, so that
/// the counterexample is a shortest one, and the same in each run.
///
/// # Errors
/// The scenario makes no sense: a node does not start.
pub fn check(scenario: &Scenario) -> Result<Outcome, String> {
    let started = Instant::now();
    let reached = Arc::new(AtomicU32::new(0));
    let turns = Turns::default();
    let (first, mut steps) = World::first(scenario, &turns)?;
    let exploration =
        Exploration { scenario: scenario.clone(), first, turns, reached: Arc::clone(&reached) };
    let checker = exploration.checker().threads(1).spawn_bfs().join();
    let reached = ReachedSet::from_bits(reached.load(Ordering::Relaxed));
    let counterexample = checker.discovery(SAFE).and_then(|path| {
        let broken = path.last_state().broken.as_deref()?.clone();
        steps.extend(path.into_vec());
        Some(Counterexample { scenario: scenario.name, steps, broken })
    });
    let missed = match counterexample {
        // It was not explored to the end.
        Some(_) => Vec::new(),
        None => scenario.expects.iter().copied().filter(|it| !reached.contains(*it)).collect(),
    };
    Ok(Outcome {
        name: scenario.name,
        states: checker.unique_state_count(),
        depth: checker.max_depth().saturating_sub(1),
        time: started.elapsed(),
        missed,
        counterexample,
    })
}
