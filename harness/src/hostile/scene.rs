//! A group of three whose first node has been led into a role and is now attacked.

use std::collections::BTreeSet;
use std::fmt;

use raft_core::{
    ApplyConfChangeError, CampaignError, Compat, Config, DropReason, EntryId, Poisoned,
    ProposeError, ReadPurpose, ReadyError, Refusal, StateRole, StepError, Storage, StorageError,
};
use raft_proto::bytes::Bytes;
use raft_proto::prost::Message as _;
use raft_proto::{ConfChangeV2, Entries, Entry, Message, MessageType};

use super::Checked;
use super::disk::Fault;
use super::group::Group;
use super::member::{AnyNode, Face, on_face, text};

/// The node that is attacked.
pub(crate) const VICTIM: u64 = 1;
/// Its leader, when it follows; else a peer.
pub(crate) const PEER: u64 = 2;
/// The other peer.
pub(crate) const OTHER: u64 = 3;

pub(crate) const MAX_PENDING_READS: usize = 8;
pub(crate) const MAX_QUEUED_MESSAGES: usize = 64;
pub(crate) const ELECTION_TICK: u32 = 10;
/// By then every heartbeat, election and check of a quorum is due that an attack can have put off.
const TICKS_WATCHED: u32 = 3 * ELECTION_TICK;

/// What differs between the runs of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) role: StateRole,
    pub(crate) face: Face,
    pub(crate) compat: Compat,
    pub(crate) pre_vote: bool,
    pub(crate) check_quorum: bool,
}

impl Setting {
    /// All of them. Nothing but pre-vote makes a pre-candidate, so that without it there is none.
    pub(crate) fn all() -> impl Iterator<Item = Setting> {
        let flags = (0..16).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit != 0));
        flags.flat_map(|[sync, strict, pre_vote, check_quorum]| {
            let roles = [
                StateRole::Follower,
                StateRole::PreCandidate,
                StateRole::Candidate,
                StateRole::Leader,
            ];
            let exists = move |role: &StateRole| pre_vote || *role != StateRole::PreCandidate;
            roles.into_iter().filter(exists).map(move |role| Setting {
                role,
                face: if sync { Face::Sync } else { Face::Async },
                compat: if strict { Compat::Strict } else { Compat::Etcd },
                pre_vote,
                check_quorum,
            })
        })
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}, {:?}", self.face, self.role, self.compat)?;
        let flags = [(self.pre_vote, "pre-vote"), (self.check_quorum, "check-quorum")];
        for (_, name) in flags.into_iter().filter(|(on, _)| *on) {
            write!(f, ", {name}")?;
        }
        Ok(())
    }
}

/// What an attack by message must come to.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// [`StepError::Refused`] with exactly this reason, and no trace.
    Refused(Refusal),
    /// [`StepError::UnknownKind`], and no trace.
    UnknownKind,
    /// [`StepError::Local`], and no trace.
    Local,
    /// [`StepError::Dropped`] with exactly this reason, and no trace.
    Dropped(DropReason),
    /// No error and no trace: such a message may also be late.
    Ignored,
    /// No error: it is handled as an honest one would be.
    Taken,
}

impl Expect {
    fn fits(&self, stepped: &Result<(), StepError>) -> bool {
        match (self, stepped) {
            (Expect::Refused(expected), Err(StepError::Refused { reason, .. })) => {
                reason == expected
            }
            (Expect::Dropped(expected), Err(StepError::Dropped(reason))) => reason == expected,
            (Expect::UnknownKind, Err(StepError::UnknownKind { .. }))
            | (Expect::Local, Err(StepError::Local { .. }))
            | (Expect::Ignored | Expect::Taken, Ok(())) => true,
            _ => false,
        }
    }

    /// The word by which the table must speak of it.
    fn word(&self) -> String {
        match self {
            Expect::Refused(reason) => variant_of(&text(reason)).to_owned(),
            Expect::Dropped(reason) => variant_of(&text(reason)).to_owned(),
            Expect::UnknownKind => "UnknownKind".to_owned(),
            Expect::Local => "Local".to_owned(),
            Expect::Ignored => "ignored".to_owned(),
            Expect::Taken => "taken".to_owned(),
        }
    }
}

