//! A set of voters of which a majority decides.

use alloc::string::{String, ToString};
use alloc::{vec, vec::Vec};
use core::fmt;

use super::{AckedIndex, VoteResult};
use crate::id_set::IdSet;

/// Voters of which more than half make a quorum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MajorityConfig(pub IdSet);

/// Up to here acknowledged indexes are sorted on the stack.
const ON_STACK: usize = 7;

impl MajorityConfig {
    /// How many voters make a quorum.
    fn quorum(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// The highest index that a quorum has acknowledged. Without voters `u64::MAX`, so that an
    /// empty half of a joint configuration never holds the other back.
    pub fn committed_index(&self, acked: &impl AckedIndex) -> u64 {
        let voters = self.0.as_slice();
        let mut on_stack = [0; ON_STACK];
        let mut on_heap;
        let indexes = match on_stack.get_mut(..voters.len()) {
            Some(indexes) => indexes,
            None => {
                on_heap = vec![0; voters.len()];
                on_heap.as_mut_slice()
            }
        };
        for (index, &id) in indexes.iter_mut().zip(voters) {
            *index = acked.acked_index(id).unwrap_or(0);
        }
        indexes.sort_unstable();
        // A quorum of indexes is at or above this place.
        let place = indexes.len().checked_sub(self.quorum());
        place.and_then(|place| indexes.get(place)).copied().unwrap_or(u64::MAX)
    }

    /// How the election stands when `vote` tells each voter's answer. Without voters it is won.
    pub fn vote_result(&self, vote: &impl Fn(u64) -> Option<bool>) -> VoteResult {
        if self.0.is_empty() {
            return VoteResult::Won;
        }
        let (mut granted, mut missing) = (0, 0);
        for id in self.0.iter() {
            match vote(id) {
                Some(true) => granted += 1,
                Some(false) => {}
                None => missing += 1,
            }
        }
        if granted >= self.quorum() {
            VoteResult::Won
        } else if granted + missing >= self.quorum() {
            VoteResult::Pending
        } else {
            VoteResult::Lost
        }
    }

    /// A chart of what each voter has acknowledged, in etcd's form.
    pub fn describe(&self, acked: &impl AckedIndex) -> String {
        let rows = self.0.iter().map(|id| (id, acked.acked_index(id))).collect();
        Chart { rows }.to_string()
    }
}

struct Chart {
    rows: Vec<(u64, Option<u64>)>,
}

impl Chart {
    /// How many voters have acknowledged less than `index`.
    fn bar(&self, index: u64) -> usize {
        self.rows.iter().filter(|(_, acked)| acked.unwrap_or(0) < index).count()
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.len();
        if width == 0 {
            return f.write_str("<empty majority quorum>");
        }
        writeln!(f, "{:width$}    idx", "")?;
        for &(id, acked) in &self.rows {
            let index = acked.unwrap_or(0);
            match acked {
                None => write!(f, "?{:width$}", "")?,
                Some(_) => {
                    let bar = self.bar(index);
                    write!(f, "{:x<bar$}>{:rest$}", "", "", rest = width - bar)?;
                }
            }
            writeln!(f, " {index:5}    (id={id:x})")?;
        }
        Ok(())
    }
}
