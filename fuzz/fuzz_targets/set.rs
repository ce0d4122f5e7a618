#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    mnm_hostile_input::set(bytes);
});
