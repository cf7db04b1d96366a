//! A counterexample in words, and as records for the timeline.

use std::collections::BTreeMap;
use std::fmt;

use raft_core::describe;
use raft_proto::Message;

use super::checker::Counterexample;
use super::member::Member;
use super::network::Packet;
use super::turn::{CrashPoint, Unsynced};
use super::world::{Action, Happening, World};
use crate::timeline::{Recorder, What};

/// One line for each step, and what is broken in the end.
impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (world, action)) in self.steps.iter().enumerate() {
            if let Some(action) = action {
                writeln!(f, "{:>4}  {}", at + 1, in_words(world, *action))?;
            }
        }
        write!(f, "      {}", self.broken)
    }
}

fn in_words(world: &World, action: Action) -> String {
    let message = |packet: usize| match world.network.packets().get(packet) {
        Some(packet) => describe::message(&packet.message).to_string(),
        None => "nothing".to_owned(),
    };
    let what = match action.what {
        Happening::Campaign { node } => format!("node {node} campaigns"),
        Happening::Propose { node } => format!("node {node} is given a proposal"),
        Happening::Change { node } => {
            format!("node {node} is given a change of the configuration")
        }
        Happening::Transfer { node, to } => format!("node {node} is asked to hand over to {to}"),
        Happening::Heartbeat { node } => format!("node {node} sends heartbeats"),
        Happening::Compact { node } => format!("node {node} makes a snapshot and cuts its log"),
        Happening::Write { node } => format!("the append thread of node {node} writes"),
        Happening::Apply { node } => format!("the apply thread of node {node} applies"),
        Happening::Deliver { packet } => format!("arrives: {}", message(packet)),
        Happening::Duplicate { packet } => {
            format!("arrives, not for the last time: {}", message(packet))
        }
        Happening::Lose { packet } => format!("is reported lost: {}", message(packet)),
        Happening::Crash { node, unsynced: Unsynced::Kept } => {
            format!("node {node} crashes and starts again")
        }
        Happening::Crash { node, unsynced: Unsynced::Lost } => {
            format!("node {node} crashes, loses what was not synced, and starts again")
        }
    };
    match action.crash {
        Some(point) => format!("{what}; it crashes {point}, and starts again"),
        None => what,
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeWrite => "before it writes",
            Self::BeforeHardState => "before it writes its hard state",
            Self::AfterWrite => "right after it has written",
        })
    }
}

impl Counterexample {
    /// The run as a trace; its times are the numbers of the steps.
    #[must_use]
    pub fn records(&self) -> Recorder {
        let mut trace = Trace::default();
        let Some((first, _)) = self.steps.first() else { return trace.recorder };
        let nodes = first.members.iter().map(|member| member.id()).collect();
        let title = format!("{}: {}", self.scenario, self.broken.rule);
        trace.record(What::Begin { title, nodes });
        for member in &first.members {
            trace.start(member);
            trace.compare(None, member);
        }
        for packet in first.network.packets() {
            trace.sent(packet);
        }
        for (step, pair) in self.steps.windows(2).enumerate() {
            let [(before, Some(action)), (after, _)] = pair else { continue };
            trace.at = step as u64 + 1;
            trace.step(before, *action, after);
        }
        trace.at = self.steps.len() as u64;
        let (node, rule, text) =
            (self.broken.node, self.broken.rule.to_string(), self.broken.text.clone());
        trace.record(What::Violation { node, rule, text });
        trace.record(What::End { verdict: format!("broken: {}", self.broken.rule) });
        trace.recorder
    }
}

/// A trace as it is made, from what differs between one state and the next.
struct Trace {
    recorder: Recorder,
    at: u64,
    /// The ids of the messages that are on their way, by digest.
    flying: BTreeMap<u64, Vec<u64>>,
    sent: u64,
    asked: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { recorder: Recorder::on(), at: 0, flying: BTreeMap::new(), sent: 0, asked: 0 }
    }
}

impl Trace {
    fn record(&mut self, what: What) {
        self.recorder.record(self.at, || what);
    }

