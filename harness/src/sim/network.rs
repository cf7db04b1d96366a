//! The network: one directed link for each pair of nodes.

use std::collections::BTreeMap;

use raft_proto::Message;
use raft_proto::prost::Message as _;
use serde::{Deserialize, Serialize};

use super::chance::{Chance, Ppm};
use super::watch::{Coverage, Seen};
use super::{SECOND, Time};

/// How messages fare on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// The least time that a message takes.
    pub latency: Time,
    /// What comes on top of it, on average. Each message draws its own, so that one overtakes another.
    pub jitter: Time,
    /// Messages that are lost.
    pub loss: Ppm,
    /// Messages that arrive twice.
    pub duplication: Ppm,
    /// Messages that are held up for seconds.
    pub stale: Ppm,
    /// Messages that may be on a link at once; what comes beyond is lost.
    pub capacity: u32,
    /// Bytes that a link takes in a second, one message after the other; 0 for as many as there are.
    #[serde(default)]
    pub bandwidth: u64,
}

impl NetworkPlan {
    /// Every message arrives, soon and in order, as over a connection.
    fn healed(self) -> Self {
        Self { latency: self.latency.min(SOON), capacity: u32::MAX, ..Self::default() }
    }
}

/// A directed link that is not as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// What it is like.
    pub plan: NetworkPlan,
}

/// What a link has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Messages that were put on it.
    pub sent: u64,
    /// Their encoded bytes.
    pub bytes: u64,
    /// Messages that were lost.
    pub lost: u64,
    /// Messages that arrived twice.
    pub duplicated: u64,
}

#[derive(Clone, Debug, Default)]
struct Link {
    plan: NetworkPlan,
    /// How many partitions run through it.
    cuts: u32,
    /// Nothing arrives before.
    clogged_until: Time,
    /// It still takes in what was put on it before.
    busy_until: Time,
    on_the_way: u32,
    /// The latest message that has arrived.
    latest: u64,
    counters: LinkCounters,
}

impl Link {
    fn new(plan: NetworkPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    fn loses(&self, chance: &mut Chance) -> Option<Seen> {
        if self.cuts > 0 {
            Some(Seen::MessageCut)
        } else if self.on_the_way >= self.plan.capacity {
            Some(Seen::LinkFull)
        } else if chance.happens(self.plan.loss) {
            Some(Seen::MessageLost)
        } else {
            None
        }
    }

    /// When the link has taken in a message of `size` bytes.
    fn take_in(&mut self, now: Time, size: u64, coverage: &mut Coverage) -> Time {
        let Some(takes) = (size * SECOND).checked_div(self.plan.bandwidth) else { return now };
        if self.busy_until > now {
            coverage.note(Seen::LinkBusy);
        }
        self.busy_until = self.busy_until.max(now) + takes;
        self.busy_until
    }

    /// When a message arrives that was taken in at `left`.
    fn arrival(&mut self, left: Time, chance: &mut Chance, coverage: &mut Coverage) -> Time {
        self.on_the_way += 1;
        let mut at = left + self.plan.latency + chance.around(self.plan.jitter);
        if chance.happens(self.plan.stale) {
            coverage.note(Seen::MessageHeldUp);
            at += chance.around(STALE);
        }
        if at < self.clogged_until {
            coverage.note(Seen::Clogged);
        }
        at.max(self.clogged_until)
    }
}

/// When a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost(Seen),
    Once(Time),
    Twice(Time, Time),
}

/// All links.
#[derive(Debug)]
pub(super) struct Network {
    /// Of the links that nothing else is said of.
    plan: NetworkPlan,
    chance: Chance,
    links: BTreeMap<(u64, u64), Link>,
}

impl Network {
    pub(super) fn new(plan: NetworkPlan, links: &[LinkPlan], chance: Chance) -> Self {
        let links = links.iter().map(|link| ((link.from, link.to), Link::new(link.plan)));
        Self { plan, chance, links: links.collect() }
    }

    fn link(&mut self, from: u64, to: u64) -> &mut Link {
        let plan = self.plan;
        self.links.entry((from, to)).or_insert_with(|| Link::new(plan))
    }

    /// Puts `message` on the link from `sender`, who need not be who asked first.
    pub(super) fn send(
        &mut self,
        now: Time,
        sender: u64,
        message: &Message,
        coverage: &mut Coverage,
    ) -> Fate {
        let mut chance = self.chance.clone();
        let link = self.link(sender, message.to);
        let size = message.encoded_len() as u64;
        link.counters.sent += 1;
        link.counters.bytes += size;
        let fate = if let Some(seen) = link.loses(&mut chance) {
            link.counters.lost += 1;
            coverage.note(seen);
            Fate::Lost(seen)
        } else {
            let left = link.take_in(now, size, coverage);
            let first = link.arrival(left, &mut chance, coverage);
            if chance.happens(link.plan.duplication) {
                link.counters.duplicated += 1;
                coverage.note(Seen::MessageDuplicated);
                Fate::Twice(first, link.arrival(left, &mut chance, coverage))
            } else {
                Fate::Once(first)
            }
        };
        self.chance = chance;
        fate
    }

    /// The message that was the `name`th arrives. False when it is lost after all, because the link
    /// went down under it.
    pub(super) fn arrive(
        &mut self,
        sender: u64,
        to: u64,
        name: u64,
        coverage: &mut Coverage,
    ) -> bool {
        let link = self.link(sender, to);
        link.on_the_way = link.on_the_way.saturating_sub(1);
        if link.cuts > 0 {
            link.counters.lost += 1;
            coverage.note(Seen::MessageCut);
            return false;
        }
        if name < link.latest {
            coverage.note(Seen::MessageReordered);
        }
        link.latest = link.latest.max(name);
        true
    }

