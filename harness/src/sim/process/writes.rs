//! Writing to the disk, step by step.

use super::{
    Batch, Core, Effect, EntryId, HardState, ImageWrite, Message, Persisted, Process, Ready, Seen,
    SimStorage, StateMachine, Step, StepError, Trouble, Wake,
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
                _ => {}
            }
        }
        self.wait_for_step(out);
    }

    fn wait_for_step(&self, out: &mut Vec<Effect>) {
        let time = self.steps.front().map_or(0, |step| {
            let times =
                [(step.writes(), self.plan.write_time), (step.syncs(), self.plan.sync_time)];
            times.iter().filter_map(|(is_part, time)| is_part.then_some(time)).sum()
        });
        if !self.steps.is_empty() && self.disk().slowness() > 1 {
            out.push(Effect::Saw(Seen::DiskSlow));
        }
        out.push(Effect::Wake { after: self.slowed(time), what: Wake::Disk });
    }

    /// One step of the disk.
    pub(super) fn work_disk(&mut self, out: &mut Vec<Effect>) {
        if self.batch.is_none() {
            return;
        }
        if let Some(step) = self.steps.pop_front() {
            if let Err(trouble) = self.disk_mut().check(&step) {
                return self.meet(trouble, step, out);
            }
            if let Err(error) = self.carry_out(step, out) {
                return out.push(Effect::Died(error.to_string()));
            }
            if !self.steps.is_empty() {
                return self.wait_for_step(out);
            }
        }
        match self.batch.take() {
            Some(Batch::Ready(ready)) => self.finish_ready(*ready, out),
            Some(Batch::Append(messages)) => self.finish_append(messages, out),
            Some(Batch::House) => {
                self.keep_house(out);
                self.begin_append(out);
            }
            None => {}
        }
    }

    /// A step has failed. What the application keeps of its own can wait for room; all else ends the
    /// process.
    fn meet(&mut self, trouble: Trouble, step: Step, out: &mut Vec<Effect>) {
        out.push(Effect::Saw(trouble.seen()));
        if trouble == Trouble::NoRoom && matches!(self.batch, Some(Batch::House)) {
            return self.put_off(out);
        }
        // A snapshot whose sync has failed is there or not.
        if trouble == Trouble::SyncFailed
            && let Step::CreateSnapshot { index, conf_state, data } = &step
            && index.is_multiple_of(2)
        {
            self.disk_mut().inner.create_snapshot(*index, conf_state, data.clone()).ok();
        }
        self.steps.push_front(step);
        self.batch = None;
        out.push(Effect::Died(format!("{trouble:?}")));
    }

    pub(super) fn carry_out(
        &mut self,
        step: Step,
        out: &mut Vec<Effect>,
    ) -> Result<(), raft_core::StorageError> {
        let disk = &mut self.disk_mut().inner;
        let write = match step {
            Step::Snapshot(snapshot) => {
                disk.apply_snapshot(&snapshot)?;
                ImageWrite::Snapshot(EntryId::new(snapshot.term(), snapshot.index()))
            }
            Step::Entries(entries) => {
                disk.append(&entries)?;
                ImageWrite::Entries(entries)
            }
            Step::HardState(hard_state) => {
                disk.set_hard_state(&hard_state)?;
                ImageWrite::HardState(hard_state)
            }
            Step::Sync => {
                disk.sync()?;
                out.push(Effect::Synced);
                return Ok(());
            }
            Step::Save(saved) => {
                self.saved = Some(saved);
                return Ok(());
            }
            Step::CreateSnapshot { index, conf_state, data } => {
                disk.create_snapshot(index, &conf_state, data)?;
                self.snapshot_index = index;
                return Ok(());
            }
            Step::Compact(index) => {
                disk.compact(index)?;
                out.extend([Effect::Compacted(index), Effect::Saw(Seen::Compacted)]);
                return Ok(());
            }
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
            self.saved = Some(self.next_saved());
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
        out.push(Effect::Saw(Seen::AppendedAside));
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
