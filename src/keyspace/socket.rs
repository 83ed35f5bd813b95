//! A connected socket on which nothing waits longer than the deadline.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Deadline;
use super::server::Address;

/// A stream of bytes in both directions.
pub(super) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// Connects, within what is left of the deadline.
pub(super) fn connect(address: &Address, deadline: Deadline) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        Address::Tcp { host, port } => Box::new(tcp(host, *port, deadline)?),
        Address::Tls { host, port } => Box::new(tls(host, tcp(host, *port, deadline)?)?),
        Address::Unix(path) => Box::new(Timed {
            socket: UnixStream::connect(path)?,
            deadline,
        }),
    })
}

/// The addresses of a name share what is left, so that one that swallows everything leaves time for
/// the next.
fn tcp(host: &str, port: u16, deadline: Deadline) -> io::Result<Timed<TcpStream>> {
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    let mut outcome = Err(io::Error::other("the host has no address"));
    for (tried, address) in addresses.iter().enumerate() {
        let shares = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        outcome = TcpStream::connect_timeout(address, left(deadline)? / shares);
        if outcome.is_ok() {
            break;
        }
    }
    let socket = outcome?;
    socket.set_nodelay(true)?;
    Ok(Timed { socket, deadline })
}

/// The handshake follows with the first bytes. Trusted is what the system trusts, or what
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn tls(
    host: &str,
    socket: Timed<TcpStream>,
) -> io::Result<StreamOwned<ClientConnection, Timed<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(session, socket))
}

fn left(deadline: Deadline) -> io::Result<Duration> {
    deadline
        .remaining()
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// A socket whose every read and write is given what is left of the deadline.
struct Timed<S> {
    socket: S,
    deadline: Deadline,
}

trait Timeouts {
    fn allow(&self, time: Duration) -> io::Result<()>;
}

impl Timeouts for TcpStream {
    fn allow(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

impl Timeouts for UnixStream {
    fn allow(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

impl<S: Timeouts> Timed<S> {
    fn allow_what_is_left(&self) -> io::Result<()> {
        self.socket.allow(left(self.deadline)?)
    }
}

impl<S: Read + Timeouts> Read for Timed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.allow_what_is_left()?;
            match self.socket.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<S: Write + Timeouts> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.allow_what_is_left()?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
