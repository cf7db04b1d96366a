//! Deliberate faults: to see that the simulator finds them. Only builds with `--cfg raft_fault` have any.

use std::collections::VecDeque;

use super::process::Step;

/// The fault of a run: of the core, of the driver, or (in every other build always) none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    #[cfg(raft_fault)]
    core: Option<raft_core::Fault>,
    #[cfg(raft_fault)]
    driver: Option<DriverFault>,
}

#[cfg(raft_fault)]
macro_rules! driver_faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal,)*) => {
        /// A mistake of those who write the loop around a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum DriverFault {
            $($(#[$doc])* $fault,)*
        }

        impl DriverFault {
            /// Each of them, with its name.
            pub(super) const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$fault)),*];
        }
    };
}

#[cfg(raft_fault)]
driver_faults! {
    /// Messages that vouch for a write leave without it. NodeDB #161, seaweedfs/raft #9.
    ReplyBeforePersist = "driver-reply-before-persist",
    /// Writes are not synced.
    NoSync = "driver-no-sync",
    /// The hard state is written before the entries that it counts as committed.
    HardStateFirst = "driver-hard-state-first",
    /// The hard state is not written at all.
    NoHardState = "driver-no-hard-state",
    /// A snapshot keeps the configuration of the one before. matrixone #23281.
    SnapshotWithoutConfiguration = "driver-snapshot-without-configuration",
    /// The applied index is made durable later than the state that it belongs to.
    AppliedIndexLate = "driver-applied-index-late",
    /// A read is served before its index is applied.
    ReadBeforeApplied = "driver-read-before-applied",
}

#[cfg(raft_fault)]
impl Fault {
    /// Every fault, with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        let core = raft_core::Fault::ALL.iter();
        let core = core.map(|fault| (fault.name(), Self { core: Some(*fault), driver: None }));
        let driver = DriverFault::ALL.iter();
        core.chain(driver.map(|(name, fault)| (*name, Self { core: None, driver: Some(*fault) })))
    }

    pub(super) fn core(self) -> Option<raft_core::Fault> {
        self.core
    }
}

/// Whether the driver makes this mistake: the constant `false`, but in builds with faults.
#[cfg(raft_fault)]
macro_rules! driver_fault {
    ($fault:expr, $name:ident) => {
        $fault.driver == Some(DriverFault::$name)
    };
}

#[cfg(not(raft_fault))]
macro_rules! driver_fault {
    ($fault:expr, $name:ident) => {
        false
    };
}

impl Fault {
    pub(super) fn replies_before_persisting(self) -> bool {
        driver_fault!(self, ReplyBeforePersist)
    }

    pub(super) fn saves_the_index_late(self) -> bool {
        driver_fault!(self, AppliedIndexLate)
    }

    pub(super) fn keeps_the_old_configuration(self) -> bool {
        driver_fault!(self, SnapshotWithoutConfiguration)
    }

    pub(super) fn reads_too_early(self) -> bool {
        driver_fault!(self, ReadBeforeApplied)
    }

    /// Changes what the disk is asked for.
    pub(super) fn alter(self, steps: &mut VecDeque<Step>) {
        if driver_fault!(self, NoSync) {
            steps.retain(|step| !matches!(step, Step::Sync));
        }
        if driver_fault!(self, NoHardState) {
            steps.retain(|step| !matches!(step, Step::HardState(_)));
        }
        if driver_fault!(self, HardStateFirst) {
            let is_hard_state = |step: &Step| matches!(step, Step::HardState(_));
            steps.make_contiguous().sort_by_key(|step| !is_hard_state(step));
        }
    }
}
