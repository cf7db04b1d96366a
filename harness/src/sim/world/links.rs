//! Messages on their way.

use super::{
    Fact, Fate, Happening, Input, Message, MessageType, REPORT, Seen, SimStorage, SnapshotStatus,
    StateMachine, Time, Violation, Wake, What, Workload, World, digest,
};

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    pub(super) fn send(&mut self, id: u64, message: Message) -> Result<(), Violation> {
        self.tell(id, &Fact::Sent { message: &message })?;
        self.next_message += 1;
        let (now, name) = (self.board.now, self.next_message);
        self.recorder.record(now, || What::Sent {
            id: name,
            from: message.from,
            to: message.to,
            kind: message.kind().map(|kind| kind.to_string()).unwrap_or_default(),
            term: message.term,
            text: raft_core::describe::message(&message).to_string(),
        });
        self.mix(digest::of_message(&message));
        let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
        match self.network.send(now, id, &message, &mut self.coverage) {
            Fate::Lost(seen) => {
                let why = seen.text();
                self.recorder.record(now, || What::Lost { id: name, why: why.into() });
                self.report_lost(&message, is_snapshot);
            }
            Fate::Once(at) => {
                let message = Box::new(message);
                self.push(at, Happening::Deliver { message, sender: id, name, sent: now });
            }
            Fate::Twice(first, second) => {
                let message = Box::new(message);
                let copy = message.clone();
                self.push(first, Happening::Deliver { message, sender: id, name, sent: now });
                self.push(
                    second,
                    Happening::Deliver { message: copy, sender: id, name, sent: now },
                );
            }
        }
        Ok(())
    }

    /// The transport tells the sender what it knows.
    pub(super) fn report_lost(&mut self, message: &Message, is_snapshot: bool) {
        if is_snapshot {
            self.report_snapshot(message, SnapshotStatus::Failure);
        }
    }

    pub(super) fn report_snapshot(&mut self, message: &Message, status: SnapshotStatus) {
        let node = message.from;
        let incarnation = self.host(node).incarnation;
        let what = Wake::SnapshotReport { peer: message.to, status };
        self.push_after(REPORT, Happening::Wake { node, incarnation, what });
    }

    pub(super) fn deliver(
        &mut self,
        message: Message,
        sender: u64,
        name: u64,
        sent: Time,
    ) -> Result<(), Violation> {
        let now = self.board.now;
        let to = message.to;
        let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
        let lost = if !self.network.arrive(sender, to, name, &mut self.coverage) {
            Some(Seen::MessageCut.text())
        } else if self.process(to).is_none() {
            self.coverage.note(Seen::MessageToNobody);
            Some(Seen::MessageToNobody.text())
        } else if self
            .healed_at
            .is_some_and(|healed| sent < healed && now > healed + crate::sim::TICK)
        {
            // It was held up for too long; the connection that it was on is gone.
            Some("stale")
        } else {
            None
        };
        if let Some(why) = lost {
            self.recorder.record(now, || What::Lost { id: name, why: why.into() });
            self.report_lost(&message, is_snapshot);
            return Ok(());
        }
        if is_snapshot {
            self.report_snapshot(&message, SnapshotStatus::Finish);
        }
        self.recorder.record(now, || What::Delivered { id: name });
        self.give(to, Input::Message(message))
    }

    /// Answers whether any link goes down that was up.
    pub(in crate::sim) fn cut(&mut self, cuts: Vec<(u64, u64)>, lasts: Time, seen: Seen) -> bool {
        let (now, mut any) = (self.board.now, false);
        for &(from, to) in &cuts {
            if self.network.cut(from, to) {
                any = true;
                self.recorder.record(now, || What::LinkDown { from, to });
            }
        }
        if !cuts.is_empty() {
            self.push_after(lasts, Happening::Mend { cuts });
        }
        if any {
            self.coverage.note(seen);
        }
        any
    }

    pub(super) fn mend(&mut self, from: u64, to: u64) {
        let now = self.board.now;
        if self.network.mend(from, to) {
            self.recorder.record(now, || What::LinkUp { from, to });
        }
    }
}
