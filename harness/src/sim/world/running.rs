//! What happens to a running process, and what comes of it.

use super::{
    Checker, DIGEST_EVERY, Effect, EntryId, EntryType, Fact, Happening, Input, Judged, Message,
    NodeTimer, Process, Request, Scene, Seen, Shown, SimStorage, SnapshotStatus, State,
    StateMachine, StepError, Violation, Wake, What, Workload, World, rule,
};

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    pub(super) fn give(&mut self, id: u64, input: Input) -> Result<(), Violation> {
        let host = self.host(id);
        if host.paused {
            host.inbox.push(input);
            return Ok(());
        }
        match input {
            Input::Wake(what) => {
                if let Wake::SnapshotReport { peer, status: SnapshotStatus::Failure } = what {
                    self.tell(id, &Fact::SnapshotLost { peer })?;
                }
                self.with_process(id, |process, out| process.wake(what, out))
            }
            Input::Message(message) => self.step(id, message),
            Input::Request(op, Request::Write(command)) => {
                self.with_process(id, |process, out| process.propose(op, &command, out))
            }
            Input::Request(op, Request::Read(question)) => {
                self.with_process(id, |process, out| process.read(op, question, out))
            }
        }
    }

    /// Gives the process the ticks it is owed, does something to it, and then the work that comes of
    /// it.
    pub(in crate::sim) fn with_process(
        &mut self,
        id: u64,
        act: impl FnOnce(&mut Process<S, M>, &mut Vec<Effect>),
    ) -> Result<(), Violation> {
        self.give_ticks(id);
        let Some(process) = self.process_mut(id) else { return Ok(()) };
        let mut effects = Vec::new();
        act(process, &mut effects);
        self.mix(id << 32 | self.board.now & 0xffff_ffff);
        self.carry_out(id, effects)?;
        self.settle(id)
    }

    /// Gives the process the ticks that it is owed.
    fn give_ticks(&mut self, id: u64) {
        let (now, tick) = (self.board.now, self.plan.node(id).tick);
        let Some(host) = self.nodes.get_mut(&id) else { return };
        let State::Up(process) = &mut host.state else { return };
        let owed = (now - host.ticked_until) / tick;
        if owed == 0 {
            return;
        }
        host.ticked_until += owed * tick;
        if tick != crate::sim::TICK {
            self.coverage.note(Seen::ClockDrifts);
        }
        if owed > 3 {
            self.coverage.note(Seen::Slept);
        }
        process.tick_by(owed as u32);
        *self.board.ticks.entry(id).or_default() += owed;
    }

    /// Does the process's work until it waits for something, then looks at it.
    pub(super) fn settle(&mut self, id: u64) -> Result<(), Violation> {
        loop {
            let Some(process) = self.process_mut(id) else { return Ok(()) };
            let mut effects = Vec::new();
            let more = process.work(&mut effects);
            self.carry_out(id, effects)?;
            if !more {
                break;
            }
        }
        self.note_watch(id)?;
        self.look(id)?;
        self.set_timer(id);
        Ok(())
    }

    pub(super) fn set_timer(&mut self, id: u64) {
        let NodeTimer { tick, sleepy } = self.node_timer(id);
        let Some(process) = self.process(id) else { return };
        let ticks = match sleepy {
            true => process.ticks_until_timeout().map_or(u64::MAX, u64::from),
            false => 1,
        };
        let host = self.host(id);
        let at = host.ticked_until.saturating_add(tick.saturating_mul(ticks));
        if host.timer_at != at && at != u64::MAX {
            host.timer_at = at;
            let incarnation = host.incarnation;
            self.push(at, Happening::Timer { node: id, incarnation, at });
        }
    }

    pub(super) fn node_timer(&self, id: u64) -> NodeTimer {
        let plan = self.plan.node(id);
        NodeTimer { tick: plan.tick, sleepy: plan.sleepy }
    }

    pub(super) fn step(&mut self, id: u64, message: Message) -> Result<(), Violation> {
        self.give_ticks(id);
        self.tell(id, &Fact::Received { message: &message })?;
        let mut stepped = Ok(());
        self.with_process(id, |process, out| {
            stepped = process.step(message);
            if let Err(StepError::Poisoned(error)) = &stepped {
                out.push(Effect::Died(error.to_string()));
            }
        })?;
        match stepped {
            Ok(()) => {
                self.note_sound(rule::HONEST);
                Ok(())
            }
            // Routine: a peer that was removed, or a proposal that found nobody to take it.
            Err(StepError::PeerNotFound { .. } | StepError::Dropped(_)) => {
                self.coverage.note(Seen::MessageRefused);
                Ok(())
            }
            Err(StepError::Poisoned(_)) => Ok(()),
            Err(error) => Err(self.violation(id, rule::HONEST, error.to_string())),
        }
    }

    pub(super) fn carry_out(&mut self, id: u64, effects: Vec<Effect>) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.send(id, message)?,
                Effect::Handed(entries) => {
                    for entry in entries.iter().filter(|e| e.kind() != Ok(EntryType::Normal)) {
                        self.board.conf_changes.insert(EntryId::of(entry));
                        self.operator.note_change(entry);
                    }
                    self.tell(id, &Fact::Handed { entries: &entries })?;
                }
                Effect::Queued(entries) => self.tell(id, &Fact::Queued { entries: &entries })?,
                Effect::HandedSnapshot(at) => self.tell(id, &Fact::HandedSnapshot { at })?,
                Effect::Wrote(write) => {
                    self.board.disks.entry(id).or_default().unsynced.push(write);
                }
                Effect::Synced => self.board.disks.entry(id).or_default().sync(),
                Effect::Compacted(index) => {
                    self.board.disks.entry(id).or_default().durable.compact(index);
                }
                Effect::Applied { entry, fingerprint } => {
                    self.coverage.note(Seen::Applied);
                    let entry = EntryId::of(&entry);
                    self.tell(id, &Fact::Applied { entry, fingerprint })?;
                }
                Effect::Configured { index, before, after } => {
                    self.note_configured(id, &before, &after);
                    let fact = Fact::Configured { index, before: &before, after: &after };
                    self.tell(id, &fact)?;
                }
                Effect::Installed { at, conf_state, fingerprint } => {
                    let fact = Fact::Installed { at, conf_state: &conf_state, fingerprint };
                    self.tell(id, &fact)?;
                }
                Effect::Answer { op, answer } => self.answer(id, op, &answer),
                Effect::ReadState { op, index } => {
                    self.tell(id, &Fact::ReadAnswered { op, index })?;
                }
                Effect::Refused(op) => self.refuse(id, op),
                Effect::Wake { after, what } => {
                    let incarnation = self.host(id).incarnation;
                    self.push_after(after, Happening::Wake { node: id, incarnation, what });
                }
                Effect::Saw(seen) => self.coverage.note(seen),
                Effect::Died(why) => {
                    self.crash(id, &why)?;
                    let after = self.chance.within(crate::sim::TICK..2 * crate::sim::SECOND);
                    self.start_after(id, after);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(super) fn note_configured(
        &mut self,
        id: u64,
        before: &raft_core::tracker::Configuration,
        after: &raft_core::tracker::Configuration,
    ) {
        match (before.voters.is_joint(), after.voters.is_joint()) {
            (false, true) => self.coverage.note(Seen::JointEntered),
            (true, false) => self.coverage.note(Seen::JointLeft),
            _ => {}
        }
        if before.learners.iter().any(|learner| after.voters.incoming.0.contains(learner)) {
            self.coverage.note(Seen::LearnerPromoted);
        }
        let now = self.board.now;
        self.recorder.record(now, || What::Configured { node: id, config: after.to_string() });
        self.operator.note_configuration(after);
    }

    pub(super) fn note_watch(&mut self, id: u64) -> Result<(), Violation> {
        let Some(process) = self.process_mut(id) else { return Ok(()) };
        let watch = process.take_watch();
        for seen in watch.seen {
            self.coverage.note(seen);
        }
        for request in watch.granted {
            self.tell(id, &Fact::Voted { request })?;
        }
        if watch.hands_over {
            self.tell(id, &Fact::HandsOver)?;
        }
        if !watch.led.is_empty() && self.has_mixed_flags(id) {
            self.coverage.note(Seen::MixedFlags);
        }
        for term in watch.led {
            self.mix(term);
            self.tell(id, &Fact::Led { term })?;
        }
        Ok(())
    }

    /// Whether the voters whom node `id` knows of are set up differently.
    fn has_mixed_flags(&self, id: u64) -> bool {
        let Some(process) = self.process(id) else { return false };
        let voters = process.glance().configuration().voters.ids();
        let flags = |id: u64| {
            let node = self.plan.node(id);
            (node.pre_vote, node.check_quorum)
        };
        voters.iter().any(|voter| flags(voter) != flags(id))
    }

    /// Looks at a node after an event.
    pub(super) fn look(&mut self, id: u64) -> Result<(), Violation> {
        let Some(process) = self.process(id) else { return Ok(()) };
        let status = process.status();
        let commit = status.hard_state.commit;
        let digest = match self.tally.events % DIGEST_EVERY {
            0 => process.digest(),
            _ => status.hard_state.term << 40 ^ commit << 20 ^ status.applied,
        };
        let applied = process.applied();
        let shown = Shown {
            role: Some(status.soft_state.role),
            term: status.hard_state.term,
            leader: status.soft_state.leader_id,
            commit,
            applied,
        };
        self.mix(digest);
        self.show(id, shown);
        if commit > self.board.max_committed {
            let from = self.board.max_committed + 1;
            let Some(process) = self.process(id) else { return Ok(()) };
            let terms: Vec<_> = (from..=commit)
                .filter_map(|index| Some((index, process.glance().term_at(index)?)))
                .collect();
            let in_term = status.hard_state.term;
            self.board.committed_in.extend(terms.iter().map(|(index, _)| (*index, in_term)));
            self.board.committed.extend(terms);
            self.board.max_committed = commit;
            self.tell(id, &Fact::Committed { from, to: commit })?;
        }
        let mut found = None;
        if let Some(State::Up(process)) = self.nodes.get(&id).map(|host| &host.state) {
            let glance = process.glance();
            let scene = Scene { node: id, glance: Some(glance), board: &self.board };
            found = first_broken(&mut self.checkers, |checker| checker.on_state(glance, &scene));
        }
        match found {
            Some((rule, text)) => Err(self.violation(id, rule, text)),
            None => Ok(()),
        }
    }

    /// Records what has changed in a node, as far as the timeline shows it.
    pub(super) fn show(&mut self, id: u64, shown: Shown) {
        let now = self.board.now;
        let Some(host) = self.nodes.get_mut(&id) else { return };
        let before = std::mem::replace(&mut host.last_shown, shown);
        let Shown { role: Some(role), term, leader, commit, applied } = shown else { return };
        if (before.role, before.term, before.leader) != (shown.role, term, leader) {
            self.recorder.record(now, || What::State { node: id, role: role.into(), term, leader });
        }
        if before.commit != commit {
            self.recorder.record(now, || What::Committed { node: id, index: commit });
        }
        if before.applied != applied {
            self.recorder.record(now, || What::Applied { node: id, index: applied });
        }
    }

    /// Tells every checker.
    pub(in crate::sim) fn tell(&mut self, id: u64, fact: &Fact<'_>) -> Result<(), Violation> {
        *self.facts.entry(fact.into()).or_default() += 1;
        let process = match self.nodes.get(&id).map(|host| &host.state) {
            Some(State::Up(process)) => Some(process.glance()),
            _ => None,
        };
        let scene = Scene { node: id, glance: process, board: &self.board };
        match first_broken(&mut self.checkers, |checker| checker.on_fact(fact, &scene)) {
            Some((rule, text)) => Err(self.violation(id, rule, text)),
            None => Ok(()),
        }
    }
}

/// Asks the checkers in turn, up to the first whose rule is broken, and counts what they had to judge.
fn first_broken(
    checkers: &mut [(Box<dyn Checker>, u64)],
    mut judge: impl FnMut(&mut dyn Checker) -> Result<Judged, String>,
) -> Option<(&'static str, String)> {
    for (checker, count) in checkers {
        match judge(checker.as_mut()) {
            Ok(judged) => *count += u64::from(judged == Judged::Sound),
            Err(text) => return Some((checker.rule(), text)),
        }
    }
    None
}