/// The name of the variant whose `Debug` text this is.
fn variant_of(debug: &str) -> &str {
    debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// The outcomes that a row was seen to have, by the words that its text must have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes(BTreeSet<String>);

impl Outcomes {
    /// Takes note of a pattern that was matched, by its last variant that says something.
    pub(crate) fn note_pattern(&mut self, pattern: &str) {
        let mut words = pattern.split(|c: char| !c.is_ascii_alphanumeric());
        let says_something = |word: &&str| {
            let camel_case = word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.contains(|c: char| c.is_ascii_lowercase());
            camel_case && !["Ok", "Err", "Some", "None"].contains(word)
        };
        self.0.extend(words.rfind(says_something).map(str::to_owned));
    }

    pub(crate) fn extend(&mut self, other: Outcomes) {
        self.0.extend(other.0);
    }

    /// The outcomes that `text` does not speak of.
    pub(crate) fn missing_in(&self, text: &str) -> Vec<&str> {
        let missing = self.0.iter().filter(|word| !text.contains(word.as_str()));
        missing.map(String::as_str).collect()
    }
}

/// Fails the row unless the value matches the pattern, and takes note of the outcome.
macro_rules! demand {
    ($scene:expr, $value:expr, $pattern:pat $(if $guard:expr)?) => {{
        let value = $value;
        $scene.outcomes.note_pattern(stringify!($pattern));
        if !matches!(&value, $pattern $(if $guard)?) {
            return Err(format!("{value:?}, expected {}", stringify!($pattern $(if $guard)?)));
        }
    }};
}
pub(crate) use demand;

/// Fails the row with this complaint unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($complaint:tt)+) => {
        if !$condition {
            return Err(format!($($complaint)+));
        }
    };
}
pub(crate) use ensure;

/// The group, and what an attacker may know of the victim.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) setting: Setting,
    pub(crate) group: Group,
    pub(crate) outcomes: Outcomes,
    /// The victim's term.
    pub(crate) term: u64,
    /// The victim's last entry; it is neither committed nor on disk where the victim leads.
    pub(crate) last: EntryId,
    pub(crate) committed: u64,
    /// Whether honest messages may be refused in the end, because the attack was a lie that only
    /// later traffic brings to light.
    pub(crate) refusals_allowed: bool,
}

impl Scene {
    /// The scene as most rows want it.
    pub(crate) fn new(setting: Setting) -> Result<Self, String> {
        Self::build(setting, &|_| {}, &|_| Ok(()))
    }

    /// The same setting again, with other settings of the nodes, and with something that happens
    /// before the victim is led into its role.
    pub(crate) fn rebuild(
        &mut self,
        configure: impl Fn(&mut Config),
        before: impl Fn(&mut Group) -> Checked,
    ) -> Checked {
        let outcomes = core::mem::take(&mut self.outcomes);
        *self = Self { outcomes, ..Self::build(self.setting, &configure, &before)? };
        Ok(())
    }

    fn build(
        setting: Setting,
        configure: &dyn Fn(&mut Config),
        before: &dyn Fn(&mut Group) -> Checked,
    ) -> Result<Self, String> {
        let config = |id| {
            let mut config = Config {
                election_tick: ELECTION_TICK,
                heartbeat_tick: 3,
                max_pending_reads: MAX_PENDING_READS,
                max_queued_messages: MAX_QUEUED_MESSAGES,
                // So that what a storage gives or refuses is met.
                recent_entries_bytes: 0,
                compat: setting.compat,
                pre_vote: setting.pre_vote,
                check_quorum: setting.check_quorum,
                ..Config::new(id)
            };
            configure(&mut config);
            config
        };
        let mut group = Group::new(setting.face, &[VICTIM, PEER, OTHER], config).map_err(text)?;
        // Entries of two terms, applied everywhere.
        on_face!(group.node(OTHER), node => node.campaign()).map_err(text)?;
        group.run()?;
        on_face!(group.node(OTHER), node => node.propose("of the first term")).map_err(text)?;
        before(&mut group)?;
        let leader = if setting.role == StateRole::Leader { VICTIM } else { PEER };
        on_face!(group.node(OTHER), node => node.transfer_leader(leader)).map_err(text)?;
        group.run_until("leadership is handed over", |group| group.leader() == Some(leader))?;
        for data in ["one", "two"] {
            on_face!(group.node(leader), node => node.propose(data)).map_err(text)?;
        }
        group.run()?;
        enter_role(&mut group, setting)?;

        let status = group.node(VICTIM).basic_status();
        ensure!(status.soft_state.role == setting.role, "the victim is {status:?}");
        let last = last_entry(group.node(VICTIM), setting);
        Ok(Scene {
            setting,
            group,
            outcomes: Outcomes::default(),
            term: status.hard_state.term,
            last,
            committed: status.hard_state.commit,
            refusals_allowed: false,
        })
    }

