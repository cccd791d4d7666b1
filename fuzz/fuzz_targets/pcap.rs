//! Reads pcap files of all kinds.

#![no_main]

use crosscap_fuzz::{capture, model, seeds, start};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::pcap), |data: &[u8]| {
    let (mend, data) = seeds::options(data);
    let mut bytes = data.to_vec();
    if !MAGICS.iter().any(|magic| data.starts_with(magic)) {
        let choice = data.first().map_or(0, |byte| usize::from(*byte) % MAGICS.len());
        bytes.splice(..data.len().min(4), MAGICS[choice]);
    }
    if mend {
        model::mend_pcap(&mut bytes);
    }
    capture::check(&bytes);
});

const MAGICS: [[u8; 4]; 6] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xcd, 0x34],
    [0x34, 0xcd, 0xb2, 0xa1],
];