    fn step(&mut self, before: &World, action: Action, after: &World) {
        let text = in_words(before, action);
        let node = match action.what {
            Happening::Deliver { packet } => self.delivered(before.network.packets().get(packet)),
            Happening::Duplicate { packet } => {
                self.duplicated(before.network.packets().get(packet))
            }
            Happening::Lose { packet } => {
                self.lost(before.network.packets().get(packet), "its sender is told")
            }
            Happening::Propose { node } | Happening::Change { node } => {
                self.asked += 1;
                self.record(What::Asked { client: 1, op: self.asked, node, text });
                node
            }
            Happening::Crash { node, .. } => node,
            Happening::Campaign { node }
            | Happening::Transfer { node, .. }
            | Happening::Heartbeat { node }
            | Happening::Compact { node }
            | Happening::Write { node }
            | Happening::Apply { node } => {
                self.record(What::Note { node, text });
                node
            }
        };
        let of = |world: &World| world.members.iter().position(|member| member.id() == node);
        let Some(at) = of(after) else { return };
        let (was, is) = (&before.members[at], &after.members[at]);
        let crash = match (action.what, action.crash) {
            (Happening::Crash { unsynced: Unsynced::Kept, .. }, _) => {
                Some("between two batches".to_owned())
            }
            (Happening::Crash { unsynced: Unsynced::Lost, .. }, _) => {
                Some("between two batches; what was not synced is lost".to_owned())
            }
            (_, Some(point)) => Some(point.to_string()),
            (_, None) => None,
        };
        match crash {
            Some(why) => {
                self.record(What::Crashed { node, why });
                self.start(is);
                self.compare(None, is);
            }
            None => self.compare(Some(was), is),
        }
        self.compare_networks(after);
    }

    fn start(&mut self, member: &Member) {
        let hard_state = member.promised();
        let (term, vote, commit) = (hard_state.term, hard_state.vote, hard_state.commit);
        let last = member.durable().last().index;
        self.record(What::Started { node: member.id(), term, vote, commit, last });
    }

    /// Records what has become of a node since it was as `before`, or since its start.
    fn compare(&mut self, before: Option<&Member>, after: &Member) {
        let (node, status) = (after.id(), after.status());
        let shown = |member: &Member| (member.status().soft_state, member.status().hard_state.term);
        if before.map(shown) != Some(shown(after)) {
            let (soft, term) = shown(after);
            let (role, leader) = (soft.role.into(), soft.leader_id);
            self.record(What::State { node, role, term, leader });
        }
        let index = status.hard_state.commit;
        if index > before.map_or(0, |member| member.status().hard_state.commit) {
            self.record(What::Committed { node, index });
        }
        let index = after.applied();
        if index > before.map_or(0, Member::applied) {
            self.record(What::Applied { node, index });
        }
        let config = after.configuration().to_string();
        if before.map(|member| member.configuration().to_string()).as_ref() != Some(&config) {
            self.record(What::Configured { node, config });
        }
    }

    /// Records what has been sent, and what is not on its way any more.
    fn compare_networks(&mut self, after: &World) {
        let mut flying: BTreeMap<u64, Vec<&Packet>> = BTreeMap::new();
        for packet in after.network.packets() {
            flying.entry(packet.digest()).or_default().push(packet);
        }
        let known: Vec<_> = self.flying.iter().map(|(digest, ids)| (*digest, ids.len())).collect();
        for (digest, count) in known {
            let left = flying.get(&digest).map_or(0, Vec::len);
            for _ in left..count {
                if let Some(id) = self.take(digest) {
                    let why = "it can have no effect any more".to_owned();
                    self.record(What::Lost { id, why });
                }
            }
        }
        for (digest, packets) in flying {
            let known = self.flying.get(&digest).map_or(0, Vec::len);
            for packet in packets.iter().skip(known) {
                self.sent(packet);
            }
        }
    }

