//! The replicated state machine: the user's, and what the cluster wraps around it.

use std::collections::BTreeMap;
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::chance::fold;

/// A replicated state machine, as the simulated cluster drives it: the same commands in the same order
/// must give the same answers on every node.
///
/// A command may reach the log more than once; the cluster sees to it that the machine gets it once.
pub trait StateMachine: Default {
    /// Applies a committed command. The answer goes to the client who asked, if it still waits.
    fn apply(&mut self, command: &[u8]) -> Bytes;

    /// Answers a question without changing anything.
    fn query(&self, question: &[u8]) -> Bytes;

    /// The whole state, from which [`restore`](Self::restore) makes an equal machine.
    fn snapshot(&self) -> Bytes;

    /// The machine whose [`snapshot`](Self::snapshot) this is.
    fn restore(snapshot: &[u8]) -> Self;
}

/// Names a request: the `seq`th of `client`. Clients are counted from 0, requests from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// The client.
    pub client: u32,
    /// The client's requests are numbered in the order in which it makes them.
    pub seq: u32,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.client, self.seq)
    }
}

impl OpId {
    const LEN: usize = 8;

    /// The op's id as a read's context.
    pub(super) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::LEN);
        out.put_u32(self.client);
        out.put_u32(self.seq);
        out.freeze()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::LEN).then(|| Self { client: bytes.get_u32(), seq: bytes.get_u32() })
    }

    /// The entry's data that asks for `command`.
    pub(super) fn envelope(self, command: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::LEN + command.len());
        out.put_u32(self.client);
        out.put_u32(self.seq);
        out.put_slice(command);
        out.freeze()
    }

    fn open(data: &[u8]) -> Option<(Self, &[u8])> {
        let (id, command) = data.split_at_checked(Self::LEN)?;
        Some((Self::decode(id)?, command))
    }
}

/// The user's machine, with the last request of each client, so that a request that is in the log twice
/// is applied once, and with a fingerprint of all that was ever applied.
#[derive(Debug, Default)]
pub(super) struct Sessions<M> {
    pub(super) machine: M,
    last_seq: BTreeMap<u32, u32>,
    /// Equal on two nodes that have applied the same entries.
    pub(super) fingerprint: u64,
}

impl<M: StateMachine> Sessions<M> {
    /// Applies the data of an entry. The answer is to the request that it was; `None` when it was
    /// none, or was applied before.
    pub(super) fn apply(&mut self, index: u64, data: &[u8]) -> Option<(OpId, Bytes)> {
        self.fingerprint = fold(self.fingerprint ^ index, data);
        let (id, command) = OpId::open(data)?;
        let last = self.last_seq.entry(id.client).or_default();
        // A client goes on when it has given up on a request: what overtakes it makes it void.
        if id.seq <= *last {
            return None;
        }
        *last = id.seq;
        Some((id, self.machine.apply(command)))
    }

    pub(super) fn snapshot(&self) -> Bytes {
        let machine = self.machine.snapshot();
        let mut out = BytesMut::with_capacity(16 + 8 * self.last_seq.len() + machine.len());
        out.put_u64(self.fingerprint);
        out.put_u32(self.last_seq.len() as u32);
        for (client, seq) in &self.last_seq {
            out.put_u32(*client);
            out.put_u32(*seq);
        }
        out.put_slice(&machine);
        out.freeze()
    }

    /// The state whose snapshot this is; the first state when it is empty.
    pub(super) fn restore(mut snapshot: &[u8]) -> Self {
        if snapshot.is_empty() {
            return Self::default();
        }
        let fingerprint = snapshot.get_u64();
        let clients = snapshot.get_u32();
        let last_seq = (0..clients).map(|_| (snapshot.get_u32(), snapshot.get_u32())).collect();
        Self { machine: M::restore(snapshot), last_seq, fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Tape(Vec<u8>);

    impl StateMachine for Tape {
        fn apply(&mut self, command: &[u8]) -> Bytes {
            self.0.extend_from_slice(command);
            Bytes::copy_from_slice(&self.0)
        }
        fn query(&self, _: &[u8]) -> Bytes {
            Bytes::copy_from_slice(&self.0)
        }
        fn snapshot(&self) -> Bytes {
            Bytes::copy_from_slice(&self.0)
        }
        fn restore(snapshot: &[u8]) -> Self {
            Self(snapshot.to_vec())
        }
    }

    fn id(client: u32, seq: u32) -> OpId {
        OpId { client, seq }
    }

    #[test]
    fn a_request_that_is_in_the_log_twice_is_applied_once() {
        let mut machine = Sessions::<Tape>::default();
        assert_eq!(machine.apply(1, &id(1, 1).envelope(b"a")), Some((id(1, 1), "a".into())));
        assert_eq!(machine.apply(2, &id(1, 1).envelope(b"a")), None);
        assert_eq!(machine.apply(3, &id(1, 3).envelope(b"b")), Some((id(1, 3), "ab".into())));
        // Its client has given up on it.
        assert_eq!(machine.apply(4, &id(1, 2).envelope(b"x")), None);
        assert_eq!(machine.apply(5, b""), None);
        assert_eq!(machine.machine.0, b"ab");
    }

    #[test]
    fn a_restored_machine_goes_on_as_the_first_would() {
        let mut machine = Sessions::<Tape>::default();
        machine.apply(1, &id(1, 4).envelope(b"a"));
        let mut restored = Sessions::<Tape>::restore(&machine.snapshot());
        for m in [&mut machine, &mut restored] {
            assert_eq!(m.apply(2, &id(1, 4).envelope(b"a")), None);
            assert_eq!(m.apply(3, &id(2, 1).envelope(b"b")), Some((id(2, 1), "ab".into())));
        }
        assert_eq!(machine.fingerprint, restored.fingerprint);
        assert_eq!(Sessions::<Tape>::restore(b"").fingerprint, 0);
    }
}
