//! The life of connections: batches, pending requests, overload, login, events, stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::header::Opcode;
use super::super::{Encryption, Governor, Limits, Server, ServerHandle};
use super::fake::Fake;
use super::wire::{Client, query, request};
use crate::cql::{Error, Stage};
use crate::event::{Event, StatusChange};

const LOCAL: &str = "127.0.0.1:0";
const CQL: &[(&str, &str)] = &[("CQL_VERSION", "3.4.5")];

async fn serve(fake: Fake, limits: Limits) -> (ServerHandle, Arc<Fake>) {
    let fake = Arc::new(fake);
    let server = Server::bind(
        LOCAL.parse().unwrap(),
        Arc::clone(&fake) as Arc<_>,
        Governor::new(limits),
        Encryption::None,
    )
    .await
    .unwrap();
    (server, fake)
}

async fn served() -> (ServerHandle, Arc<Fake>) {
    serve(Fake::default(), Limits::default()).await
}

fn code(body: &[u8]) -> i32 {
    i32::from_be_bytes(*body.first_chunk().unwrap())
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[6..]).into_owned()
}

#[tokio::test]
async fn a_connection_that_asks_for_much_lets_others_have_their_turns() {
    let (server, fake) = served().await;
    let mut greedy = Client::connect(server.local_address(), 4, CQL).await;
    let before = fake.batches.load(Ordering::Relaxed);
    let burst: Vec<u8> = (0..40).flat_map(|stream| query(4, stream, "FILL 1 100000")).collect();
    greedy.send(&burst).await;
    for stream in 0..40 {
        let answer = greedy.receive().await;
        assert_eq!((answer.stream, answer.opcode), (stream, Opcode::Result as u8));
    }
    // Four megabytes, some 256 KiB a turn.
    let turns = fake.batches.load(Ordering::Relaxed) - before;
    assert!(turns >= 10, "{turns}");
}

#[tokio::test]
async fn every_version_and_compression_works() {
    let (server, _) = served().await;
    for version in 3..=5 {
        for compression in [None, Some("lz4"), Some("snappy")] {
            if version == 5 && compression == Some("snappy") {
                continue;
            }
            let mut options = CQL.to_vec();
            options.extend(compression.map(|name| ("COMPRESSION", name)));
            let mut client = Client::connect(server.local_address(), version, &options).await;
            for (rows, bytes) in [(0, 0), (3, 5), (1000, 100), (5, 200_000), (1, 131_000), (1, 131_051)] {
                client.query(9, &format!("FILL {rows} {bytes}")).await;
                let answer = client.receive().await;
                assert_eq!((answer.stream, answer.opcode), (9, Opcode::Result as u8));
                let values = rows * (4 + bytes);
                assert_eq!(&answer.body[..4], [0, 0, 0, 2]);
                assert!(answer.body.len() > values && answer.body.len() < values + 100);
            }
            // A request of several frames.
            client.query(10, &format!("INSERT {}", "x".repeat(500_000))).await;
            assert_eq!(&client.receive().await.body[..], [0, 0, 0, 1]);
        }
    }
}

#[tokio::test]
async fn envelopes_of_one_read_are_one_batch() {
    let (server, fake) = served().await;
    for version in [4, 5] {
        let mut client = Client::connect(server.local_address(), version, CQL).await;
        let before = fake.batches.load(Ordering::Relaxed);
        let many: Vec<u8> = (0..50).flat_map(|stream| query(version, stream, "INSERT")).collect();
        client.send(&many).await;
        for stream in 0..50 {
            assert_eq!(client.receive().await.stream, stream);
        }
        assert!(fake.batches.load(Ordering::Relaxed) - before < 10);
    }
}

#[tokio::test]
async fn a_failed_barrier_fails_the_writes_that_succeeded() {
    let error = Error::server("the commit log is full");
    let (server, _) = serve(Fake { barrier: Some(Err(error)), ..Fake::default() }, Limits::default()).await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    client.send(&[query(4, 1, "INSERT"), query(4, 2, "NONSENSE"), query(4, 3, "SELECT")].concat()).await;
    assert_eq!(text(&client.receive().await.body), "the commit log is full");
    assert_eq!(text(&client.receive().await.body), "not CQL");
    assert_eq!(client.receive().await.opcode, Opcode::Result as u8);
}

#[tokio::test]
async fn pending_requests_are_overtaken() {
    let (server, fake) = serve(Fake { barrier: Some(Ok(())), ..Fake::default() }, Limits::default()).await;
    let mut client = Client::connect(server.local_address(), 5, CQL).await;
    client.query(1, "WAIT").await;
    client.query(2, "SELECT").await;
    assert_eq!(client.receive().await.stream, 2);
    client.send(&request(5, Opcode::Options, 3, &[])).await;
    assert_eq!(client.receive().await.stream, 3);
    fake.gate.send_replace(true);
    assert_eq!(client.receive().await.stream, 1);
}

