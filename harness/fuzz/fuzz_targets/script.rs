//! Bytes as a script.

#![no_main]

use harness::fuzz::script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let seen = script(bytes);
    if cfg!(feature = "planted") {
        assert!(!(seen.directives.is_some_and(|count| count >= 1)), "planted: {seen:?}");
    }
});
