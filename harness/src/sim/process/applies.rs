//! Applying what is committed, and keeping it: snapshots, compaction, a durable machine.

use super::{
    ApplyConfChangeError, Batch, ConfChangeRequest, ConfChangeV2, Core, Effect, Entries, EntryId,
    Process, Saved, Seen, Sessions, SimStorage, Snapshot, StateMachine, Step, Wake,
};

impl<S: SimStorage, M: StateMachine> Process<S, M> {
    /// The apply thread takes up all that waits.
    pub(super) fn begin_apply(&mut self, out: &mut Vec<Effect>) {
        if self.applying.is_empty() && !self.applies.is_empty() {
            self.applying = self.applies.drain(..).collect();
            let after = self.slowed(self.plan.apply_time);
            out.push(Effect::Wake { after, what: Wake::Apply });
        }
    }

    pub(super) fn finish_apply(&mut self, out: &mut Vec<Effect>) {
        for message in std::mem::take(&mut self.applying) {
            if !self.apply(&message.entries, out) {
                return;
            }
            self.deliver(message.responses, out);
        }
        self.keep_house(out);
        self.begin_apply(out);
    }

    pub(super) fn install(&mut self, snapshot: &Snapshot, out: &mut Vec<Effect>) {
        self.machine = Sessions::restore(&snapshot.data);
        self.applied = snapshot.index();
        self.snapshot_index = snapshot.index();
        self.conf_state = snapshot.conf_state().clone();
        self.saved = None;
        self.saved_at = self.applied;
        if !self.conf_state.voters_outgoing.is_empty() {
            out.push(Effect::Saw(Seen::SnapshotInJoint));
        }
        out.push(Effect::Installed {
            at: EntryId::new(snapshot.term(), snapshot.index()),
            conf_state: self.conf_state.clone(),
            fingerprint: self.machine.fingerprint,
        });
        self.serve_reads(out);
    }

    /// Applies committed entries. False when the process cannot go on.
    pub(super) fn apply(&mut self, entries: &Entries, out: &mut Vec<Effect>) -> bool {
        for entry in entries {
            // What was handed out before a snapshot replaced it.
            if entry.index <= self.applied {
                continue;
            }
            self.applied = entry.index;
            match ConfChangeRequest::from_entry(entry) {
                Ok(Some(request)) => {
                    if matches!(request, ConfChangeRequest::V1(_)) {
                        out.push(Effect::Saw(Seen::ConfChangeV1));
                    }
                    self.machine.apply(entry.index, b"");
                    if !self.apply_conf_change(entry.index, &request.as_v2(), out) {
                        return false;
                    }
                }
                Ok(None) => {
                    let answer = self.machine.apply(entry.index, &entry.data);
                    out.push(Effect::Applied {
                        entry: entry.clone(),
                        fingerprint: self.machine.fingerprint,
                    });
                    match answer {
                        Some((op, answer)) => out.push(Effect::Answer { op, answer }),
                        None if !entry.data.is_empty() => {
                            out.push(Effect::Saw(Seen::DuplicateApplied));
                        }
                        None => {}
                    }
                    continue;
                }
                Err(error) => {
                    out.push(Effect::Died(error.to_string()));
                    return false;
                }
            }
            out.push(Effect::Applied {
                entry: entry.clone(),
                fingerprint: self.machine.fingerprint,
            });
        }
        self.serve_reads(out);
        true
    }

    pub(super) fn apply_conf_change(
        &mut self,
        index: u64,
        change: &ConfChangeV2,
        out: &mut Vec<Effect>,
    ) -> bool {
        let before = self.glance().configuration().clone();
        let leads = self.leads();
        match with_node!(&mut self.core, node => node.apply_conf_change(change)) {
            Ok(conf_state) => {
                self.conf_state = conf_state;
                // A new member needs a snapshot that names it.
                self.snapshot_due = true;
                let after = self.glance().configuration().clone();
                if leads && !after.voters.contains(self.id) {
                    out.push(Effect::Saw(Seen::LeaderRemoved));
                }
                out.push(Effect::Configured { index, before, after });
                true
            }
            // All replicas find it impossible, and go on without it.
            Err(ApplyConfChangeError::Invalid(_)) => true,
            Err(error) => {
                out.push(Effect::Died(error.to_string()));
                false
            }
        }
    }

    /// Begins to make the state machine durable, to take a snapshot and to compact the log, when it is
    /// time. Others wait: one thing at a time is written, so that no snapshot overtakes another.
    pub(super) fn keep_house(&mut self, out: &mut Vec<Effect>) {
        if self.batch.is_some() || !self.steps.is_empty() {
            return;
        }
        match self.house_steps() {
            Ok(steps) if steps.is_empty() => {}
            Ok(steps) => {
                self.steps.extend(steps);
                self.batch = Some(Batch::House);
                self.begin_steps(out);
            }
            Err(error) => out.push(Effect::Died(format!("housekeeping: {error}"))),
        }
    }

    /// There is no room: it has to be done another time.
    pub(super) fn put_off(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::Saw(Seen::SnapshotPutOff));
        self.steps.clear();
        self.batch = None;
        self.snapshot_due = true;
        self.begin_append(out);
    }

    /// What is to be kept when the process ends.
    pub(super) fn next_saved(&mut self) -> Saved {
        let late = self.fault.saves_the_index_late();
        let saved = Saved {
            applied: if late { self.saved_at.max(1) } else { self.applied },
            conf_state: self.glance().configuration().conf_state(),
            machine: self.machine.snapshot(),
        };
        self.saved_at = self.applied;
        saved
    }

    fn house_steps(&mut self) -> Result<Vec<Step>, raft_core::StorageError> {
        if self.is_traced {
            // It saves with each batch, and the specification knows no snapshots.
            return Ok(Vec::new());
        }
        if !self.plan.etcd_rules {
            return self.due_steps();
        }
        // By etcd's rules a node starts with no state beyond the commit index on its disk.
        if self.disk().inner.initial_state()?.hard_state.commit < self.applied {
            return Ok(Vec::new());
        }
        let mut steps = self.due_steps()?;
        if !steps.is_empty() {
            steps.insert(0, Step::Sync);
        }
        Ok(steps)
    }

    fn due_steps(&mut self) -> Result<Vec<Step>, raft_core::StorageError> {
        let (applied, mut steps) = (self.applied, Vec::new());
        let save = self.plan.save_every;
        if save > 0 && applied >= self.saved_at + save {
            steps.push(Step::Save(self.next_saved()));
        }
        let due = self.snapshot_due || applied >= self.snapshot_index + self.plan.snapshot_every;
        if !due || applied <= self.snapshot_index {
            return Ok(steps);
        }
        self.snapshot_due = false;
        let conf_state = match self.fault.keeps_the_old_configuration() {
            true => self.disk().inner.snapshot().unwrap_or_default().conf_state().clone(),
            false => self.conf_state.clone(),
        };
        let data = self.machine.snapshot();
        steps.push(Step::CreateSnapshot { index: applied, conf_state, data });
        let compact_to = applied.saturating_sub(self.plan.keep);
        if compact_to >= self.disk().inner.first_index()? {
            steps.push(Step::Compact(compact_to));
        }
        Ok(steps)
    }
}
