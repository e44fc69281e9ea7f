#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(problem) = mplus_qapi::testkit::fuzzing::fault(bytes) {
        panic!("{problem}");
    }
});