    fn sent(&mut self, packet: &Packet) {
        self.sent += 1;
        let id = self.sent;
        self.flying.entry(packet.digest()).or_default().push(id);
        let message: &Message = &packet.message;
        let kind = message.kind().map_or_else(|_| "unknown".to_owned(), |kind| format!("{kind:?}"));
        let text = describe::message(message).to_string();
        let (from, to, term) = (message.from, message.to, message.term);
        self.record(What::Sent { id, from, to, kind, term, text });
    }

    fn take(&mut self, digest: u64) -> Option<u64> {
        let ids = self.flying.get_mut(&digest)?;
        let id = ids.pop();
        if ids.is_empty() {
            self.flying.remove(&digest);
        }
        id
    }

    /// The message arrives. Answers where.
    fn delivered(&mut self, packet: Option<&Packet>) -> u64 {
        let Some(packet) = packet else { return 0 };
        if let Some(id) = self.take(packet.digest()) {
            self.record(What::Delivered { id });
        }
        packet.message.to
    }

    fn duplicated(&mut self, packet: Option<&Packet>) -> u64 {
        let Some(packet) = packet else { return 0 };
        if let Some(id) = self.flying.get(&packet.digest()).and_then(|ids| ids.last().copied()) {
            self.record(What::Delivered { id });
        }
        packet.message.to
    }

    /// The message is lost. Answers who had sent it.
    fn lost(&mut self, packet: Option<&Packet>, why: &str) -> u64 {
        let Some(packet) = packet else { return 0 };
        if let Some(id) = self.take(packet.digest()) {
            self.record(What::Lost { id, why: why.to_owned() });
        }
        packet.message.from
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::checker::Counterexample;
    use crate::model::rules::{Broken, Rule};
    use crate::model::scenario::{Budget, Scenario, Start};
    use crate::model::turns::Turns;

    /// A walk that takes some way on until there is none, told as if it ended badly.
    fn walk() -> Counterexample {
        let budget =
            Budget { campaigns: 1, proposals: 1, losses: 1, crashes: 1, ..Budget::default() };
        let scenario = Scenario { budget, ..Scenario::new("walk", Start::Led) };
        let turns = Turns::default();
        let (mut world, mut steps) = World::first(&scenario, &turns).expect("it starts");
        loop {
            let mut ways = world.actions(&scenario);
            // From the front come requests and deliveries, from the back losses and crashes.
            if steps.len() % 3 == 0 {
                ways.reverse();
            }
            let taken = ways.into_iter().find_map(|action| {
                let (next, _) = world.next(&scenario, &turns, action)?;
                Some((action, next))
            });
            let before = world.clone();
            let Some((action, next)) = taken else {
                steps.push((before, None));
                let broken = Broken { rule: Rule::Monotone, node: 1, text: "as a test".into() };
                return Counterexample { scenario: "walk", steps, broken };
            };
            steps.push((before, Some(action)));
            world = next;
        }
    }

    #[test]
    fn a_trace_tells_what_happened_in_order() {
        let walk = walk();
        let recorder = walk.records();
        let (mut sent, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        let mut at = 0;
        for record in recorder.records() {
            assert!(record.at >= at, "time does not go back");
            at = record.at;
            match &record.what {
                What::Sent { id, .. } => assert!(sent.insert(*id), "{id} is sent once"),
                What::Delivered { id } | What::Lost { id, .. } => {
                    assert!(sent.contains(id), "{id} was sent before");
                }
                _ => {}
            }
            let json = serde_json::to_value(&record.what).expect("it is data");
            kinds.insert(json["event"].as_str().expect("a name").to_owned());
        }
        for kind in [
            "begin",
            "started",
            "state",
            "committed",
            "applied",
            "configured",
            "sent",
            "delivered",
            "asked",
            "note",
            "crashed",
            "violation",
            "end",
        ] {
            assert!(kinds.contains(kind), "{kind} is missing: {kinds:?}");
        }
    }

    #[test]
    fn words_have_a_line_for_each_step_and_one_for_the_rule() {
        let walk = walk();
        let text = walk.to_string();
        assert_eq!(text.lines().count(), walk.steps.len());
        assert!(text.ends_with("monotone: node 1: as a test"), "{text}");
    }
}
