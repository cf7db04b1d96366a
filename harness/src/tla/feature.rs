//! What a trace shows.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Action, Change, Id, Msg, Name, Role, TlaEvent};

/// Something that a trace can show of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A leader in a second term.
    ReElection,
    /// A message that never arrives, though a later one between the same nodes does.
    Loss,
    /// A log that becomes shorter, in favour of a leader's.
    DivergentLogs,
    /// A node that starts again.
    Restart,
    /// A leader that steps down in its own term: it has not heard from a quorum.
    QuorumLost,
    /// A voter that joins at once.
    VoterAdded,
    /// A learner that becomes a voter.
    LearnerPromoted,
    /// A voter that goes.
    VoterRemoved,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ReElection,
        Self::Loss,
        Self::DivergentLogs,
        Self::Restart,
        Self::QuorumLost,
        Self::VoterAdded,
        Self::LearnerPromoted,
        Self::VoterRemoved,
    ];
}

/// What `events` show.
pub fn features(events: &[TlaEvent]) -> BTreeSet<Feature> {
    let mut seen = Seen::default();
    events.iter().for_each(|event| seen.take(event));
    if seen.lost.values().any(|is_overtaken| *is_overtaken) {
        seen.features.insert(Feature::Loss);
    }
    seen.features
}

#[derive(Default)]
struct Seen<'a> {
    features: BTreeSet<Feature>,
    leaders: BTreeSet<u64>,
    last: BTreeMap<Id, &'a TlaEvent>,
    learners: BTreeSet<Id>,
    /// Changes that were proposed, until somebody applies them.
    proposed: Vec<Change>,
    /// Messages that have not arrived, by their place, and whether a later one has.
    lost: BTreeMap<(Id, Id, usize), bool>,
    sent: BTreeMap<(Id, Id), Vec<&'a Msg>>,
}

impl<'a> Seen<'a> {
    fn take(&mut self, event: &'a TlaEvent) {
        let before = self.last.insert(event.nid, event);
        match event.name {
            Name::InitState if before.is_some() => drop(self.features.insert(Feature::Restart)),
            Name::BecomeLeader => {
                self.leaders.insert(event.state.term);
                if self.leaders.len() > 1 {
                    self.features.insert(Feature::ReElection);
                }
            }
            Name::BecomeFollower
                if before.is_some_and(|before| is_stepping_down(before, event)) =>
            {
                self.features.insert(Feature::QuorumLost);
            }
            Name::ChangeConf => self.proposed.extend(changes(event)),
            Name::ApplyConfChange => self.apply(event),
            _ => {}
        }
        if event.name != Name::InitState && before.is_some_and(|before| event.log < before.log) {
            self.features.insert(Feature::DivergentLogs);
        }
        if let Some(msg) = &event.msg {
            self.on_message(event, msg);
        }
    }

    fn apply(&mut self, event: &TlaEvent) {
        let after = event.prop.iter().flat_map(|prop| &prop.cc.newconf).copied();
        let after: BTreeSet<Id> = after.collect();
        let before: BTreeSet<Id> = event.conf[0].iter().copied().collect();
        for Change { nid, action } in std::mem::take(&mut self.proposed) {
            let (was, is) = (before.contains(&nid), after.contains(&nid));
            let feature = match action {
                Action::AddLearner => {
                    self.learners.insert(nid);
                    continue;
                }
                Action::AddNewServer if !was && is => match self.learners.contains(&nid) {
                    true => Feature::LearnerPromoted,
                    false => Feature::VoterAdded,
                },
                Action::RemoveServer if was && !is => Feature::VoterRemoved,
                Action::AddNewServer | Action::RemoveServer => continue,
            };
            self.features.insert(feature);
        }
    }

    fn on_message(&mut self, event: &TlaEvent, msg: &'a Msg) {
        let (from, to) = (msg.from, msg.to);
        let sent = self.sent.entry((from, to)).or_default();
        if event.nid == from && event.name < Name::ReceiveAppendEntriesRequest {
            self.lost.insert((from, to, sent.len()), false);
            return sent.push(msg);
        }
        // The first that is equal: which of two equal ones has come makes no difference.
        let waits = |at: &usize| sent[*at] == msg && self.lost.contains_key(&(from, to, *at));
        let Some(at) = (0..sent.len()).find(waits) else { return };
        self.lost.remove(&(from, to, at));
        self.lost.range_mut((from, to, 0)..(from, to, at)).for_each(|(_, it)| *it = true);
    }
}

fn is_stepping_down(before: &TlaEvent, event: &TlaEvent) -> bool {
    before.role == Role::Leader && before.state.term == event.state.term
}

fn changes(event: &TlaEvent) -> impl Iterator<Item = Change> {
    event.prop.iter().flat_map(|prop| prop.cc.changes.clone())
}
