//! Whether a history of requests and answers can be explained by a sequential machine: each request
//! takes effect at one moment between its call and its answer (Herlihy and Wing, 1990).
//!
//! The search is the one of Wing and Gong, with the memory of Lowe: what was linearized, in which
//! state. A history is best cut up by keys before, since a machine of independent keys is linearizable
//! if each key is.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// A sequential machine.
pub trait Model {
    /// Its state.
    type State: Clone + Eq + Hash + Default;
    /// A request.
    type Request: Debug;
    /// An answer.
    type Answer: Debug;

    /// The state after `request`, if it may be answered by `answer`; any answer is allowed when it is
    /// not known.
    fn step(
        state: &Self::State,
        request: &Self::Request,
        answer: Option<&Self::Answer>,
    ) -> Option<Self::State>;
}

/// A request, and what is known of its answer.
#[derive(Clone, Debug)]
pub struct Operation<R, A> {
    /// When it was made. Moments are numbers that grow, and no two events share one.
    pub called: u64,
    /// When it had taken effect at the latest: it was answered then, or its effect was seen. `None` when
    /// nobody knows; it may have taken effect at any moment after the call, or never.
    pub ended: Option<u64>,
    /// What was asked.
    pub request: R,
    /// What was answered, if that is known.
    pub answer: Option<A>,
}

/// What the search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order that explains every answer.
    Linearizable,
    /// There is none.
    NotLinearizable,
    /// It was not found within the budget.
    Undecided,
}

/// Steps after which the search gives up.
pub const BUDGET: usize = 200_000;

/// Searches for an order that explains `history`.
#[must_use]
pub fn check<M: Model>(history: &[Operation<M::Request, M::Answer>]) -> Verdict {
    let mut history: Vec<_> = history.iter().collect();
    history.sort_by_key(|operation| operation.called);
    let mut search =
        Search::<M> { history, done: Done::default(), seen: HashSet::new(), budget: BUDGET };
    search.done.0.resize(search.history.len().div_ceil(64), 0);
    match search.explain(&M::State::default(), 0) {
        Some(true) => Verdict::Linearizable,
        Some(false) => Verdict::NotLinearizable,
        None => Verdict::Undecided,
    }
}

/// Which operations have been put in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Done(Vec<u64>);

impl Done {
    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn toggle(&mut self, at: usize) {
        self.0[at / 64] ^= 1 << (at % 64);
    }
}

struct Search<'a, M: Model> {
    history: Vec<&'a Operation<M::Request, M::Answer>>,
    done: Done,
    seen: HashSet<(Done, M::State)>,
    budget: usize,
}

impl<M: Model> Search<'_, M> {
    /// Whether the rest can be explained from `state` on; all before `first` is done.
    fn explain(&mut self, state: &M::State, mut first: usize) -> Option<bool> {
        while first < self.history.len() && self.done.has(first) {
            first += 1;
        }
        let Some(candidates) = self.candidates(first) else { return Some(true) };
        if !self.seen.insert((self.done.clone(), state.clone())) {
            return Some(false);
        }
        self.budget = self.budget.checked_sub(1)?;
        for at in candidates {
            let operation = self.history[at];
            let answer = operation.answer.as_ref();
            let Some(next) = M::step(state, &operation.request, answer) else { continue };
            self.done.toggle(at);
            let explained = self.explain(&next, first);
            self.done.toggle(at);
            if explained != Some(false) {
                return explained;
            }
        }
        Some(false)
    }

    /// What can come next: whatever was called before the first end that is not explained yet. Those that
    /// end come first, since the others need not come at all. `None` when all that end are explained.
    fn candidates(&self, first: usize) -> Option<Vec<usize>> {
        let ended = |at: usize| self.history[at].ended.unwrap_or(u64::MAX);
        let mut bound = u64::MAX;
        let mut possible = Vec::new();
        for at in first..self.history.len() {
            if self.history[at].called >= bound {
                break;
            }
            if !self.done.has(at) {
                bound = bound.min(ended(at));
                possible.push(at);
            }
        }
        if bound == u64::MAX {
            return None;
        }
        possible.retain(|at| self.history[*at].called < bound);
        possible.sort_by_key(|at| ended(*at));
        Some(possible)
    }
}

#[cfg(test)]
mod tests;
