#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tieline_fuzz::targets::run("discord_markup", data));