#[tokio::test]
async fn a_panic_is_a_server_error() {
    let (server, _) = served().await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    for statement in ["PANIC", "LATER PANIC", "PANIC"] {
        client.query(1, statement).await;
        let answer = client.receive().await;
        assert_eq!((answer.opcode, code(&answer.body)), (0, 0));
    }
    client.query(1, "SELECT").await;
    assert_eq!(client.receive().await.opcode, Opcode::Result as u8);
}

#[tokio::test]
async fn overload_is_an_error_where_the_client_wants_that() {
    let limits = Limits { in_flight_bytes_per_ip_max: 100, ..Limits::default() };
    let (server, fake) = serve(Fake::default(), limits).await;
    let options = [("CQL_VERSION", "3.0.0"), ("THROW_ON_OVERLOAD", "1")];
    for version in [4, 5] {
        fake.gate.send_replace(false);
        let mut client = Client::connect(server.local_address(), version, &options).await;
        client.query(1, "WAIT").await;
        client.query(2, &format!("INSERT {}", "x".repeat(100))).await;
        let answer = client.receive().await;
        assert_eq!((answer.stream, code(&answer.body)), (2, 0x1001));
        assert!(text(&answer.body).starts_with("Request breached limit on bytes in flight. (Endpoint: "));
        client.send(&request(version, Opcode::Options, 3, &[])).await;
        assert_eq!(client.receive().await.stream, 3);
        fake.gate.send_replace(true);
        assert_eq!(client.receive().await.stream, 1);
        client.query(4, "INSERT").await;
        assert_eq!(client.receive().await.opcode, Opcode::Result as u8);
    }
}

#[tokio::test]
async fn overload_otherwise_stops_reading() {
    let limits = Limits { in_flight_bytes_per_ip_max: 20, ..Limits::default() };
    let (server, fake) = serve(Fake::default(), limits).await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    client.query(1, "WAIT").await;
    client.query(2, "WAIT").await;
    client.query(3, "SELECT").await;
    let nothing = tokio::time::timeout(Duration::from_millis(50), client.receive()).await;
    assert!(nothing.is_err());
    // Others go on: each connection may have one request under way.
    let mut other = Client::connect(server.local_address(), 4, CQL).await;
    other.query(1, "SELECT").await;
    let answer = other.receive().await;
    assert!(text(&answer.body).contains("triggered backpressure"), "{answer:?}");
    fake.gate.send_replace(true);
    let mut streams = [0; 3];
    for stream in &mut streams {
        *stream = client.receive().await.stream;
    }
    streams.sort_unstable();
    assert_eq!(streams, [1, 2, 3]);
}

#[tokio::test]
async fn the_request_rate_is_limited() {
    let limits = Limits { requests_per_second_max: Some(20), ..Limits::default() };
    let (server, _) = serve(Fake::default(), limits).await;
    let options = [("CQL_VERSION", "3.0.0"), ("THROW_ON_OVERLOAD", "1")];
    let mut client = Client::connect(server.local_address(), 4, &options).await;
    let many: Vec<u8> = (0..100).flat_map(|stream| query(4, stream, "INSERT")).collect();
    client.send(&many).await;
    let mut refused = 0;
    for _ in 0..100 {
        let answer = client.receive().await;
        if answer.opcode == 0 {
            assert!(text(&answer.body).starts_with("Request breached global limit of 20 requests/second."));
            refused += 1;
        }
    }
    assert!((60..100).contains(&refused), "{refused}");
    let mut patient = Client::connect(server.local_address(), 4, CQL).await;
    let started = std::time::Instant::now();
    let many: Vec<u8> = (0..5).flat_map(|stream| query(4, stream, "INSERT")).collect();
    patient.send(&many).await;
    for _ in 0..5 {
        assert_eq!(patient.receive().await.opcode, Opcode::Result as u8);
    }
    assert!(started.elapsed() > Duration::from_millis(100));
}

