//! The state machine and the clients that come with the simulator: registers, registers with
//! compare-and-set, and lists that are appended to; and the check of what the clients have seen.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Time;
use super::chance::Chance;
use super::disk::SimDisk;
use super::machine::{OpId, StateMachine};
use super::plan::Plan;
use super::workload::{Request, Workload};
use super::world::World;
use crate::linearizability::{self, Model, Operation, Verdict};

mod unanswered;

/// Keys that hold lists of numbers. A register is a list of at most one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue(BTreeMap<u8, Vec<u64>>);

/// What a client can ask of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes it hold this alone.
    Put(u64),
    /// Makes it hold `new` alone, if it holds `old` alone (0: nothing).
    CompareAndSet {
        /// What it must hold.
        old: u64,
        /// What it shall hold.
        new: u64,
    },
    /// Adds to what it holds.
    Append(u64),
    /// Asks what it holds.
    Get,
}

/// What came of it: whether a compare-and-set was done (else true), and what the key holds then; of a
/// put, nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    done: bool,
    holds: Vec<u64>,
}

impl Command {
    fn encode(self, key: u8) -> Bytes {
        let mut out = BytesMut::with_capacity(18);
        out.put_u8(key);
        match self {
            Self::Put(value) => {
                out.put_u8(0);
                out.put_u64(value);
            }
            Self::CompareAndSet { old, new } => {
                out.put_u8(1);
                out.put_u64(old);
                out.put_u64(new);
            }
            Self::Append(value) => {
                out.put_u8(2);
                out.put_u64(value);
            }
            Self::Get => out.put_u8(3),
        }
        out.freeze()
    }

    fn decode(mut bytes: &[u8]) -> Option<(u8, Self)> {
        let (key, kind) = (bytes.try_get_u8().ok()?, bytes.try_get_u8().ok()?);
        let command = match kind {
            0 => Self::Put(bytes.try_get_u64().ok()?),
            1 => Self::CompareAndSet {
                old: bytes.try_get_u64().ok()?,
                new: bytes.try_get_u64().ok()?,
            },
            2 => Self::Append(bytes.try_get_u64().ok()?),
            3 => Self::Get,
            _ => return None,
        };
        Some((key, command))
    }

    fn apply(self, holds: &mut Vec<u64>) -> Answer {
        let mut done = true;
        match self {
            Self::Put(value) => *holds = vec![value],
            Self::CompareAndSet { old, new } => {
                done = match holds.as_slice() {
                    [] => old == 0,
                    [only] => *only == old,
                    _ => false,
                };
                if done {
                    *holds = vec![new];
                }
            }
            Self::Append(value) => holds.push(value),
            Self::Get => {}
        }
        let holds = match self {
            Self::Put(_) => Vec::new(),
            _ => holds.clone(),
        };
        Answer { done, holds }
    }
}

impl Answer {
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(1 + 8 * self.holds.len());
        out.put_u8(u8::from(self.done));
        self.holds.iter().for_each(|value| out.put_u64(*value));
        out.freeze()
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let done = bytes.try_get_u8().ok()? == 1;
        let holds = bytes.chunks_exact(8).map(|mut value| value.get_u64()).collect();
        Some(Self { done, holds })
    }
}

impl StateMachine for KeyValue {
    fn apply(&mut self, command: &[u8]) -> Bytes {
        match Command::decode(command) {
            Some((key, command)) => command.apply(self.0.entry(key).or_default()).encode(),
            None => Bytes::new(),
        }
    }

    fn query(&self, question: &[u8]) -> Bytes {
        let holds = Command::decode(question).and_then(|(key, _)| self.0.get(&key).cloned());
        Answer { done: true, holds: holds.unwrap_or_default() }.encode()
    }

    fn snapshot(&self) -> Bytes {
        let mut out = BytesMut::new();
        for (key, holds) in &self.0 {
            out.put_u8(*key);
            out.put_u32(holds.len() as u32);
            holds.iter().for_each(|value| out.put_u64(*value));
        }
        out.freeze()
    }

    fn restore(mut snapshot: &[u8]) -> Self {
        let mut keys = BTreeMap::new();
        while snapshot.has_remaining() {
            let (key, len) = (snapshot.get_u8(), snapshot.get_u32());
            keys.insert(key, (0..len).map(|_| snapshot.get_u64()).collect());
        }
        Self(keys)
    }
}

/// Of one key, to explain what clients have seen.
#[derive(Debug)]
pub struct OneKey;

impl Model for OneKey {
    type State = Vec<u64>;
    type Request = Command;
    type Answer = Answer;

    fn step(state: &Vec<u64>, request: &Command, answer: Option<&Answer>) -> Option<Vec<u64>> {
        let mut next = state.clone();
        let ours = request.apply(&mut next);
        answer.is_none_or(|answer| *answer == ours).then_some(next)
    }
}

