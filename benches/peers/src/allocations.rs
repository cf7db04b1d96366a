//! Counts what is allocated.
//!
//! The crates that do this count always, or allocate zeroed and grown memory in a slower way than
//! the system does. Both would show in the times.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

/// The system's allocator, which counts while it is asked to.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNTED: Cell<Option<Allocations>> = const { Cell::new(None) };
}

fn count(allocated: usize, freed: usize) {
    if let Some(counted) = COUNTED.get() {
        let kept = counted.kept + allocated as i64 - freed as i64;
        COUNTED.set(Some(Allocations {
            calls: counted.calls + u64::from(allocated > 0),
            bytes: counted.bytes + allocated as u64,
            kept,
            peak: counted.peak.max(kept),
        }));
    }
}

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

/// Makes the system keep what is freed.
///
/// glibc gives memory back to the kernel above a threshold, which follows the largest block that was
/// freed. With the small one at the start large payloads would cost what page faults cost.
pub(crate) fn keep_what_is_freed() {
    drop(black_box(vec![1_u8; 16 << 20]));
}

/// What some work has allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocations {
    /// How often memory was allocated, or grown.
    pub(crate) calls: u64,
    /// How many bytes that were.
    pub(crate) bytes: u64,
    /// The bytes that were not freed again; negative when more was freed.
    pub(crate) kept: i64,
    /// The most that `kept` was on the way.
    pub(crate) peak: i64,
}

/// Counts what `work` allocates in this thread. It must not be nested.
pub(crate) fn count_during<T>(work: impl FnOnce() -> T) -> (T, Allocations) {
    COUNTED.set(Some(Allocations::default()));
    let result = work();
    (result, COUNTED.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_allocated_and_freed() {
        let ((), nothing) = count_during(|| {});
        assert_eq!(nothing, Allocations::default());
        let (kept, some) = count_during(|| {
            let mut grown: Vec<u8> = Vec::with_capacity(10);
            grown.reserve_exact(20);
            drop(vec![0_u8; 100]);
            grown
        });
        assert_eq!(some, Allocations { calls: 3, bytes: 130, kept: 20, peak: 120 });
        drop(kept);
    }
}