    /// Cuts a link. Answers whether it was up.
    pub(super) fn cut(&mut self, from: u64, to: u64) -> bool {
        let link = self.link(from, to);
        link.cuts += 1;
        link.cuts == 1
    }

    /// Takes back one [`cut`](Self::cut). Answers whether the link is up now.
    pub(super) fn mend(&mut self, from: u64, to: u64) -> bool {
        let link = self.link(from, to);
        let was_cut = link.cuts > 0;
        link.cuts = link.cuts.saturating_sub(1);
        was_cut && link.cuts == 0
    }

    /// Nothing arrives on the link before `until`, then all of it does.
    pub(super) fn clog(&mut self, from: u64, to: u64, until: Time) {
        let link = self.link(from, to);
        link.clogged_until = link.clogged_until.max(until);
    }

    /// From now on every message arrives. Answers the links that were down.
    pub(super) fn heal(&mut self) -> Vec<(u64, u64)> {
        self.plan = self.plan.healed();
        let mut mended = Vec::new();
        for (&ends, link) in &mut self.links {
            link.plan = link.plan.healed();
            (link.clogged_until, link.busy_until) = (0, 0);
            if std::mem::take(&mut link.cuts) > 0 {
                mended.push(ends);
            }
        }
        mended
    }

    /// What each link has carried, ascending by its ends.
    pub(super) fn counters(&self) -> impl Iterator<Item = ((u64, u64), LinkCounters)> {
        self.links.iter().map(|(&ends, link)| (ends, link.counters))
    }
}

/// How long a message is held up that is to be stale, on average: several elections.
const STALE: Time = 3_000_000;
/// Latency of a healed network: well below a tick.
const SOON: Time = 20_000;

#[cfg(test)]
mod tests {
    use raft_proto::MessageType;

    use super::*;

    /// A network, with what has been seen in it.
    struct Seeing(Network, Coverage);

    impl Seeing {
        fn send(&mut self, now: Time, from: u64, message: &Message) -> Fate {
            self.0.send(now, from, message, &mut self.1)
        }

        fn arrive(&mut self, from: u64, to: u64, name: u64) -> bool {
            self.0.arrive(from, to, name, &mut self.1)
        }
    }

    fn network(plan: NetworkPlan) -> Seeing {
        let plan = NetworkPlan { latency: 10, capacity: 2, ..plan };
        Seeing(Network::new(plan, &[], Chance::new(1, 1)), Coverage::default())
    }

    fn message(from: u64, to: u64) -> Message {
        Message { from, to, ..Message::new(MessageType::MsgHeartbeat) }
    }

    #[test]
    fn a_cut_link_carries_nothing_and_the_way_back_everything() {
        let mut network = network(NetworkPlan::default());
        assert!(network.0.cut(1, 2));
        assert!(!network.0.cut(1, 2), "twice");
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost(Seen::MessageCut));
        assert_eq!(network.send(0, 2, &message(2, 1)), Fate::Once(10));
        assert!(!network.0.mend(1, 2), "once more");
        assert!(network.0.mend(1, 2));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(10));
        let (ends, counters) = network.0.counters().next().unwrap();
        assert_eq!((ends, counters.sent, counters.lost), ((1, 2), 2, 1));
    }

    #[test]
    fn a_link_that_goes_down_loses_what_is_on_it() {
        let mut network = network(NetworkPlan::default());
        network.send(0, 1, &message(1, 2));
        network.0.cut(1, 2);
        assert!(!network.arrive(1, 2, 1));
    }

    #[test]
    fn a_full_link_loses_and_a_clogged_one_delays() {
        let mut network = network(NetworkPlan::default());
        network.0.clog(1, 2, 500);
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(500));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(500));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost(Seen::LinkFull));
        assert!(network.arrive(1, 2, 1));
        assert_eq!(network.send(600, 1, &message(1, 2)), Fate::Once(610));
    }

    #[test]
    fn a_healed_network_loses_nothing() {
        let all = Ppm(1_000_000);
        let mut network =
            network(NetworkPlan { loss: all, duplication: all, ..Default::default() });
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost(Seen::MessageLost));
        network.0.cut(3, 1);
        assert_eq!(network.0.heal(), [(3, 1)]);
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(10));
        assert_eq!(network.send(0, 3, &message(3, 1)), Fate::Once(10));
    }

    #[test]
    fn a_link_of_its_own_plan_is_not_as_the_others() {
        let slow = NetworkPlan { latency: 70, capacity: 9, ..NetworkPlan::default() };
        let plan = NetworkPlan { latency: 10, capacity: 9, ..NetworkPlan::default() };
        let links = [LinkPlan { from: 1, to: 2, plan: slow }];
        let network = Network::new(plan, &links, Chance::new(1, 1));
        let mut network = Seeing(network, Coverage::default());
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(70));
        assert_eq!(network.send(0, 2, &message(2, 1)), Fate::Once(10));
    }

    #[test]
    fn a_narrow_link_takes_one_message_after_the_other() {
        let mut network = network(NetworkPlan { bandwidth: 1000, ..Default::default() });
        let takes = message(1, 2).encoded_len() as u64 * SECOND / 1000;
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(takes + 10));
        assert_eq!(network.1.count(Seen::LinkBusy), 0);
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(2 * takes + 10));
        assert_eq!(network.1.count(Seen::LinkBusy), 1);
    }

    #[test]
    fn a_message_that_was_overtaken_is_noticed() {
        let mut network = network(NetworkPlan::default());
        for (name, overtaken) in [(2, 0), (1, 1), (3, 1)] {
            assert!(network.arrive(1, 2, name));
            assert_eq!(network.1.count(Seen::MessageReordered), overtaken);
        }
    }
}