/// Clients that put, compare and set, append and get, each value once. Every other one gets for most of
/// the time.
#[derive(Debug, Default)]
pub struct Clients {
    /// What a key may hold, as its client believes.
    believed: BTreeMap<u8, u64>,
    next_value: u64,
    /// Counts events, because several can share a moment of virtual time.
    moment: u64,
    out: BTreeMap<OpId, (u8, Operation<Command, Answer>)>,
    history: BTreeMap<u8, Vec<Operation<Command, Answer>>>,
}

/// The world of `plan` with these machines and clients, before its first event.
#[must_use]
pub fn world(plan: Plan) -> World<SimDisk, KeyValue, Clients> {
    World::new(plan, Clients::default())
}

/// Two of each kind.
const KEYS: u8 = 6;

impl Clients {
    fn moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// How many requests were made of each key.
    #[must_use]
    pub fn history(&self) -> &BTreeMap<u8, Vec<Operation<Command, Answer>>> {
        &self.history
    }
}

impl Workload for Clients {
    fn next(&mut self, client: u32, chance: &mut Chance) -> Request {
        let key = chance.below(u64::from(KEYS)) as u8;
        // In ten requests.
        let gets = if client % 2 == 1 { 9 } else { 2 };
        if chance.below(10) < gets {
            return Request::Read(Command::Get.encode(key));
        }
        self.next_value += 1;
        let value = self.next_value;
        let command = match key % 3 {
            0 => Command::Put(value),
            1 => {
                let old = self.believed.get(&key).copied().unwrap_or(0);
                Command::CompareAndSet { old, new: value }
            }
            _ => Command::Append(value),
        };
        Request::Write(command.encode(key))
    }

    fn asked(&mut self, op: OpId, request: &Request, _: Time) {
        let called = self.moment();
        let (Request::Write(bytes) | Request::Read(bytes)) = request;
        if let Some((key, request)) = Command::decode(bytes) {
            self.out.insert(op, (key, Operation { called, ended: None, request, answer: None }));
        }
    }

    fn answered(&mut self, op: OpId, answer: &[u8], _: Time) {
        let now = self.moment();
        let Some((key, mut operation)) = self.out.remove(&op) else { return };
        if let Some(answer) = Answer::decode(answer) {
            if let Some(last) = answer.holds.last() {
                self.believed.insert(key, *last);
            }
            (operation.ended, operation.answer) = (Some(now), Some(answer));
        }
        self.history.entry(key).or_default().push(operation);
    }

    fn gave_up(&mut self, op: OpId, _: Time) {
        // A read that was not answered tells nothing.
        match self.out.remove(&op) {
            Some((key, operation)) if operation.request != Command::Get => {
                self.history.entry(key).or_default().push(operation);
            }
            _ => {}
        }
    }

    fn closing_questions(&self) -> Vec<Bytes> {
        (0..KEYS).map(|key| Command::Get.encode(key)).collect()
    }

    fn check(&self) -> Result<(), String> {
        for (key, history) in &self.history {
            let mut history = unanswered::resolve(history);
            let said = match linearizability::check::<OneKey>(&history) {
                Verdict::Linearizable => continue,
                Verdict::NotLinearizable => "is not linearizable",
                // What is not known to be right counts as wrong, or it would hide.
                Verdict::Undecided => "takes too long to explain",
            };
            history.sort_by_key(|operation| operation.called);
            return Err(format!("the history of key {key} {said}: {history:#?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_answers_and_snapshots_read_back() {
        let mut machine = KeyValue::default();
        for command in [
            Command::Put(1),
            Command::CompareAndSet { old: 1, new: 2 },
            Command::CompareAndSet { old: 1, new: 3 },
            Command::Append(4),
            Command::Get,
        ] {
            assert_eq!(Command::decode(&command.encode(7)), Some((7, command)));
            machine.apply(&command.encode(7));
        }
        assert_eq!(machine.0, BTreeMap::from([(7, vec![2, 4])]));
        assert_eq!(KeyValue::restore(&machine.snapshot()), machine);
        let answer = Answer::decode(&machine.query(&Command::Get.encode(7)));
        assert_eq!(answer, Some(Answer { done: true, holds: vec![2, 4] }));
        assert_eq!(machine.apply(b"?"), Bytes::new());
    }

    #[test]
    fn clients_notice_a_write_that_was_lost() {
        let op = |seq| OpId { client: 0, seq };
        let get = || Request::Read(Command::Get.encode(2));
        let append = Request::Write(Command::Append(1).encode(2));
        let see = |holds: &[u64]| Answer { done: true, holds: holds.to_vec() }.encode();
        let run = |last: &[u64]| {
            let mut clients = Clients::default();
            clients.asked(op(1), &append, 0);
            clients.answered(op(1), &see(&[1]), 1);
            clients.asked(op(2), &get(), 2);
            clients.answered(op(2), &see(last), 3);
            clients.check()
        };
        assert_eq!(run(&[1]), Ok(()));
        assert!(run(&[]).is_err());
    }
}
