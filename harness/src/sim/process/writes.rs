//! Writing to the disk, step by step.

use super::{
    Batch, Core, Effect, EntryId, HardState, ImageWrite, Message, Persisted, Process, Ready, Seen,
    SimStorage, StateMachine, Step, StepError, Time, Wake,
};

impl<S: SimStorage, M: StateMachine> Process<S, M> {
    pub(super) fn begin_ready(&mut self, mut ready: Ready, out: &mut Vec<Effect>) {
        out.extend(ready.take_messages().map(Effect::Send));
        let (states, lost) = (ready.read_states().to_vec(), ready.lost_reads().to_vec());
        if let Some(snapshot) = ready.snapshot() {
            self.steps.push_back(Step::Snapshot(snapshot.clone()));
        }
        if !ready.entries().is_empty() {
            self.steps.push_back(Step::Entries(ready.entries().clone()));
        }
        if let Some(hard_state) = ready.hard_state() {
            self.steps.push_back(Step::HardState(*hard_state));
        }
        // etcd's rules start from no applied index beyond the commit index that is durable.
        let saves_at_once = self.is_traced;
        if ready.must_sync() || ready.snapshot().is_some() || saves_at_once {
            self.steps.push_back(Step::Sync);
        }
        self.fault.alter(&mut self.steps);
        if self.fault.replies_before_persisting() {
            self.finish_ready(ready, out);
            self.batch = Some(Batch::Append(Vec::new()));
            return self.begin_steps(out);
        }
        self.batch = Some(Batch::Ready(Box::new(ready)));
        self.take_reads(&states, &lost, out);
        self.begin_steps(out);
        while self.is_traced && self.batch.is_some() {
            self.work_disk(out);
        }
    }

    /// The append thread takes up all that waits, to sync once for it; but what replaces something is
    /// not written together with it, since that would never have been on disk.
    pub(super) fn begin_append(&mut self, out: &mut Vec<Effect>) {
        if self.batch.is_some() || self.appends.is_empty() {
            return;
        }
        let mut end = 0;
        let mut goes_together = |message: &Message| {
            let first = message.entries.first().map(|entry| entry.index);
            let follows = first.is_none_or(|first| first > end);
            end = message.entries.last().map_or(end, |entry| entry.index);
            follows && message.snapshot.is_none()
        };
        let count =
            1 + self.appends.iter().map_while(|m| goes_together(m).then_some(())).skip(1).count();
        let mut messages: Vec<Message> = self.appends.drain(..count).collect();
        for message in &mut messages {
            if let Some(snapshot) = &message.snapshot {
                self.steps.push_back(Step::Snapshot((**snapshot).clone()));
            }
            let entries = std::mem::take(&mut message.entries);
            if !entries.is_empty() {
                self.steps.push_back(Step::Entries(entries));
            }
            let Message { term, vote, commit, .. } = *message;
            if (term, vote, commit) != (0, 0, 0) {
                self.steps.push_back(Step::HardState(HardState { term, vote, commit }));
            }
        }
        if messages.iter().any(|message| !message.responses.is_empty()) {
            self.steps.push_back(Step::Sync);
        }
        self.fault.alter(&mut self.steps);
        self.batch = Some(Batch::Append(messages));
        self.begin_steps(out);
    }

    pub(super) fn begin_steps(&mut self, out: &mut Vec<Effect>) {
        for step in &self.steps {
            match step {
                Step::Entries(entries) => out.push(Effect::Handed(entries.clone())),
                Step::Snapshot(snapshot) => {
                    let at = EntryId::new(snapshot.term(), snapshot.index());
                    out.push(Effect::HandedSnapshot(at));
                }
                Step::HardState(_) | Step::Sync => {}
            }
        }
        let after = self.next_step_time();
        out.push(Effect::Wake { after, what: Wake::Disk });
    }

