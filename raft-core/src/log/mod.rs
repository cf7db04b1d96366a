//! Floor 2. The log: what the storage holds, and the unstable part after it.

mod recent;
mod unstable;

use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use raft_proto::{Entries, Entry, Snapshot};

use self::recent::Recent;
use self::unstable::Unstable;
use crate::entry_run::{Budget, last_of_run};
use crate::error::StorageError;
use crate::event::{Event, Observer};
use crate::storage::{ReadPurpose, Storage};
use crate::types::{EntryId, LogSlice, MAX_INDEX};

/// The replicated log of one node.
///
/// Invariant: `applied <= applying <= committed <= last.index`.
#[derive(Clone, Debug)]
pub(crate) struct RaftLog<S> {
    storage: S,
    recent: Recent,
    unstable: Unstable,
    /// The last entry, or what stands before the first when there is none. Known without asking
    /// the storage, because only the node itself adds entries and takes them away at this end.
    last: EntryId,
    committed: u64,
    /// Committed entries up to here have been handed out to be applied.
    applying: u64,
    /// Committed entries up to here have been applied.
    applied: u64,
    /// Encoded bytes of committed entries that may be out at once.
    max_applying_size: u64,
    /// Encoded bytes of committed entries that are out.
    applying_size: u64,
    /// Nothing more is handed out until something is acknowledged as applied.
    applying_paused: bool,
    /// The storage has to fetch the entries that are to be handed out.
    apply_fetch: bool,
}

/// What became of reading entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// They are there.
    Done,
    /// The first of them is compacted.
    Compacted,
    /// The storage fetches them; ask again when it says so.
    Later,
}

