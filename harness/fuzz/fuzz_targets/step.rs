//! Bytes as messages to a node in a role.

#![no_main]

use harness::fuzz::step;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let seen = step(bytes);
    if cfg!(feature = "planted") {
        assert!(!(seen.snapshots >= 1), "planted: {seen:?}");
    }
});
