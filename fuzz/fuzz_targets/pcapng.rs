//! Reads pcapng files of both byte orders.

#![no_main]

use crosscap_fuzz::{capture, model, seeds, start};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::pcapng), |data: &[u8]| {
    let (mend, data) = seeds::options(data);
    let mut bytes = data.to_vec();
    if !ORDERS.iter().any(|order| data.get(8..12) == Some(order)) {
        let choice = data.first().map_or(0, |byte| usize::from(byte % 2));
        bytes.resize(data.len().max(12), 0);
        bytes[8..12].copy_from_slice(&ORDERS[choice]);
    }
    bytes[..4].copy_from_slice(&[0x0a, 0x0d, 0x0d, 0x0a]);
    if mend {
        model::mend_pcapng(&mut bytes);
    }
    capture::check(&bytes);
});

const ORDERS: [[u8; 4]; 2] = [[0x1a, 0x2b, 0x3c, 0x4d], [0x4d, 0x3c, 0x2b, 0x1a]];