impl<S: Storage> RaftLog<S> {
    pub(crate) fn new(
        storage: S,
        max_applying_size: u64,
        max_recent_size: u64,
    ) -> Result<Self, LogError> {
        let first = storage.first_index()?;
        let last = storage.last_index()?;
        if first == 0 || last > MAX_INDEX || first > last + 1 {
            return Err(LogError::Range { first, last });
        }
        let last = EntryId::new(storage.term(last)?, last);
        Ok(Self {
            storage,
            recent: Recent::new(last.index + 1, max_recent_size),
            unstable: Unstable::new(last.index + 1),
            last,
            committed: first - 1,
            applying: first - 1,
            applied: first - 1,
            max_applying_size,
            applying_size: 0,
            applying_paused: false,
            apply_fetch: false,
        })
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.recent.shrink_to_fit();
        self.unstable.shrink_to_fit();
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    pub(crate) fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    pub(crate) fn into_storage(self) -> S {
        self.storage
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn applying(&self) -> u64 {
        self.applying
    }

    pub(crate) fn last_id(&self) -> EntryId {
        self.last
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.last.index
    }

    pub(crate) fn first_index(&self) -> Result<u64, StorageError> {
        match self.unstable.snapshot() {
            Some(snapshot) => Ok(snapshot.index() + 1),
            None => self.storage.first_index(),
        }
    }

    pub(crate) fn unstable(&self) -> &Unstable {
        &self.unstable
    }

    /// The term of the entry at `index`; `None` when it is compacted or not there.
    pub(crate) fn term(&self, index: u64) -> Result<Option<u64>, StorageError> {
        if index == self.last.index {
            return Ok(Some(self.last.term));
        }
        if let Some(term) = self.unstable.term(index) {
            return Ok(Some(term));
        }
        if let Some(term) = self.recent.term(index) {
            return Ok(Some(term));
        }
        // The term of the entry before the first is known, though the entry is gone.
        if index > self.last.index || index + 1 < self.first_index()? {
            return Ok(None);
        }
        match self.storage.term(index) {
            Ok(term) => Ok(Some(term)),
            Err(StorageError::Compacted | StorageError::Unavailable) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the log holds an entry with this index and term (Raft §5.3).
    pub(crate) fn matches(&self, id: EntryId) -> Result<bool, StorageError> {
        Ok(self.term(id.index)? == Some(id.term))
    }

    /// Whether a log that ends with `other` is as up to date as this one (Raft §5.4.1).
    pub(crate) fn is_up_to_date(&self, other: EntryId) -> bool {
        other >= self.last
    }

    /// Appends to `out` the entries from `from` on that fit `max_size` encoded bytes, and at least
    /// one if there is one.
    pub(crate) fn entries_from(
        &self,
        from: u64,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<Fetched, StorageError> {
        if from > self.last.index {
            return Ok(Fetched::Done);
        }
        self.slice(from..self.last.index + 1, max_size, purpose, out)
    }

    /// Appends to `out` the entries of `range` that fit `max_size` encoded bytes, and at least one.
    /// The range ends at most one past the last entry.
    pub(crate) fn slice(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<Fetched, StorageError> {
        if range.is_empty() {
            return Ok(Fetched::Done);
        }
        let at_hand = self.recent.run().first();
        let mut budget = Budget::new(max_size);
        if range.start < at_hand {
            let stored = range.start..range.end.min(at_hand);
            let entries = match self.read_stored(stored.clone(), max_size, purpose)? {
                Ok(entries) => entries,
                Err(fetched) => return Ok(fetched),
            };
            let is_cut = (entries.len() as u64) < stored.end - stored.start;
            for segment in entries.segments() {
                budget.take_segment(segment.clone());
            }
            out.append(entries);
            if is_cut {
                return Ok(Fetched::Done);
            }
        }
        self.recent.run().slice_within(range.clone(), &mut budget, out);
        self.unstable.run().slice_within(range, &mut budget, out);
        Ok(Fetched::Done)
    }

    /// The entries of `range` that fit `max_size` encoded bytes, out of the storage.
    fn read_stored(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
    ) -> Result<Result<Entries, Fetched>, StorageError> {
        if range.start < self.first_index()? {
            return Ok(Err(Fetched::Compacted));
        }
        let mut stored = Entries::new();
        match self.storage.entries(range.clone(), max_size, purpose, &mut stored) {
            Ok(()) => {}
            Err(StorageError::Compacted) => return Ok(Err(Fetched::Compacted)),
            Err(StorageError::LogTemporarilyUnavailable) => return Ok(Err(Fetched::Later)),
            Err(error) => return Err(error),
        }
        check_stored(&stored, &range)?;
        Ok(Ok(stored))
    }

    /// Adds the one entry after the last, which the leader has just made.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        self.last = EntryId::of(&entry);
        self.unstable.push(entry);
    }

    /// Takes over a leader's slice if the entry before it matches. Answers the last index that is
    /// now known to equal the leader's; `None` when it does not match.
    pub(crate) fn maybe_append(
        &mut self,
        slice: LogSlice,
        leader_committed: u64,
        observer: &mut impl Observer,
    ) -> Result<Option<u64>, StorageError> {
        if !self.matches(slice.prev)? {
            return Ok(None);
        }
        let last_new = slice.last_index();
        if let Some(skip) = self.find_conflict(&slice.entries, observer)? {
            let new = match skip {
                0 => slice.entries,
                _ => slice.entries.slice(skip..slice.entries.len()),
            };
            self.unstable.truncate_and_append(&new, observer);
            self.recent.end_at(self.unstable.offset());
            if let Some(last) = new.last() {
                self.last = EntryId::of(last);
            }
        }
        self.commit_to(leader_committed.min(last_new));
        Ok(Some(last_new))
    }

    /// Replaces whatever is at the place of `entries`, and after.
    #[cfg(raft_fault)]
    pub(crate) fn overwrite(&mut self, entries: &Entries, observer: &mut impl Observer) {
        self.unstable.truncate_and_append(entries, observer);
        self.recent.end_at(self.unstable.offset());
        self.last = entries.last().map_or(self.last, EntryId::of);
    }

    /// The place in `entries` of the first that is not in the log as it is.
    fn find_conflict(
        &self,
        entries: &Entries,
        observer: &mut impl Observer,
    ) -> Result<Option<usize>, StorageError> {
        for (at, entry) in entries.iter().enumerate() {
            if entry.index > self.last.index {
                return Ok(Some(at));
            }
            let existing = self.term(entry.index)?;
            if existing != Some(entry.term) {
                observer.on_event(&Event::LogConflict {
                    index: entry.index,
                    existing_term: existing.unwrap_or(0),
                    conflicting_term: entry.term,
                });
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The last position at or below `index` whose term is at most `term`: the best guess of where
    /// a log that has `term` at `index` can match this one. The term is 0 where it is not known.
    pub(crate) fn find_conflict_by_term(
        &self,
        index: u64,
        term: u64,
    ) -> Result<EntryId, StorageError> {
        let mut index = index;
        while index > 0 {
            match self.term(index)? {
                None => return Ok(EntryId::new(0, index)),
                Some(ours) if ours <= term => return Ok(EntryId::new(ours, index)),
                Some(_) => index -= 1,
            }
        }
        Ok(EntryId::default())
    }

    /// Raises the commit index to `index`, at most to the end of the log.
    pub(crate) fn commit_to(&mut self, index: u64) {
        self.committed = self.committed.max(index.min(self.last.index));
    }

    /// Sets the commit index of a node that starts.
    pub(crate) fn start_at(&mut self, committed: u64) {
        self.committed = committed;
    }

    /// Forgets the log in favour of `snapshot`, which reaches beyond the commit index.
    pub(crate) fn restore(&mut self, snapshot: Snapshot, observer: &mut impl Observer) {
        let id = EntryId::new(snapshot.term(), snapshot.index());
        observer.on_event(&Event::LogRestoring { log: self, snapshot: id });
        self.committed = id.index;
        self.last = id;
        self.unstable.restore(snapshot);
        self.recent.start_over(self.unstable.offset());
        // What was being fetched is not needed any more.
        self.apply_fetch = false;
    }

    pub(crate) fn stable_to(&mut self, id: EntryId, observer: &mut impl Observer) {
        self.unstable.stable_to(id, observer, |segment| self.recent.keep(segment));
        self.recent.shrink();
    }

    /// The entries up to `index` are applied, and no peer lacks them: those that are on disk need
    /// not stay at hand.
    pub(crate) fn release(&mut self, index: u64) {
        self.recent.release(index.min(self.applied));
    }

    pub(crate) fn stable_snapshot_to(&mut self, index: u64) {
        self.unstable.stable_snapshot_to(index);
    }

    /// Everything unstable has been handed out to be persisted.
    pub(crate) fn accept_unstable(&mut self) {
        self.unstable.accept_in_progress();
    }

    /// The snapshot to send to a peer.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StorageError> {
        match self.unstable.snapshot() {
            Some(snapshot) => Ok(snapshot.clone()),
            None => self.storage.snapshot(),
        }
    }

    /// The highest index that may be handed out to be applied.
    fn max_appliable(&self, allow_unstable: AllowUnstable) -> u64 {
        match allow_unstable {
            AllowUnstable::Yes => self.committed,
            AllowUnstable::No => self.committed.min(self.unstable.offset() - 1),
        }
    }

    pub(crate) fn has_next_committed(&self, allow_unstable: AllowUnstable) -> bool {
        // A snapshot must be applied before the entries after it.
        !self.applying_paused
            && !self.apply_fetch
            && self.unstable.snapshot().is_none()
            && self.applying < self.max_appliable(allow_unstable)
    }

    /// Hands out the committed entries that are to be applied next.
    pub(crate) fn take_committed(
        &mut self,
        allow_unstable: AllowUnstable,
    ) -> Result<Entries, StorageError> {
        let mut out = Entries::new();
        if !self.has_next_committed(allow_unstable) {
            return Ok(out);
        }
        let high = self.max_appliable(allow_unstable);
        let range = self.applying + 1..high + 1;
        let max_size = self.max_applying_size.saturating_sub(self.applying_size);
        match self.slice(range, max_size, ReadPurpose::Apply, &mut out)? {
            Fetched::Done => {}
            Fetched::Later => self.apply_fetch = true,
            Fetched::Compacted => {
                return Err(StorageError::Contract("committed entries are compacted, not applied"));
            }
        }
        if let Some(last) = out.last().map(|e| e.index) {
            self.applying = last;
            self.applying_size = self.applying_size.saturating_add(out.encoded_size());
            // Cut short means that the next entry would pass the limit.
            self.applying_paused = self.applying_size >= self.max_applying_size || last < high;
        }
        Ok(out)
    }

    /// The storage has fetched the entries that are to be applied.
    pub(crate) fn apply_fetched(&mut self) {
        self.apply_fetch = false;
    }

    /// The entries up to `index`, of `size` encoded bytes together, have been applied.
    pub(crate) fn applied_to(&mut self, index: u64, size: u64) {
        debug_assert!(self.applied <= index && index <= self.committed);
        self.applied = index;
        self.applying = self.applying.max(index);
        self.applying_size = self.applying_size.saturating_sub(size);
        self.applying_paused = self.applying_size >= self.max_applying_size;
    }
}

/// Whether committed entries may be handed out before this node has them on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowUnstable {
    Yes,
    No,
}

/// Why a storage holds no log to start from.
#[derive(Debug)]
pub(crate) enum LogError {
    Storage(StorageError),
    Range { first: u64, last: u64 },
}

impl From<StorageError> for LogError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// What a storage gives must be what was asked for: everything after trusts the indexes.
fn check_stored(stored: &Entries, range: &Range<u64>) -> Result<(), StorageError> {
    if stored.is_empty() || stored.len() as u64 > range.end - range.start {
        return Err(StorageError::Contract("entries are fewer than one or more than asked for"));
    }
    match last_of_run(range.start, stored) {
        Some(_) => Ok(()),
        None => Err(StorageError::Contract("entries are not those asked for")),
    }
}

/// Without the storage, which is the application's.
impl<S> Hash for RaftLog<S> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { storage: _, recent, unstable, last, committed, applying, applied, .. } = self;
        // Its entries are those of the storage.
        recent.run().first().hash(hasher);
        (unstable, last, committed, applying, applied).hash(hasher);
        (self.max_applying_size, self.applying_size).hash(hasher);
        (self.applying_paused, self.apply_fetch).hash(hasher);
    }
}

impl<S> fmt::Display for RaftLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "committed={}, applied={}, applying={}, unstable.offset={}, unstable.offsetInProgress={}, len(unstable.Entries)={}",
            self.committed,
            self.applied,
            self.applying,
            self.unstable.offset(),
            self.unstable.in_progress_to(),
            self.unstable.len(),
        )
    }
}

#[cfg(test)]
mod tests;
