//! Bytes as wire types.

#![no_main]

use harness::fuzz::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let seen = decode(bytes);
    if cfg!(feature = "planted") {
        assert!(!(seen.entries >= 2 && seen.responses >= 1), "planted: {seen:?}");
    }
});
