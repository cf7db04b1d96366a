//! Clients, and the requests that they have out.

use super::{
    Bytes, Fact, Happening, Input, OpId, Process, Request, SimStorage, StateMachine, Violation,
    Waiting, What, Workload, World, fold,
};

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    pub(super) fn ask(&mut self, client: u32) -> Result<(), Violation> {
        if self.liveness.clients_are_done() || self.clients[client as usize].waiting.is_some() {
            return Ok(());
        }
        let request = self.workload.next(client, &mut self.chance);
        self.ask_for(client, request, false)
    }

    /// Has `client` ask for something now.
    pub(in crate::sim) fn ask_for(
        &mut self,
        client: u32,
        request: Request,
        closing: bool,
    ) -> Result<(), Violation> {
        let now = self.board.now;
        let state = &mut self.clients[client as usize];
        state.seq += 1;
        let op = OpId { client, seq: state.seq };
        self.workload.asked(op, &request, now);
        if matches!(request, Request::Read(_)) {
            self.tell(0, &Fact::ReadAsked { op })?;
        }
        let deadline = now + self.plan.clients.patience;
        self.clients[client as usize].waiting =
            Some(Waiting { op, request, node: 0, incarnation: 0, deadline, closing });
        self.push(deadline, Happening::GiveUp { client, seq: op.seq });
        self.submit(client)
    }

    pub(super) fn retry(&mut self, client: u32, seq: u32) -> Result<(), Violation> {
        match &self.clients[client as usize].waiting {
            Some(waiting) if waiting.op.seq == seq => self.submit(client),
            _ => Ok(()),
        }
    }

    /// Sends a client's request to a node: to the leader that it knows of, or to anybody.
    pub(super) fn submit(&mut self, client: u32) -> Result<(), Violation> {
        let up: Vec<u64> = self.running().map(|process| process.id).collect();
        // Every other client stays with the leader that it knows, also when others follow another by now.
        let known = self.clients[client as usize].leader;
        let stays = client % 2 == 1 && self.process(known).is_some_and(Process::leads);
        let leader = if stays { Some(known) } else { self.leader() };
        let leader = leader.filter(|_| !self.chance.one_in(5));
        let Some(node) = leader.or_else(|| self.chance.pick(&up).copied()) else {
            self.try_again(client);
            return Ok(());
        };
        self.clients[client as usize].leader = leader.unwrap_or(known);
        let incarnation = self.host(node).incarnation;
        let now = self.board.now;
        let Some(waiting) = &mut self.clients[client as usize].waiting else { return Ok(()) };
        (waiting.node, waiting.incarnation) = (node, incarnation);
        let (op, request) = (waiting.op, waiting.request.clone());
        self.recorder.record(now, || What::Asked {
            client: u64::from(client),
            op: u64::from(op.seq),
            node,
            text: format!("{request:?}"),
        });
        self.give(node, Input::Request(op, request))
    }

    pub(super) fn try_again(&mut self, client: u32) {
        let Some(waiting) = &self.clients[client as usize].waiting else { return };
        let (seq, deadline) = (waiting.op.seq, waiting.deadline);
        let after = self.chance.within(crate::sim::TICK / 2..crate::sim::TICK * 2);
        if self.board.now + after < deadline {
            self.push_after(after, Happening::Retry { client, seq });
        }
    }

    /// The client that waits for `op` at `node`, if it still does.
    pub(super) fn waiter(&self, node: u64, op: OpId) -> Option<&Waiting> {
        let waiting = self.clients.get(op.client as usize)?.waiting.as_ref()?;
        let incarnation = self.nodes.get(&node)?.incarnation;
        let same = waiting.op == op && waiting.node == node && waiting.incarnation == incarnation;
        same.then_some(waiting)
    }

    pub(super) fn answer(&mut self, node: u64, op: OpId, answer: &Bytes) {
        let Some(waiting) = self.waiter(node, op) else { return };
        let closing = waiting.closing;
        let now = self.board.now;
        self.tally.answered += 1;
        self.mix(fold(u64::from(op.seq) << 8 ^ u64::from(op.client), answer));
        self.recorder.record(now, || What::Answered {
            client: u64::from(op.client),
            op: u64::from(op.seq),
            text: format!("{answer:?}"),
        });
        self.workload.answered(op, answer, now);
        self.clients[op.client as usize].waiting = None;
        if closing {
            self.liveness.answered();
        }
        self.think(op.client);
    }

    /// The node says that it will not answer, and that nothing has happened: another may.
    pub(super) fn refuse(&mut self, node: u64, op: OpId) {
        if self.waiter(node, op).is_some() {
            self.try_again(op.client);
        }
    }

    pub(super) fn give_up(&mut self, client: u32, seq: u32) {
        let state = &mut self.clients[client as usize];
        let Some(waiting) = state.waiting.take_if(|waiting| waiting.op.seq == seq) else { return };
        let now = self.board.now;
        self.tally.gave_up += 1;
        self.recorder.record(now, || What::Answered {
            client: u64::from(client),
            op: u64::from(seq),
            text: "no answer".into(),
        });
        self.workload.gave_up(waiting.op, now);
        self.think(client);
    }

    pub(super) fn think(&mut self, client: u32) {
        if !self.liveness.clients_are_done() {
            let after = self.chance.around(self.plan.clients.think);
            self.push_after(after, Happening::Ask { client });
        }
    }

    /// Whether a client waits for an answer.
    pub(in crate::sim) fn is_waiting(&self, client: u32) -> bool {
        self.clients[client as usize].waiting.is_some()
    }
}