    pub(crate) fn victim(&mut self) -> &mut AnyNode {
        self.group.node(VICTIM)
    }

    pub(crate) fn role(&self) -> StateRole {
        self.setting.role
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.setting.role == StateRole::Leader
    }

    pub(crate) fn is_follower(&self) -> bool {
        self.setting.role == StateRole::Follower
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.setting.compat == Compat::Strict
    }

    pub(crate) fn is_async(&self) -> bool {
        self.setting.face == Face::Async
    }

    /// The leader that the victim knows: [`PEER`], itself, or nobody.
    pub(crate) fn leader_known(&self) -> u64 {
        match self.setting.role {
            StateRole::Follower => PEER,
            StateRole::Leader => VICTIM,
            StateRole::Candidate | StateRole::PreCandidate => 0,
        }
    }

    /// A message from [`PEER`] to the victim, of the victim's term.
    pub(crate) fn message(&self, kind: MessageType) -> Message {
        Message { from: PEER, to: VICTIM, term: self.term, ..Message::new(kind) }
    }

    /// An append after the victim's last entry.
    pub(crate) fn append(&self, entries: impl IntoIterator<Item = (u64, u64)>) -> Message {
        let entry = |(term, index)| Entry::new(term, index, "hostile");
        Message {
            index: self.last.index,
            log_term: self.last.term,
            entries: entries.into_iter().map(entry).collect::<Entries>(),
            commit: self.committed,
            ..self.message(MessageType::MsgApp)
        }
    }

    /// A proposal or read, which has no term.
    pub(crate) fn forwarded(&self, kind: MessageType, entries: Entries) -> Message {
        Message { term: 0, entries, ..self.message(kind) }
    }

    /// Gives the victim `message` as it comes from the wire.
    pub(crate) fn attack(&mut self, message: Message, expected: Expect) -> Checked {
        let bytes = Bytes::from(message.encode_to_vec());
        let received = Message::decode(bytes).map_err(text)?;
        ensure!(received == message, "the wire changes {message:?}");
        self.outcomes.0.insert(expected.word());
        let stepped = match expected {
            Expect::Taken => self.victim().step(received),
            _ => self.without_trace(|node| node.step(received))?,
        };
        ensure!(expected.fits(&stepped), "{stepped:?}, expected {expected:?}");
        Ok(())
    }

    /// Gives the victim `message` again and again, until it is dropped for exactly this reason.
    pub(crate) fn flood(&mut self, message: Message, reason: DropReason) -> Checked {
        for _ in 0..2 * MAX_QUEUED_MESSAGES {
            if self.victim().clone().step(message.clone()).is_err() {
                break;
            }
            self.attack(message.clone(), Expect::Taken)?;
        }
        self.attack(message, Expect::Dropped(reason))
    }

    /// Does something to the victim that must change nothing: neither its digest, nor what it does
    /// in the ticks that follow, compared with a twin that it was not done to.
    pub(crate) fn without_trace<T: fmt::Debug>(
        &mut self,
        act: impl FnOnce(&mut AnyNode) -> T,
    ) -> Result<T, String> {
        let mut twin = self.victim().clone();
        let outcome = act(self.victim());
        let mut watched = self.victim().clone();
        for tick in 0..=TICKS_WATCHED {
            ensure!(watched.digest() == twin.digest(), "{outcome:?} left a trace at tick {tick}");
            watched.tick();
            twin.tick();
        }
        Ok(outcome)
    }

    /// Runs the group until the victim's storage makes it fail, and checks that from then on it
    /// refuses everything and changes no more.
    pub(crate) fn fail_by(&mut self, fault: Fault, fits: fn(&StorageError) -> bool) -> Checked {
        self.victim().disk_mut().fault = Some(fault);
        let mut round = 0;
        self.group.run_until("the storage's error shows", |group| {
            if round % 10 == 0
                && let Some(leader) = group.leader()
            {
                on_face!(group.node(leader), node => node.propose("read this")).ok();
            }
            round += 1;
            group.member(VICTIM).failure.is_some()
        })?;
        self.check_poisoned(fits)
    }

