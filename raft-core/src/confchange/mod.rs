//! Floor 4. From one configuration to the next. Pure: a tracker in, a tracker out.

mod changer;
mod restore;

pub use self::changer::Changer;
pub use self::restore::restore;
