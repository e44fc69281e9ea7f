#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target calls one of them")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    if let Err(problem) = runtime.block_on(checks::viva(bytes)) {
        panic!("{problem}");
    }
});
