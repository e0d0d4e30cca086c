//! What Cassandra 5.0.6 answers to raw bytes (`tests/data/protocol/wire.txt`), compared with what we do.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::compression::Compression;
use super::super::{Encryption, Governor, Limits, Server};
use super::fake::Fake;
use super::wire::{Decoder, Envelope};

/// Where we differ on purpose, by the beginning of the case's name, and from which step on.
const DIFFERENCES: &[(&str, usize, &str)] = &[
    ("startup-no-version-v5", 1, "after a STARTUP that failed we do not go over to frames"),
    ("startup-old-cql-v5", 1, "after a STARTUP that failed we do not go over to frames"),
    ("unknown-opcode-before-startup", 1, "we skip the bad envelope, Cassandra reads it for ever"),
    ("unknown-opcode-v3", 2, "we skip the bad envelope, Cassandra reads it for ever"),
    ("unknown-opcode-v4", 2, "we skip the bad envelope, Cassandra reads it for ever"),
    ("negative-opcode", 1, "Cassandra: ArrayIndexOutOfBoundsException, without a stream"),
    ("response-opcode-v3", 2, "we skip the bad envelope, Cassandra reads it for ever"),
    ("response-opcode-v4", 2, "we skip the bad envelope, Cassandra reads it for ever"),
    ("response-direction-after", 2, "we skip the bad envelope, Cassandra reads it for ever"),
    ("response-direction-result-v3", 1, "Cassandra tries to decode it"),
    ("response-direction-result-v4", 1, "Cassandra tries to decode it"),
    ("lz4-garbage", 1, "Cassandra answers on stream 0"),
    ("lz4-short", 1, "Cassandra answers on stream 0"),
    ("lz4-empty", 1, "Cassandra answers on stream 0"),
    ("snappy-garbage", 1, "Cassandra answers on stream 0"),
    ("length-beyond-frame-v5", 1, "we close, Cassandra's connection is stuck"),
    ("short-envelope-v5", 1, "we close, Cassandra's connection is stuck"),
];

struct Case {
    name: String,
    steps: Vec<(Vec<u8>, Vec<u8>)>,
    closed: bool,
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |text: &str| u8::from_str_radix(text, 16).unwrap();
    let mut out = Vec::new();
    for part in text.split_whitespace() {
        match part.split_once('*') {
            Some((value, count)) => out.extend(std::iter::repeat_n(byte(value), count.parse().unwrap())),
            None => out.extend((0..part.len()).step_by(2).map(|at| byte(&part[at..at + 2]))),
        }
    }
    out
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/protocol/wire.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("case ") {
            cases.push(Case { name: name.to_owned(), steps: Vec::new(), closed: false });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match line.split_at(1) {
            (">", hex) => case.steps.push((unhex(hex), Vec::new())),
            ("<", hex) => case.steps.last_mut().unwrap().1 = unhex(hex),
            _ => case.closed = line == "closed",
        }
    }
    cases
}

/// An answer as far as it must agree: errors of the Java machine itself may be any error; the connection's id may be
/// any id; how syntax errors read is not the protocol's concern.
fn essence(mut envelope: Envelope) -> Envelope {
    if envelope.opcode == 0 {
        let code = envelope.body.slice(..4);
        let text = String::from_utf8_lossy(envelope.body.get(6..).unwrap()).into_owned();
        let any = ["java.lang.", "Not enough bytes in the message body", "token of AUTH"];
        let text = if any.iter().any(|part| text.contains(part)) {
            "any".to_owned()
        } else if code[..] == [0, 0, 0x20, 0] {
            "syntax".to_owned()
        } else if text.contains("CRC mismatch") {
            text.get(8..).unwrap().to_owned()
        } else {
            format!("{code:?} {text}")
        };
        envelope.body = Bytes::from(text);
    }
    envelope
}

fn envelopes(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Envelope> {
    decoder.wire.extend_from_slice(bytes);
    std::iter::from_fn(|| decoder.next()).map(essence).collect()
}

/// What the client knows after it has sent `sent` and got `answers`.
fn settle(decoder: &mut Decoder, sent: &[u8], answers: &[u8]) {
    let (version, opcode) = (sent.first().copied().unwrap_or(0), sent.get(4).copied());
    if opcode != Some(1) || answers.get(4) != Some(&2) || decoder.framed.is_some() {
        return;
    }
    let lower = String::from_utf8_lossy(sent).to_lowercase();
    let lz4 = lower.contains("lz4");
    if version == 5 {
        decoder.framed = Some(lz4);
    } else if lz4 {
        decoder.compression = Some(Compression::Lz4);
    } else if lower.contains("snappy") {
        decoder.compression = Some(Compression::Snappy);
    }
}

async fn play(case: &Case, address: std::net::SocketAddr) -> Result<(), String> {
    let different =
        DIFFERENCES.iter().find(|(name, ..)| case.name.starts_with(name)).map(|(_, from, _)| *from);
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (mut theirs, mut ours) = (Decoder::default(), Decoder::default());
    for (number, (sent, expected)) in case.steps.iter().enumerate() {
        if different.is_some_and(|from| number >= from) {
            return Ok(());
        }
        settle(&mut theirs, sent, expected);
        settle(&mut ours, sent, expected);
        // READY itself is not in a frame yet.
        let framed =
            [&mut theirs, &mut ours].map(|decoder| if number == 0 { decoder.framed.take() } else { None });
        let expected = envelopes(&mut theirs, expected);
        socket.write_all(sent).await.map_err(|error| format!("step {number}: {error}"))?;
        let mut got = Vec::new();
        let wait = Duration::from_millis(if expected.is_empty() { 30 } else { 5000 });
        let deadline = tokio::time::Instant::now() + wait;
        while got.len() < expected.len() || expected.is_empty() {
            let mut bytes = BytesMut::new();
            match tokio::time::timeout_at(deadline, socket.read_buf(&mut bytes)).await {
                Ok(Ok(count)) if count > 0 => got.extend(envelopes(&mut ours, &bytes)),
                _ => break,
            }
        }
        if got != expected {
            return Err(format!("step {number}\n  expected {expected:?}\n  got      {got:?}"));
        }
        if number == 0 {
            [theirs.framed, ours.framed] = framed;
        }
    }
    let mut bytes = [0];
    let patience = if case.closed { Duration::from_secs(10) } else { Duration::from_millis(30) };
    let closed = match tokio::time::timeout(patience, socket.read(&mut bytes)).await {
        Ok(Ok(0) | Err(_)) => true,
        Ok(Ok(_)) => return Err("more came than expected".to_owned()),
        Err(_) => false,
    };
    if closed == case.closed { Ok(()) } else { Err(format!("closed: {closed}, expected {}", case.closed)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_cassandras() {
    let server = Server::bind(
        "127.0.0.1:0".parse().unwrap(),
        Arc::new(Fake::default()),
        Governor::new(Limits::default()),
        Encryption::None,
    );
    let server = server.await.unwrap();
    let address = server.local_address();
    let cases = cases();
    assert!(cases.len() > 200);
    let play =
        |case| async move { play(case, address).await.err().map(|error| format!("{}: {error}", case.name)) };
    let failures: Vec<_> = futures::stream::iter(&cases)
        .map(play)
        .buffer_unordered(32)
        .filter_map(|x| async { x })
        .collect()
        .await;
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