    pub(super) fn next_step_time(&self) -> Time {
        let time = match self.steps.front() {
            Some(Step::Sync) => self.plan.sync_time,
            Some(_) => self.plan.write_time,
            None => 0,
        };
        self.slowed(time)
    }

    /// One step of the disk.
    pub(super) fn work_disk(&mut self, out: &mut Vec<Effect>) {
        if self.batch.is_none() {
            return;
        }
        if let Some(step) = self.steps.pop_front() {
            if let Some(after) = &mut self.crash_after {
                match after.checked_sub(1) {
                    Some(less) => *after = less,
                    None => {
                        out.push(Effect::Saw(Seen::CrashedInWrite));
                        return out.push(Effect::Died("crash between two writes".into()));
                    }
                }
            }
            if let Err(error) = self.carry_out(step, out) {
                return out.push(Effect::Died(error.to_string()));
            }
            if !self.steps.is_empty() {
                let after = self.next_step_time();
                return out.push(Effect::Wake { after, what: Wake::Disk });
            }
        }
        match self.batch.take() {
            Some(Batch::Ready(ready)) => self.finish_ready(*ready, out),
            Some(Batch::Append(messages)) => self.finish_append(messages, out),
            None => {}
        }
    }

    pub(super) fn carry_out(
        &mut self,
        step: Step,
        out: &mut Vec<Effect>,
    ) -> Result<(), raft_core::StorageError> {
        let disk = self.disk_mut();
        if matches!(step, Step::Sync) {
            disk.sync().inspect_err(|_| out.push(Effect::Saw(Seen::SyncFailed)))?;
            out.push(Effect::Synced);
            return Ok(());
        }
        disk.check_write(matches!(step, Step::Entries(_)))
            .inspect_err(|_| out.push(Effect::Saw(Seen::WriteFailed)))?;
        let write = match step {
            Step::Snapshot(snapshot) => {
                disk.inner.apply_snapshot(&snapshot)?;
                ImageWrite::Snapshot(EntryId::new(snapshot.term(), snapshot.index()))
            }
            Step::Entries(entries) => {
                disk.inner.append(&entries)?;
                ImageWrite::Entries(entries)
            }
            Step::HardState(hard_state) => {
                disk.inner.set_hard_state(&hard_state)?;
                ImageWrite::HardState(hard_state)
            }
            Step::Sync => return Ok(()),
        };
        out.push(Effect::Wrote(write));
        Ok(())
    }

    pub(super) fn finish_ready(&mut self, ready: Ready, out: &mut Vec<Effect>) {
        if let Some(snapshot) = ready.snapshot().cloned() {
            self.install(&snapshot, out);
        }
        let mut done: Persisted = ready.persisted();
        if self.is_traced {
            with_node!(&mut self.core, node => node.observer_mut()).persisted();
            self.save();
        }
        out.extend(done.take_messages().map(Effect::Send));
        let committed = done.take_committed_entries();
        if !self.apply(&committed, out) {
            return;
        }
        if let Core::Sync(node) = &mut self.core
            && let Err(error) = node.advance(done)
        {
            return out.push(Effect::Died(error.to_string()));
        }
        self.keep_house(out);
    }

    pub(super) fn finish_append(&mut self, messages: Vec<Message>, out: &mut Vec<Effect>) {
        for message in messages {
            if let Some(snapshot) = &message.snapshot {
                self.install(snapshot, out);
            }
            self.deliver(message.responses, out);
        }
        self.keep_house(out);
        self.begin_append(out);
    }

    /// Responses of a storage thread: to the node itself, or to others.
    pub(super) fn deliver(&mut self, responses: Vec<Message>, out: &mut Vec<Effect>) {
        for response in responses {
            if response.to != self.id {
                out.push(Effect::Send(response));
            } else if let Err(StepError::Poisoned(error)) = self.step(response) {
                return out.push(Effect::Died(error.to_string()));
            }
        }
    }
}
