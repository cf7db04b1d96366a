//! Reading hard states.

use crate::HardState;

impl HardState {
    /// Whether nothing needs to survive: no term, no vote, nothing committed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == HardState::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_are_empty() {
        assert!(HardState::default().is_empty());
        assert!(!HardState { term: 1, ..HardState::default() }.is_empty());
        assert!(!HardState { vote: 1, ..HardState::default() }.is_empty());
        assert!(!HardState { commit: 1, ..HardState::default() }.is_empty());
    }
}
