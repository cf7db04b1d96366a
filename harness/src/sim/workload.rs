//! What the clients of a cluster ask for, and whether the answers make sense.

use bytes::Bytes;

use super::Time;
use super::chance::Chance;
use super::machine::OpId;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A command for the state machine.
    Write(Bytes),
    /// A question to it, which must see all that was committed before it was asked.
    Read(Bytes),
}

/// The clients of a cluster. Each has one request out at a time.
///
/// Times are virtual and never fall; of two calls with the same time the earlier one came first.
pub trait Workload {
    /// What `client` asks next.
    fn next(&mut self, client: u32, chance: &mut Chance) -> Request;

    /// The request goes out. It may have an effect from now on.
    fn asked(&mut self, _op: OpId, _request: &Request, _at: Time) {}

    /// The answer has come.
    fn answered(&mut self, op: OpId, answer: &[u8], at: Time);

    /// The client has stopped waiting. The request may have an effect now, later, or never.
    fn gave_up(&mut self, _op: OpId, _at: Time) {}

    /// Questions whose answers show that nothing acknowledged was lost. They are asked when the cluster
    /// has healed and no client writes any more. None, if this is not given.
    fn closing_questions(&self) -> Vec<Bytes> {
        Vec::new()
    }

    /// Whether all that was answered can be explained.
    fn check(&self) -> Result<(), String>;
}
