//! Floor 0. Every way in which a call can fail, as values.

mod call;
mod construct;
mod step;
mod storage;

pub use self::call::{
    AdvanceError, ApplyConfChangeError, CampaignError, CampaignRefused, ForgetRefused,
    ProposeError, ReadyError, TimeoutOutOfRange, TransferRefused,
};
pub(crate) use self::construct::MAX_ELECTION_TICK;
pub use self::construct::{BootstrapError, ConfChangeError, ConfStateError, ConfigError, NewError};
pub use self::step::{DropReason, MAX_TERM, Refusal, StepError};
pub use self::storage::{Poisoned, StorageError};
