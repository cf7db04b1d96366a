//! What a history tells of the writes that nobody has answered.
//!
//! Each value is written once, so that an answer which shows a value proves that its write has taken
//! effect before, and a value that no answer ever shows may as well never have been written. Every
//! operation that is left has an end, and few are open at any moment: the search stays short.

use std::collections::BTreeMap;

use super::{Answer, Command, Operation};

type Op = Operation<Command, Answer>;

/// `history` with an end for each write that had an effect, and without those whose effect nobody saw.
pub(super) fn resolve(history: &[Op]) -> Vec<Op> {
    let shown = first_shown(history);
    let resolve = |op: &Op| {
        let ended = match op.answer {
            Some(_) => op.ended,
            None => Some(*shown.get(&written(op.request)?)?),
        };
        Some(Op { ended, ..op.clone() })
    };
    history.iter().filter_map(resolve).collect()
}

/// The first moment by which each value is known to have been written.
fn first_shown(history: &[Op]) -> BTreeMap<u64, u64> {
    let mut shown = BTreeMap::new();
    for op in history {
        let (Some(ended), Some(answer)) = (op.ended, &op.answer) else { continue };
        for value in &answer.holds {
            note(&mut shown, *value, ended);
        }
    }
    // Whoever has replaced a value has met it.
    let mut unanswered: Vec<_> = history.iter().filter(|op| op.answer.is_none()).collect();
    while let Some(at) = unanswered
        .iter()
        .position(|op| written(op.request).is_some_and(|value| shown.contains_key(&value)))
    {
        let op = unanswered.swap_remove(at);
        if let Command::CompareAndSet { old, new } = op.request {
            let ended = shown[&new];
            note(&mut shown, old, ended);
        }
    }
    shown
}

fn note(shown: &mut BTreeMap<u64, u64>, value: u64, at: u64) {
    let first = shown.entry(value).or_insert(at);
    *first = at.min(*first);
}

fn written(command: Command) -> Option<u64> {
    match command {
        Command::Put(value)
        | Command::Append(value)
        | Command::CompareAndSet { new: value, .. } => Some(value),
        Command::Get => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::OneKey;
    use super::*;
    use crate::linearizability::{Verdict, check};

    fn write(request: Command, called: u64) -> Op {
        Operation { called, ended: None, request, answer: None }
    }

    fn read(holds: &[u64], called: u64) -> Op {
        let answer = Some(Answer { done: true, holds: holds.to_vec() });
        Operation { called, ended: Some(called + 1), request: Command::Get, answer }
    }

    #[test]
    fn a_write_ends_when_it_is_seen_and_is_left_out_when_it_never_is() {
        let history = [
            write(Command::Append(1), 0),
            write(Command::Append(2), 1),
            read(&[2], 10),
            read(&[2], 20),
        ];
        let resolved = resolve(&history);
        let ends: Vec<_> = resolved.iter().map(|op| (op.request, op.ended)).collect();
        let get = |ended| (Command::Get, Some(ended));
        assert_eq!(ends, [(Command::Append(2), Some(11)), get(11), get(21)]);
    }

    #[test]
    fn who_replaces_a_value_has_met_it() {
        let swap = |old, new| Command::CompareAndSet { old, new };
        let history = [
            write(swap(0, 1), 0),
            write(swap(1, 2), 1),
            write(swap(1, 3), 2),
            write(swap(3, 4), 3),
            read(&[2], 10),
        ];
        let kept: Vec<_> = resolve(&history).iter().map(|op| op.request).collect();
        assert_eq!(kept, [swap(0, 1), swap(1, 2), Command::Get]);
    }

    #[test]
    fn the_verdict_is_that_of_the_whole_history() {
        let lost = [write(Command::Put(1), 0), read(&[1], 2), read(&[], 4)];
        let early = [read(&[1], 0), write(Command::Put(1), 2)];
        let late = [write(Command::Put(1), 0), read(&[], 2), read(&[1], 4)];
        for (history, verdict) in [
            (&lost[..], Verdict::NotLinearizable),
            (&early, Verdict::NotLinearizable),
            (&late, Verdict::Linearizable),
        ] {
            assert_eq!(check::<OneKey>(history), verdict);
            assert_eq!(check::<OneKey>(&resolve(history)), verdict);
        }
    }

    #[test]
    fn many_writes_without_an_answer_leave_a_short_search() {
        let mut history: Vec<_> = (0..300).map(|n| write(Command::Put(n + 1), n)).collect();
        history.extend((0..300).map(|n| read(&[n * 7 % 300 + 1], 1000 + 2 * n)));
        assert_eq!(check::<OneKey>(&resolve(&history)), Verdict::Linearizable);
    }
}
