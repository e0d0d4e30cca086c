//! Frames to requests, and rows to frames.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use bytes::{BufMut, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use helenus::cql::ProtocolVersion;
use helenus::protocol::decode::{Message, decode};
use helenus::protocol::framing;
use helenus::protocol::header::WireVersion;
use helenus::protocol::inbound::{Inbound, Item, Rules};

/// What a driver sends at once under load.
const FRAMES: u64 = 64;

/// EXECUTE of an insert with five values, `version` in its header.
fn execute(version: u8, out: &mut BytesMut) {
    let mut body = BytesMut::new();
    body.put_u16(16);
    body.put_slice(&[7; 16]);
    if version == 5 {
        body.put_u16(16);
        body.put_slice(&[8; 16]);
    }
    body.put_u16(6); // LOCAL_QUORUM
    const VALUES_SKIP_METADATA_TIMESTAMP: u8 = 0x23;
    match version {
        5 => body.put_u32(VALUES_SKIP_METADATA_TIMESTAMP.into()),
        _ => body.put_u8(VALUES_SKIP_METADATA_TIMESTAMP),
    }
    let values: [&[u8]; 5] = [&[1; 16], &[2; 8], &[3; 16], b"PENDING", &[4; 8]];
    body.put_u16(5);
    for value in values {
        body.put_u32(u32::try_from(value.len()).unwrap());
        body.put_slice(value);
    }
    body.put_i64(1_700_000_000_000_000);
    out.put_slice(&[version, 0, 0, 1, 0x0A]);
    out.put_u32(u32::try_from(body.len()).unwrap());
    out.put_slice(&body);
}

fn decode_all(input: &mut BytesMut, version: ProtocolVersion, framed: Option<bool>) -> u64 {
    let rules = Rules { frame_bytes_max: 16 << 20, message_bytes_max: 16 << 20, consecutive_errors_max: 10 };
    let mut inbound = Inbound::new(rules, 0);
    inbound.settle(WireVersion::Supported(version), framed);
    inbound.set_authenticated();
    let mut count = 0;
    while let Some(item) = inbound.next(input, true) {
        let Item::Envelope(header, body) = item else { unreachable!("{item:?}") };
        let message = decode(&header, version, body).unwrap();
        assert!(matches!(black_box(message), Message::Request(_)));
        count += 1;
    }
    count
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Elements(FRAMES));
    let mut plain = BytesMut::new();
    let mut envelopes = BytesMut::new();
    for _ in 0..FRAMES {
        execute(4, &mut plain);
        execute(5, &mut envelopes);
    }
    group.bench_function("decode EXECUTE, v4", |b| {
        let run = |mut input: BytesMut| {
            assert_eq!(decode_all(&mut input, ProtocolVersion::V4, None), FRAMES);
        };
        b.iter_batched(|| plain.clone(), run, BatchSize::SmallInput);
    });
    for (name, lz4) in [("decode EXECUTE, v5 with checksums", false), ("decode EXECUTE, v5 with LZ4", true)] {
        let mut framed = BytesMut::new();
        framing::encode(&mut framed, &envelopes, true, lz4);
        group.bench_function(name, |b| {
            let run = |mut input: BytesMut| {
                assert_eq!(decode_all(&mut input, ProtocolVersion::V5, Some(lz4)), FRAMES);
            };
            b.iter_batched(|| framed.clone(), run, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
