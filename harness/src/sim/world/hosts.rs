//! Processes come and go.

use super::{
    Ailment, Bytes, ConfState, DiskImage, Fact, Happening, LogImage, Peer, Plan, Process, Remains,
    Seen, Shown, SimStorage, Snapshot, SnapshotMetadata, Start, State, StateMachine, Time,
    Violation, What, Workload, World, rule,
};

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    /// A new machine, with the disk that the group starts with, or an empty one.
    pub(in crate::sim) fn join(&mut self, id: u64) -> Result<(), Violation> {
        let is_first = id <= self.plan.voters + self.plan.learners;
        let snapshot = (is_first && !self.plan.bootstrap).then(|| self.first_snapshot());
        let storage = S::create(snapshot.as_ref());
        let image =
            LogImage::read(&storage).map_err(|e| self.violation(id, "storage", e.to_string()))?;
        self.board.disks.insert(id, DiskImage { durable: image, ..DiskImage::default() });
        self.host(id).state = State::Down(Remains::new(storage));
        self.start(id)
    }

    pub(super) fn first_snapshot(&self) -> Snapshot {
        let Plan { voters, learners, .. } = self.plan;
        let ids = |ids: std::ops::RangeInclusive<u64>| ids.collect::<Vec<_>>();
        let conf_state = ConfState::new(ids(1..=voters), ids(voters + 1..=voters + learners));
        let conf_state = Some(conf_state);
        let metadata = Some(SnapshotMetadata { conf_state, index: 1, term: 1 });
        Snapshot { data: Bytes::new(), metadata }
    }

    pub(in crate::sim) fn start(&mut self, id: u64) -> Result<(), Violation> {
        let plan = self.plan.node(id).clone();
        let is_first = id <= self.plan.voters + self.plan.learners;
        let peers: Vec<Peer> = match self.plan.bootstrap && is_first {
            true => (1..=self.plan.voters).map(|id| Peer { id, context: Bytes::new() }).collect(),
            false => Vec::new(),
        };
        let (now, seed) = (self.board.now, self.plan.seed);
        let host = self.host(id);
        let State::Down(remains) = std::mem::replace(&mut host.state, State::Absent) else {
            return Ok(());
        };
        let start = Start {
            id,
            seed,
            incarnation: host.incarnation,
            plan: &plan,
            peers: &peers,
            trace: self.trace.as_ref(),
            fault: self.fault,
        };
        let started = Process::start(start, remains);
        let process = started.map_err(|text| self.violation(id, rule::STARTS, text))?;
        self.note_sound(rule::STARTS);
        let image = process.image().map_err(|text| self.violation(id, "storage", text))?;
        if let Some(seen) = process.started_from() {
            self.coverage.note(seen);
        }
        let before = self.board.disks.remove(&id).unwrap_or_default();
        self.board.disks.insert(id, DiskImage::found(image, &before));
        let (status, last) = (process.status(), process.glance().last_entry_id());
        self.recorder.record(now, || What::Started {
            node: id,
            term: status.hard_state.term,
            vote: status.hard_state.vote,
            commit: status.hard_state.commit,
            last: last.index,
        });
        let host = self.host(id);
        host.incarnation += 1;
        host.state = State::Up(Box::new(process));
        host.paused = false;
        host.ticked_until = now;
        host.timer_at = 0;
        host.last_shown = Shown::default();
        let full_until = host.full_until;
        if full_until > now {
            self.fill_disk(id, full_until);
        }
        self.tell(id, &Fact::Started { before: &before })?;
        self.settle(id)
    }

    /// Ends the process. What it had not written is lost, and some of what it had not synced.
    pub(in crate::sim) fn crash(&mut self, id: u64, why: &str) -> Result<(), Violation> {
        let now = self.board.now;
        let host = self.host(id);
        let State::Up(process) = std::mem::replace(&mut host.state, State::Absent) else {
            return Ok(());
        };
        host.incarnation += 1;
        host.paused = false;
        host.inbox.clear();
        let led = process.leads();
        if let Some(seen) = process.left_undone() {
            self.coverage.note(seen);
        }
        let mut remains = process.end();
        remains.storage_mut().crash(&mut self.chance);
        self.note_losses(id, &remains);
        self.host(id).state = State::Down(remains);
        self.coverage.note(Seen::Crashed);
        if led {
            self.coverage.note(Seen::CrashedWhileLeading);
        }
        self.recorder.record(now, || What::Crashed { node: id, why: why.into() });
        self.tell(id, &Fact::Crashed)
    }

    pub(super) fn note_losses(&mut self, id: u64, remains: &Remains<S>) {
        let Some(disk) = self.board.disks.get(&id) else { return };
        let mut entries = disk.unsynced.iter().filter_map(|write| match write {
            crate::sim::image::ImageWrite::Entries(entries) => {
                entries.last().map(|entry| entry.index)
            }
            _ => None,
        });
        let Some(written) = entries.next_back() else { return };
        let left = remains.last_index();
        if left < written {
            let seen = match left > disk.durable.last_index() {
                true => Seen::WriteTorn,
                false => Seen::WriteLost,
            };
            self.coverage.note(seen);
        }
    }

    pub(in crate::sim) fn start_after(&mut self, id: u64, after: Time) {
        let incarnation = self.host(id).incarnation;
        self.push_after(after, Happening::Start { node: id, incarnation });
    }

    /// Answers whether it has not stood still already.
    pub(in crate::sim) fn pause(&mut self, id: u64, lasts: Time, catches_up: bool) -> bool {
        if self.process(id).is_none() || self.host(id).paused {
            return false;
        }
        let now = self.board.now;
        self.coverage.note(Seen::Paused);
        self.recorder.record(now, || What::Paused { node: id });
        let host = self.host(id);
        host.paused = true;
        let incarnation = host.incarnation;
        self.push_after(lasts, Happening::Resume { node: id, incarnation, catches_up });
        true
    }

    pub(in crate::sim) fn resume(&mut self, id: u64, catches_up: bool) -> Result<(), Violation> {
        let now = self.board.now;
        let host = self.host(id);
        if !host.paused {
            return Ok(());
        }
        host.paused = false;
        if !catches_up {
            host.ticked_until = now;
        }
        let inbox = std::mem::take(&mut host.inbox);
        self.recorder.record(now, || What::Resumed { node: id });
        self.with_process(id, |_, _| {})?;
        for input in inbox {
            self.give(id, input)?;
        }
        Ok(())
    }

    pub(in crate::sim) fn jump(&mut self, id: u64, ticks: u32) -> Result<(), Violation> {
        *self.board.ticks.entry(id).or_default() += u64::from(ticks);
        self.with_process(id, |process, _| process.tick_by(ticks))
    }

    /// There is no room on the disk until then, whatever process uses it.
    pub(in crate::sim) fn fill_disk(&mut self, id: u64, until: Time) {
        self.host(id).full_until = until;
        self.fall_ill(id, Ailment::Full, until - self.board.now);
    }

    /// Something is wrong with the disk for so long, if the process does not end before.
    pub(in crate::sim) fn fall_ill(&mut self, id: u64, ailment: Ailment, lasts: Time) {
        let incarnation = self.host(id).incarnation;
        let Some(process) = self.process_mut(id) else { return };
        let number = process.disk_mut().fall_ill(ailment);
        self.push_after(lasts, Happening::Cure { node: id, incarnation, number });
    }
}
