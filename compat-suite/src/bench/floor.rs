//! The floor: a bare responder that answers every EXECUTE with a void result, whatever it asks, and passes all else on
//! to a real server, so that a driver can connect and prepare. Nobody who reads these frames from a socket and answers
//! them can take less of this machine; the rest of a server's time is its own.
//!
//! ```text
//!   latte --- EXECUTE --> floor            void, all of one read in one write
//!   latte --- others ---> floor ---------> Helenus, one at a time
//! ```

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::wire::{self, Frame, HEADER_BYTES, RESPONSE, VERSION, opcode};
use crate::{Error, Result};

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// Serves clients until the process ends.
///
/// # Errors
///
/// [`Error::Failed`] if the address cannot be listened on.
pub fn serve(listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).map_err(|error| Error::failed(listen, error))?;
    for client in listener.incoming() {
        let connected = client.and_then(|client| Ok((client, TcpStream::connect(upstream)?)));
        match connected {
            Ok((client, upstream)) => {
                thread::spawn(move || {
                    if let Err(error) = converse(client, upstream) {
                        eprintln!("floor: {error}");
                    }
                });
            }
            Err(error) => eprintln!("floor: {error}"),
        }
    }
    Ok(())
}

/// Answers one client until it goes.
fn converse(mut client: TcpStream, mut upstream: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let mut input = vec![0; READ_BYTES];
    let mut filled = 0;
    let mut output = Vec::new();
    loop {
        let read = client.read(input.get_mut(filled..).unwrap_or_default())?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut done = 0;
        while let Some(frame) = whole_frame(input.get(done..filled).unwrap_or_default()) {
            done += frame.len();
            answer(frame, &mut upstream, &mut output)?;
        }
        input.copy_within(done..filled, 0);
        filled -= done;
        if filled == input.len() {
            input.resize(filled * 2, 0);
        }
        client.write_all(&output)?;
        output.clear();
    }
}

/// The first frame, if all of it is there.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..HEADER_BYTES + wire::body_bytes(bytes)?)
}

fn answer(frame: &[u8], upstream: &mut TcpStream, output: &mut Vec<u8>) -> io::Result<()> {
    if let [VERSION, _, stream_high, stream_low, opcode::EXECUTE, ..] = *frame {
        const VOID: [u8; 8] = [0, 0, 0, 4, 0, 0, 0, 1];
        output.extend([VERSION | RESPONSE, 0, stream_high, stream_low, opcode::RESULT]);
        output.extend(VOID);
        return Ok(());
    }
    upstream.write_all(frame)?;
    loop {
        let frame = Frame::read(upstream)?;
        output.extend(frame.bytes);
        if frame.opcode != opcode::EVENT {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executes_are_void_and_the_rest_is_passed_on() {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (front, back) = (bind(), bind());
        let upstream_address = back.local_addr().expect("bound");
        let front_address = front.local_addr().expect("bound");
        thread::spawn(move || {
            let (mut server, _) = back.accept().expect("a client");
            let asked = Frame::read(&mut server).expect("a frame");
            server.write_all(&Frame::request(asked.opcode, b"passed").bytes).expect("written");
        });
        thread::spawn(move || {
            let (client, _) = front.accept().expect("a client");
            let _ = converse(client, TcpStream::connect(upstream_address).expect("listens"));
        });
        let mut client = TcpStream::connect(front_address).expect("listens");
        let mut execute = Frame::request(opcode::EXECUTE, b"anything").bytes;
        execute[2..4].copy_from_slice(&[1, 7]);
        let both = [execute, Frame::request(opcode::QUERY, b"q").bytes].concat();
        client.write_all(&both).expect("written");
        let void = Frame::read(&mut client).expect("answered");
        assert_eq!(void.bytes, [0x84, 0, 1, 7, opcode::RESULT, 0, 0, 0, 4, 0, 0, 0, 1]);
        assert_eq!(Frame::read(&mut client).expect("answered").body(), b"passed");
    }
}