#[tokio::test]
async fn login() {
    let (server, fake) = serve(Fake { password: Some("secret"), ..Fake::default() }, Limits::default()).await;
    for version in 3..=5 {
        let mut client = Client::connect(server.local_address(), version, CQL).await;
        let connected = fake.clients.all().pop().unwrap();
        assert_eq!(connected.stage(), Stage::Authenticating);
        client.query(1, "SELECT").await;
        assert_eq!(text(&client.receive().await.body), "Unexpected message QUERY, expecting SASL_RESPONSE");
        for (token, opcode) in [("\0\0\0\x05wrong", Opcode::Error), ("\0\0\0\x06secret", Opcode::AuthSuccess)]
        {
            client.send(&request(version, Opcode::AuthResponse, 1, token.as_bytes())).await;
            assert_eq!(client.receive().await.opcode, opcode as u8);
        }
        assert_eq!(connected.stage(), Stage::Ready);
        client.query(1, "SELECT").await;
        assert_eq!(client.receive().await.opcode, Opcode::Result as u8);
        drop(client);
        while !fake.clients.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn large_requests_have_to_wait_for_the_login() {
    let (server, _) = serve(Fake { password: Some("secret"), ..Fake::default() }, Limits::default()).await;
    let mut client = Client::connect(server.local_address(), 5, CQL).await;
    client.send(&request(5, Opcode::AuthResponse, 1, &[1; 200_000])).await;
    assert_eq!(code(&client.receive().await.body), 0x0A);
    assert!(client.try_receive().await.is_none());
}

#[tokio::test]
async fn events_go_to_those_who_registered() {
    let (server, fake) = served().await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    client.send(&request(4, Opcode::Register, 1, b"\0\x01\0\x0dSCHEMA_CHANGE")).await;
    assert_eq!(client.receive().await.opcode, Opcode::Ready as u8);
    fake.events.send(Event::Status(StatusChange::Up, "1.2.3.4:9042".parse().unwrap())).unwrap();
    let mut other = Client::connect(server.local_address(), 5, CQL).await;
    other.query(1, "CREATE").await;
    assert_eq!(other.receive().await.body.slice(..4)[..], [0, 0, 0, 5]);
    let event = client.receive().await;
    assert_eq!((event.stream, event.opcode), (-1, Opcode::Event as u8));
    assert_eq!(&event.body[..], b"\0\x0dSCHEMA_CHANGE\0\x07CREATED\0\x08KEYSPACE\0\x02ks");
}

#[tokio::test]
async fn clients_are_listed() {
    let (server, fake) = served().await;
    let options = [("CQL_VERSION", "3.0.0"), ("DRIVER_NAME", "test"), ("DRIVER_VERSION", "1.2")];
    let mut client = Client::connect(server.local_address(), 5, &options).await;
    client.query(1, "USE ks").await;
    client.receive().await;
    let listed = fake.clients.all().pop().unwrap();
    assert_eq!(listed.address, client.socket.local_addr().unwrap());
    assert_eq!((listed.driver_name(), listed.driver_version()), (Some("test"), Some("1.2")));
    assert_eq!(listed.keyspace().as_deref(), Some("ks"));
    assert_eq!(listed.request_count(), 2);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let limits = Limits { idle_timeout: Some(Duration::from_millis(1500)), ..Limits::default() };
    let (server, _) = serve(Fake::default(), limits).await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    // Longer than the timeout together, each much shorter: the machine may be busy.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        client.query(1, "SELECT").await;
        client.receive().await;
    }
    assert!(client.try_receive().await.is_none());
}

#[tokio::test]
async fn too_many_connections_are_closed() {
    let (server, _) = serve(Fake::default(), Limits { connections_max: Some(1), ..Limits::default() }).await;
    let _first = Client::connect(server.local_address(), 4, CQL).await;
    let mut second = Client::connect(server.local_address(), 4, &[]).await;
    assert!(second.try_receive().await.is_none());
}

#[tokio::test]
async fn a_stop_waits_for_what_runs() {
    let (server, fake) = served().await;
    let mut client = Client::connect(server.local_address(), 4, CQL).await;
    let mut idle = Client::connect(server.local_address(), 4, CQL).await;
    client.query(1, "WAIT").await;
    client.query(2, "SELECT").await;
    client.receive().await;
    let stop = async {
        tokio::time::timeout(Duration::from_secs(5), server.stop()).await.unwrap();
        assert_eq!(server.connections(), 0);
    };
    let finish = async {
        assert!(idle.try_receive().await.is_none());
        fake.gate.send_replace(true);
        assert_eq!(client.receive().await.stream, 1);
        assert!(client.try_receive().await.is_none());
    };
    tokio::join!(stop, finish);
    assert!(tokio::net::TcpStream::connect(server.local_address()).await.is_err());
}

#[tokio::test]
async fn older_versions_can_be_refused() {
    let (server, _) =
        serve(Fake::default(), Limits { allow_older_protocols: false, ..Limits::default() }).await;
    let mut client = Client::connect(server.local_address(), 4, &[]).await;
    client.send_plain(&request(4, Opcode::Options, 1, &[])).await;
    assert_eq!(text(&client.receive().await.body), "Rejecting Protocol Version 4/v4 < 5/v5.");
    server.governor().set_allow_older(true);
    client.send_plain(&request(4, Opcode::Options, 1, &[])).await;
    assert_eq!(client.receive().await.opcode, Opcode::Supported as u8);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_only_itself() {
    let (server, _) = served().await;
    let mut lazy = Client::connect(server.local_address(), 4, CQL).await;
    for stream in 0..200 {
        lazy.query(stream, "FILL 1 1000000").await;
    }
    let mut other = Client::connect(server.local_address(), 4, CQL).await;
    other.query(1, "SELECT").await;
    assert_eq!(other.receive().await.stream, 1);
    for stream in 0..200 {
        assert_eq!(lazy.receive().await.stream, stream);
    }
}
