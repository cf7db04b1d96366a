//! The network: one directed link for each pair of nodes.

use std::collections::BTreeMap;

use raft_proto::Message;
use raft_proto::prost::Message as _;
use serde::{Deserialize, Serialize};

use super::Time;
use super::chance::{Chance, Ppm};

/// How messages fare on every link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How many partitions run through it.
    cuts: u32,
    /// Nothing arrives before.
    clogged_until: Time,
    on_the_way: u32,
    counters: LinkCounters,
}

/// When a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost(&'static str),
    Once(Time),
    Twice(Time, Time),
}

/// All links.
#[derive(Debug)]
pub(super) struct Network {
    plan: NetworkPlan,
    chance: Chance,
    links: BTreeMap<(u64, u64), Link>,
}

impl Network {
    pub(super) fn new(plan: NetworkPlan, chance: Chance) -> Self {
        Self { plan, chance, links: BTreeMap::new() }
    }

    /// Puts `message` on the link from `sender`, who need not be who asked first.
    pub(super) fn send(&mut self, now: Time, sender: u64, message: &Message) -> Fate {
        let link = self.links.entry((sender, message.to)).or_default();
        link.counters.sent += 1;
        link.counters.bytes += message.encoded_len() as u64;
        let lost = if link.cuts > 0 {
            Some("partition")
        } else if link.on_the_way >= self.plan.capacity {
            Some("link is full")
        } else if self.chance.happens(self.plan.loss) {
            Some("loss")
        } else {
            None
        };
        if let Some(why) = lost {
            link.counters.lost += 1;
            return Fate::Lost(why);
        }
        let mut arrival = || {
            let mut takes = self.plan.latency + self.chance.around(self.plan.jitter);
            if self.chance.happens(self.plan.stale) {
                takes += self.chance.around(STALE);
            }
            (now + takes).max(link.clogged_until)
        };
        let first = arrival();
        let second = arrival();
        link.on_the_way += 1;
        if self.chance.happens(self.plan.duplication) {
            link.on_the_way += 1;
            link.counters.duplicated += 1;
            return Fate::Twice(first, second);
        }
        Fate::Once(first)
    }

    /// A message arrives. False when it is lost after all, because the link went down under it.
    pub(super) fn arrive(&mut self, sender: u64, to: u64) -> bool {
        let Some(link) = self.links.get_mut(&(sender, to)) else { return true };
        link.on_the_way = link.on_the_way.saturating_sub(1);
        if link.cuts > 0 {
            link.counters.lost += 1;
        }
        link.cuts == 0
    }

    /// Cuts a link. Answers whether it was up.
    pub(super) fn cut(&mut self, from: u64, to: u64) -> bool {
        let link = self.links.entry((from, to)).or_default();
        link.cuts += 1;
        link.cuts == 1
    }

    /// Takes back one [`cut`](Self::cut). Answers whether the link is up now.
    pub(super) fn mend(&mut self, from: u64, to: u64) -> bool {
        let link = self.links.entry((from, to)).or_default();
        let was_cut = link.cuts > 0;
        link.cuts = link.cuts.saturating_sub(1);
        was_cut && link.cuts == 0
    }

    /// Nothing arrives on the link before `until`, then all of it does.
    pub(super) fn clog(&mut self, from: u64, to: u64, until: Time) {
        let link = self.links.entry((from, to)).or_default();
        link.clogged_until = link.clogged_until.max(until);
    }

    /// From now on every message arrives, soon and in order, as over a connection. Answers the links that were down.
    pub(super) fn heal(&mut self) -> Vec<(u64, u64)> {
        self.plan.latency = self.plan.latency.min(SOON);
        self.plan.jitter = 0;
        (self.plan.loss, self.plan.duplication, self.plan.stale) = Default::default();
        self.plan.capacity = u32::MAX;
        let mut mended = Vec::new();
        for (&ends, link) in &mut self.links {
            link.clogged_until = 0;
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

    fn network(plan: NetworkPlan) -> Network {
        Network::new(NetworkPlan { latency: 10, capacity: 2, ..plan }, Chance::new(1, 1))
    }

    fn message(from: u64, to: u64) -> Message {
        Message { from, to, ..Message::new(MessageType::MsgHeartbeat) }
    }

    #[test]
    fn a_cut_link_carries_nothing_and_the_way_back_everything() {
        let mut network = network(NetworkPlan::default());
        assert!(network.cut(1, 2));
        assert!(!network.cut(1, 2), "twice");
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost("partition"));
        assert_eq!(network.send(0, 2, &message(2, 1)), Fate::Once(10));
        assert!(!network.mend(1, 2), "once more");
        assert!(network.mend(1, 2));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(10));
        let (ends, counters) = network.counters().next().unwrap();
        assert_eq!((ends, counters.sent, counters.lost), ((1, 2), 2, 1));
    }

    #[test]
    fn a_link_that_goes_down_loses_what_is_on_it() {
        let mut network = network(NetworkPlan::default());
        network.send(0, 1, &message(1, 2));
        network.cut(1, 2);
        assert!(!network.arrive(1, 2));
    }

    #[test]
    fn a_full_link_loses_and_a_clogged_one_delays() {
        let mut network = network(NetworkPlan::default());
        network.clog(1, 2, 500);
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(500));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(500));
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost("link is full"));
        assert!(network.arrive(1, 2));
        assert_eq!(network.send(600, 1, &message(1, 2)), Fate::Once(610));
    }

    #[test]
    fn a_healed_network_loses_nothing() {
        let all = Ppm(1_000_000);
        let mut network =
            network(NetworkPlan { loss: all, duplication: all, ..Default::default() });
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Lost("loss"));
        network.cut(3, 1);
        assert_eq!(network.heal(), [(3, 1)]);
        assert_eq!(network.send(0, 1, &message(1, 2)), Fate::Once(10));
        assert_eq!(network.send(0, 3, &message(3, 1)), Fate::Once(10));
    }
}
