//! Bytes as what happens in a cluster.

#![no_main]

use harness::fuzz::cluster;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let seen = cluster(bytes);
    if cfg!(feature = "planted") {
        assert!(!(seen.leaders >= 2 && seen.crashes >= 1), "planted: {seen:?}");
    }
});
