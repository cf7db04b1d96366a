//! The table of hostile cases: messages that no correct peer sends, calls that no correct
//! application makes, and storages that fail, each with what etcd's raft and raft-rs do about it
//! and what this library does.
//!
//! A row is data and a check in one. The check runs in a group of three, with the attacked node in
//! each role, with pre-vote and the check of the quorum on and off, as
//! [`RawNode`](raft_core::RawNode) and as [`AsyncRawNode`](raft_core::AsyncRawNode), and under both
//! kinds of [`Compat`](raft_core::Compat). It demands the exact error; that the node's digest is as
//! before, then and in each tick of the following election timeouts (so that no timer was reset);
//! and that the group then commits a proposal on all its nodes.
//!
//! A row that leaves roles or a face out says so, and each outcome that its check saw must be named
//! in its text. Where a row has `-` for another library, nothing is known.
//!
//! ```
//! let first = harness::hostile::cases().next().unwrap();
//! assert_eq!(first.name(), "P01");
//! assert_eq!(first.check(), Ok(()));
//! ```
//!
//! The program `hostile` prints the table.

mod cases;
pub(crate) mod disk;
pub(crate) mod group;
pub(crate) mod member;
pub(crate) mod scene;
mod table;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use raft_core::StateRole;

use self::member::Face;
use self::scene::{Outcomes, Scene, Setting};
pub use self::table::{Verdict, heading};

/// What a check answers: a complaint when the row does not hold.
pub(crate) type Checked = Result<(), String>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    number: u32,
    what: &'static str,
    at: At,
    etcd: &'static str,
    raft_rs: &'static str,
    ours: &'static str,
    run: fn(&mut Scene) -> Checked,
}

/// Where a row is run.
#[derive(Clone, Copy, Debug)]
struct At {
    roles: &'static [StateRole],
    faces: &'static [Face],
}

impl At {
    const EVERYWHERE: At = At {
        roles: &[
            StateRole::Follower,
            StateRole::PreCandidate,
            StateRole::Candidate,
            StateRole::Leader,
        ],
        faces: &[Face::Sync, Face::Async],
    };
    const SYNC: At = At { faces: &[Face::Sync], ..At::EVERYWHERE };
    const ASYNC: At = At { faces: &[Face::Async], ..At::EVERYWHERE };
    const FOLLOWER: At = At { roles: &[StateRole::Follower], ..At::EVERYWHERE };
    const CANDIDATE: At = At { roles: &[StateRole::Candidate], ..At::EVERYWHERE };
    const LEADER: At = At { roles: &[StateRole::Leader], ..At::EVERYWHERE };
    /// Those that take proposals.
    const FOLLOWER_LEADER: At =
        At { roles: &[StateRole::Follower, StateRole::Leader], ..At::EVERYWHERE };

    fn settings(self) -> impl Iterator<Item = Setting> {
        Setting::all().filter(move |setting| {
            self.roles.contains(&setting.role) && self.faces.contains(&setting.face)
        })
    }
}

/// Rows that attack the same part of the library.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    title: &'static str,
    cases: &'static [Case],
}

impl Section {
    /// What is attacked.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The rows, in the order of their numbers.
    #[must_use]
    pub fn cases(&self) -> &'static [Case] {
        self.cases
    }
}

/// The whole table.
#[must_use]
pub fn sections() -> &'static [Section] {
    &cases::TABLE
}

/// All rows, in the order of their numbers.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    sections().iter().flat_map(Section::cases)
}

impl Case {
    /// The row's name, as `P07`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("P{:02}", self.number)
    }

    /// The message or the call.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Runs the row in every setting that it is for. Answers the first complaint, with how many
    /// settings have one.
    ///
    /// # Errors
    /// The library does something else than the table says, or panics.
    pub fn check(&self) -> Result<(), String> {
        let mut outcomes = Outcomes::default();
        let (mut runs, mut complaints) = (0, Vec::new());
        for setting in self.at.settings() {
            runs += 1;
            let checked = catch_unwind(AssertUnwindSafe(|| self.check_in(setting)));
            match checked.unwrap_or_else(|panic| Err(panic_text(&*panic))) {
                Ok(seen) => outcomes.extend(seen),
                Err(complaint) => complaints.push(format!("{setting}: {complaint}")),
            }
        }
        if let Some(first) = complaints.first() {
            return Err(format!("in {} of {runs} settings, first {first}", complaints.len()));
        }
        match outcomes.missing_in(self.ours).as_slice() {
            [] => Ok(()),
            unnamed => Err(format!("the table does not speak of {unnamed:?}")),
        }
    }

    fn check_in(&self, setting: Setting) -> Result<Outcomes, String> {
        let mut scene = Scene::new(setting)?;
        (self.run)(&mut scene)?;
        scene.heal()?;
        Ok(scene.outcomes)
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("of an unknown kind"))
}
