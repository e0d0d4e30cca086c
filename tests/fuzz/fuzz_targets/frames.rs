//! What a client may send, cut into envelopes and decoded. The first byte says which format the connection has.
#![no_main]

use bytes::BytesMut;
use helenus::cql::ProtocolVersion;
use helenus::protocol::compression::Compression;
use helenus::protocol::decode::decode;
use helenus::protocol::framing;
use helenus::protocol::header::{FLAG_COMPRESSED, WireVersion};
use helenus::protocol::inbound::{Inbound, Item, Rules};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((format, data)) = data.split_first() else { return };
    let rules = Rules { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20, consecutive_errors_max: 1 };
    let mut inbound = Inbound::new(rules, 1);
    let mut input = BytesMut::new();
    let version = ProtocolVersion::ALL[usize::from(format % 3)];
    let compression = [Compression::Lz4, Compression::Snappy][usize::from(format >> 2 & 1)];
    if version == ProtocolVersion::V5 {
        let lz4 = format & 8 != 0;
        inbound.settle(WireVersion::Supported(version), Some(lz4));
        inbound.set_authenticated();
        match format & 16 {
            // Right checksums around the bytes, which chance would hardly find.
            0 => data
                .chunks(framing::PAYLOAD_BYTES_MAX)
                .for_each(|chunk| framing::encode(&mut input, chunk, format & 32 != 0, lz4)),
            _ => input.extend_from_slice(data),
        }
    } else {
        inbound.settle(WireVersion::Supported(version), None);
        input.extend_from_slice(data);
    }
    while let Some(item) = inbound.next(&mut input, true) {
        match item {
            Item::Bad(bad) if bad.fatal => return,
            Item::Bad(_) => {}
            Item::Envelope(header, body) => {
                let body = match header.flags & FLAG_COMPRESSED {
                    0 => Ok(body),
                    _ => compression.decompress(&body),
                };
                let valid = body.and_then(|body| decode(&header, version, body)).is_ok();
                if inbound.note_body(valid) {
                    return;
                }
            }
        }
    }
});