    /// Every call must give the storage's error again.
    pub(crate) fn check_poisoned(&mut self, fits: fn(&StorageError) -> bool) -> Checked {
        self.outcomes.0.insert("Poisoned".to_owned());
        ensure!(self.victim().has_ready(), "a loop that only looks at `ready` hears nothing of it");
        let heartbeat = self.message(MessageType::MsgHeartbeat);
        let errors = self.without_trace(|node| {
            node.tick();
            let calls = on_face!(node, node => [
                poison(node.step(heartbeat), |error| match error {
                    StepError::Poisoned(poisoned) => Some(poisoned),
                    _ => None,
                }),
                poison(node.campaign(), |error| match error {
                    CampaignError::Poisoned(poisoned) => Some(poisoned),
                    _ => None,
                }),
                poison(node.propose("late"), |error| match error {
                    ProposeError::Poisoned(poisoned) => Some(poisoned),
                    _ => None,
                }),
                poison(node.apply_conf_change(&ConfChangeV2::default()), |error| match error {
                    ApplyConfChangeError::Poisoned(poisoned) => Some(poisoned),
                    _ => None,
                }),
                poison(node.read_index("context"), Some),
                poison(node.on_entries_fetched(ReadPurpose::Apply), Some),
            ]);
            let ready = match node {
                AnyNode::Async(node) => poison(node.ready(), Some),
                AnyNode::Sync(node) => poison(node.ready(), |error| match error {
                    ReadyError::Poisoned(poisoned) => Some(poisoned),
                    _ => None,
                }),
            };
            calls.into_iter().chain([ready]).collect::<Vec<_>>()
        })?;
        for error in errors {
            let Some(Poisoned(error)) = error else {
                return Err("a call goes on although the storage failed".to_owned());
            };
            ensure!(fits(&error), "poisoned by {error:?}");
        }
        self.group.member(VICTIM).down = true;
        Ok(())
    }

    /// What must hold after every row: those who are up commit, and so do all once the victim has
    /// been repaired.
    pub(crate) fn heal(&mut self) -> Checked {
        self.group.cut_off.clear();
        if self.group.find(VICTIM).is_some() && self.group.member(VICTIM).down {
            self.group.commit()?;
            self.group.restart(VICTIM, |_, disk| disk.fault = None).map_err(text)?;
        }
        self.group.commit()?;
        for member in &self.group.members {
            ensure!(member.failure.is_none(), "{}: {:?}", member.config.id, member.failure);
        }
        let refusals = &self.group.refusals;
        ensure!(self.refusals_allowed || refusals.is_empty(), "honest traffic: {refusals:?}");
        self.group.check_agreement()
    }
}

/// The storage's error, if that is what a call came to.
fn poison<T, E>(outcome: Result<T, E>, of: impl FnOnce(E) -> Option<Poisoned>) -> Option<Poisoned> {
    outcome.err().and_then(of)
}

/// Leads the victim into its role, where each of its timers has run for a while.
fn enter_role(group: &mut Group, setting: Setting) -> Checked {
    match setting.role {
        StateRole::Follower => {
            // It holds an entry that is not on disk, and that it has not acknowledged.
            on_face!(group.node(PEER), node => node.propose("not committed")).map_err(text)?;
            group.work(PEER);
            let at = group.network.iter().position(|message| message.to == VICTIM);
            let append = at.and_then(|at| group.network.remove(at));
            let append = append.ok_or("the leader sends nothing")?;
            group.node(VICTIM).step(append).map_err(text)?;
        }
        StateRole::PreCandidate | StateRole::Candidate => {
            on_face!(group.node(VICTIM), node => node.campaign()).map_err(text)?;
            if setting.pre_vote && setting.role == StateRole::Candidate {
                // Its own pre-vote comes back when it is on disk, the other as a message.
                group.work(VICTIM);
                let term = group.node(VICTIM).basic_status().hard_state.term + 1;
                let granted = Message {
                    from: PEER,
                    to: VICTIM,
                    term,
                    ..Message::new(MessageType::MsgPreVoteResp)
                };
                group.node(VICTIM).step(granted).map_err(text)?;
            }
        }
        StateRole::Leader => {
            // It holds a proposal that is not on disk, and a read that nobody has confirmed.
            on_face!(group.node(VICTIM), node => {
                node.propose("not committed").map_err(text)?;
                node.read_index("waits").map_err(text)?;
            });
        }
    }
    (0..4).for_each(|_| group.node(VICTIM).tick());
    Ok(())
}

fn last_entry(victim: &AnyNode, setting: Setting) -> EntryId {
    let disk = &victim.disk().memory;
    let stored = disk.last_index().unwrap_or_default();
    let term = disk.term(stored).unwrap_or_default();
    match setting.role {
        StateRole::Follower | StateRole::Leader => EntryId::new(term, stored + 1),
        StateRole::PreCandidate | StateRole::Candidate => EntryId::new(term, stored),
    }
}

#[cfg(test)]
mod tests;
