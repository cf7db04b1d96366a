//! What clients ask for: proposals and reads.

use super::{
    Bytes, Core, Effect, OpId, Process, ProposeError, Proposed, ReadIndex, Seen, SimStorage,
    StateMachine, Wake,
};

impl<S: SimStorage, M: StateMachine> Process<S, M> {
    /// A client asks for `command`.
    pub(in crate::sim) fn propose(&mut self, op: OpId, command: &[u8], out: &mut Vec<Effect>) {
        self.gathered.push((op, op.envelope(command)));
        match self.plan.batch_time {
            0 => self.propose_gathered(out),
            after if self.gathered.len() == 1 => {
                out.push(Effect::Wake { after, what: Wake::Propose });
            }
            _ => {}
        }
    }

    /// Proposes an entry that is nobody's request. Answers its index; `None` when it was not appended.
    pub(in crate::sim) fn propose_probe(&mut self) -> Option<u64> {
        let probe = Bytes::from_static(b"probe");
        match with_node!(&mut self.core, node => node.propose(probe)) {
            Ok(Proposed::Appended { last_index, .. }) => Some(last_index),
            _ => None,
        }
    }

    pub(in crate::sim) fn propose_gathered(&mut self, out: &mut Vec<Effect>) {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() {
            return;
        }
        if gathered.len() > 1 {
            out.push(Effect::Saw(Seen::BatchProposed));
        }
        let data = gathered.iter().map(|(_, data)| data.clone());
        match with_node!(&mut self.core, node => node.propose_batch(data)) {
            Ok(Proposed::Forwarded { .. }) => out.push(Effect::Saw(Seen::ProposalForwarded)),
            Ok(_) => {}
            Err(error) => {
                out.push(Effect::Saw(Seen::ProposalDropped));
                if !matches!(error, ProposeError::Dropped(_)) {
                    out.push(Effect::Died(error.to_string()));
                }
                out.extend(gathered.into_iter().map(|(op, _)| Effect::Refused(op)));
            }
        }
    }

    /// A client asks a question.
    pub(in crate::sim) fn read(&mut self, op: OpId, question: Bytes, out: &mut Vec<Effect>) {
        let lease = self.plan.lease_reads;
        self.next_read += 1;
        let context = OpId { client: self.incarnation, seq: self.next_read }.encode();
        match with_node!(&mut self.core, node => node.read_index(context.clone())) {
            Ok(ReadIndex::Dropped(_)) => out.push(Effect::Refused(op)),
            Ok(read) => {
                if lease && matches!(read, ReadIndex::Answered { .. }) {
                    out.push(Effect::Saw(Seen::LeaseRead));
                }
                self.asked.push((context, op, question));
            }
            Err(error) => out.push(Effect::Died(error.to_string())),
        }
    }

    pub(super) fn take_reads(
        &mut self,
        states: &[raft_core::ReadState],
        lost: &[Bytes],
        out: &mut Vec<Effect>,
    ) {
        let take = |asked: &mut Vec<(Bytes, OpId, Bytes)>, context: &Bytes| {
            // An answer can come twice, as any message.
            let at = asked.iter().position(|(known, ..)| known == context)?;
            Some(asked.swap_remove(at))
        };
        for context in lost {
            let Some((_, op, _)) = take(&mut self.asked, context) else { continue };
            out.push(Effect::Saw(Seen::ReadLost));
            out.push(Effect::Refused(op));
        }
        for state in states {
            let Some((_, op, question)) = take(&mut self.asked, &state.request_ctx) else {
                continue;
            };
            if !self.plan.lease_reads {
                out.push(Effect::Saw(Seen::SafeRead));
            }
            out.push(Effect::ReadState { op, index: state.index });
            self.confirmed.push((state.index, op, question));
        }
        self.serve_reads(out);
    }

    pub(super) fn serve_reads(&mut self, out: &mut Vec<Effect>) {
        let (applied, early) = (self.applied, self.fault.reads_too_early());
        let machine = &self.machine.machine;
        self.confirmed.retain(|(index, op, question)| {
            if *index > applied && !early {
                return true;
            }
            out.push(Effect::Answer { op: *op, answer: machine.query(question) });
            false
        });
    }
}
