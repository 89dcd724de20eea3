//! Connections that are tried, or kept, every 20 ms.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringfence_netlink::namespace::run_in;
use socket2::{Domain, Socket, Type};

use super::chronicle::{Chronicle, Offence, Wrong};
use super::world::{SERVER, SERVICE, STRANGERS, World};

const EVERY: Duration = Duration::from_millis(20);
/// How long something denied is waited for.
const DENIED: Duration = Duration::from_millis(400);
/// How long something allowed is waited for, on a busy machine.
const ALLOWED: Duration = Duration::from_secs(4);
/// A segment or connection that was dropped takes a second at least to come again.
const STALLED: Duration = Duration::from_secs(3);
/// Of so many datagrams one may meet a commit.
const DATAGRAMS: usize = 5000;
const TCP_PORT: u16 = 8080;
const UDP_PORT: u16 = 5353;
const SERVICE_PORT: u16 = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Allowed,
    Denied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// A TCP connection each time.
    Connect,
    /// A datagram from another port each time.
    Datagram,
    /// Datagrams from one port.
    Exchange,
    /// A byte to and fro on one TCP connection.
    Stream,
}

/// What came of a probe.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) what: String,
    pub(crate) expected: Expected,
    pub(crate) asked: usize,
    pub(crate) reached: usize,
    pub(crate) slowest: Duration,
    pub(crate) offences: Vec<Offence>,
    is_datagrams: bool,
}

impl Tally {
    fn new(what: String, expected: Expected, is_datagrams: bool) -> Self {
        Self {
            what,
            expected,
            asked: 0,
            reached: 0,
            slowest: Duration::ZERO,
            offences: Vec::new(),
            is_datagrams,
        }
    }

    /// It is as policy says; else what was not is named with its moment and the faults of then.
    #[track_caller]
    pub(crate) fn check(&self, chronicle: &Chronicle) {
        assert!(self.asked > 5, "{self}");
        let (lost, others): (Vec<_>, Vec<_>) = self
            .offences
            .iter()
            .filter(|offence| !chronicle.excuses(offence))
            .partition(|offence| self.is_datagrams && offence.what == Wrong::Lost);
        let told = |offence: &&Offence| chronicle.tell(offence);
        let others: Vec<String> = others.iter().map(told).collect();
        assert!(others.is_empty(), "{self}: {others:#?}");
        let lost: Vec<String> = lost.iter().map(told).collect();
        assert!(lost.len() <= self.may_lose(), "{self}: {lost:#?}");
    }

    /// A datagram that is judged in the very moment of a commit may meet some sets before it and others after it, and is
    /// dropped then. A segment would come again.
    fn may_lose(&self) -> usize {
        1 + self.asked / DATAGRAMS
    }

    fn reach(&mut self, since: Instant) {
        self.reached += 1;
        let took = since.elapsed();
        self.slowest = self.slowest.max(took);
        match self.expected {
            Expected::Allowed if took > STALLED => self.offend(since, Wrong::Stalled(took)),
            Expected::Allowed => {}
            Expected::Denied => self.offend(since, Wrong::Through),
        }
    }

    /// No answer came.
    fn miss(&mut self, since: Instant) {
        if self.expected == Expected::Allowed {
            self.offend(since, Wrong::Lost);
        }
    }

    fn fail(&mut self, since: Instant, error: &io::Error) {
        self.offend(since, Wrong::Broken(error.to_string()));
    }

    fn offend(&mut self, since: Instant, what: Wrong) {
        let at = Instant::now();
        self.offences.push(Offence { since, at, what });
    }

    fn patience(&self) -> Duration {
        match self.expected {
            Expected::Allowed => ALLOWED,
            Expected::Denied => DENIED,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            expected,
            asked,
            reached,
            ..
        } = self;
        let (offences, slowest) = (self.offences.len(), self.slowest);
        write!(
            f,
            "{what}: {expected:?}, {reached} of {asked} reached, {offences} not as expected, the slowest in {slowest:?}"
        )
    }
}

pub(crate) struct Probes {
    over: Arc<AtomicBool>,
    /// How often each has tried.
    asked: Vec<Arc<AtomicUsize>>,
    threads: Vec<JoinHandle<Tally>>,
    heard: Arc<Mutex<Tally>>,
}

impl Probes {
    /// Starts the server and everybody who tries it.
    pub(crate) fn start(world: &World) -> Self {
        let mut probes = Self {
            over: Arc::default(),
            asked: Vec::new(),
            threads: Vec::new(),
            heard: Arc::new(Mutex::new(Tally::new(
                "what the server heard of strangers".to_owned(),
                Denied,
                true,
            ))),
        };
        let (tcp, udp) = run_in(&world.pod("server").netns, listen).unwrap();
        probes.serve(tcp, udp);
        use Expected::{Allowed, Denied};
        for (pod, expected) in [
            ("friend-near", Allowed),
            ("friend-far", Allowed),
            ("stranger-near", Denied),
            ("stranger-far", Denied),
        ] {
            probes.add(world, pod, SERVER, How::Connect, expected);
            probes.add(world, pod, SERVER, How::Datagram, expected);
        }
        for (pod, expected) in [("friend-far", Allowed), ("stranger-far", Denied)] {
            probes.add(world, pod, SERVICE, How::Connect, expected);
            probes.add(world, pod, SERVER, How::Exchange, expected);
        }
        probes.add(world, "friend-near", SERVICE, How::Stream, Allowed);
        probes.add(world, "friend-far", SERVER, How::Stream, Allowed);
        probes
    }

    /// Whether every one has tried so often: under load some start late.
    pub(crate) fn asked_at_least(&self, each: usize) -> bool {
        let mut asked = self.asked.iter();
        asked.all(|asked| asked.load(Ordering::Relaxed) >= each)
    }

    /// Ends all, and adds what the server heard of strangers: one way is too much already.
    pub(crate) fn finish(self) -> Vec<Tally> {
        self.over.store(true, Ordering::Relaxed);
        let tallies = self
            .threads
            .into_iter()
            .map(|thread| thread.join().unwrap());
        let mut tallies: Vec<Tally> = tallies.collect();
        let heard = self.heard.lock().unwrap();
        tallies.push(Tally {
            what: heard.what.clone(),
            offences: heard.offences.clone(),
            ..*heard
        });
        drop(heard);
        tallies
    }

    fn serve(&self, tcp: TcpListener, udp: UdpSocket) {
        let (over, heard) = (Arc::clone(&self.over), Arc::clone(&self.heard));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let Ok((stream, peer)) = tcp.accept() else {
                    thread::sleep(Duration::from_millis(1));
                    continue;
                };
                hear(&heard, peer);
                thread::spawn(move || echo(&stream));
            }
        });
        let heard = Arc::clone(&self.heard);
        thread::spawn(move || {
            let mut buffer = [0; 16];
            // Nobody asks for so long after the end.
            while let Ok((length, peer)) = udp.recv_from(&mut buffer) {
                hear(&heard, peer);
                let _ = udp.send_to(&buffer[..length], peer);
            }
        });
    }

    fn add(&mut self, world: &World, pod: &str, to: &str, how: How, expected: Expected) {
        let netns = world.pod(pod).netns.try_clone().unwrap();
        let port = match how {
            How::Datagram | How::Exchange => UDP_PORT,
            How::Connect | How::Stream if to == SERVICE => SERVICE_PORT,
            How::Connect | How::Stream => TCP_PORT,
        };
        let asked = Arc::<AtomicUsize>::default();
        self.asked.push(Arc::clone(&asked));
        let mut probe = Probe {
            to: SocketAddr::new(to.parse().unwrap(), port),
            over: Arc::clone(&self.over),
            asked,
            tally: Tally::new(
                format!("{pod} to {to}: {how:?}"),
                expected,
                matches!(how, How::Datagram | How::Exchange),
            ),
        };
        self.threads.push(thread::spawn(move || {
            run_in(&netns, || {
                match how {
                    How::Connect => probe.tries(connect, is_connected),
                    How::Datagram => probe.tries(datagram, is_answered),
                    How::Exchange => probe.exchanges(),
                    How::Stream => probe.streams(),
                }
                probe.tally
            })
            .unwrap()
        }));
    }
}

/// One way is too much already.
fn hear(heard: &Mutex<Tally>, peer: SocketAddr) {
    let mut heard = heard.lock().unwrap();
    heard.asked += 1;
    let peer = peer.ip().to_string();
    if STRANGERS.iter().any(|(_, address)| peer == *address) {
        heard.reach(Instant::now());
    }
}

fn listen() -> (TcpListener, UdpSocket) {
    let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    tcp.set_reuse_address(true).unwrap();
    tcp.bind(&SocketAddr::from(([0, 0, 0, 0], TCP_PORT)).into())
        .unwrap();
    tcp.listen(1024).unwrap();
    tcp.set_nonblocking(true).unwrap();
    let udp = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    udp.set_reuse_address(true).unwrap();
    udp.bind(&SocketAddr::from(([0, 0, 0, 0], UDP_PORT)).into())
        .unwrap();
    let udp = UdpSocket::from(udp);
    udp.set_read_timeout(Some(ALLOWED + DENIED)).unwrap();
    (tcp.into(), udp)
}

fn echo(mut stream: &TcpStream) {
    stream.set_nonblocking(false).unwrap();
    let mut buffer = [0; 16];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

struct Probe {
    to: SocketAddr,
    over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    tally: Tally,
}

impl Probe {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn count(&mut self) {
        self.tally.asked += 1;
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// A new socket each time; looks at all that are open.
    fn tries<S>(
        &mut self,
        open: fn(SocketAddr) -> io::Result<S>,
        done: fn(&S) -> io::Result<bool>,
    ) {
        let mut pending = VecDeque::new();
        let mut next = Instant::now();
        while !self.is_over() || !pending.is_empty() {
            if !self.is_over() {
                self.count();
                match open(self.to) {
                    Ok(socket) => pending.push_back((Instant::now(), socket)),
                    Err(error) => self.tally.fail(Instant::now(), &error),
                }
            }
            pending.retain(|(since, socket)| self.is_pending(*since, done(socket)));
            next += EVERY;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn is_pending(&mut self, since: Instant, done: io::Result<bool>) -> bool {
        match done {
            Ok(true) => self.tally.reach(since),
            Err(error) => self.tally.fail(since, &error),
            Ok(false) if since.elapsed() > self.tally.patience() => self.tally.miss(since),
            Ok(false) => return true,
        }
        false
    }

    /// Each datagram has a number, which the answer repeats.
    fn exchanges(&mut self) {
        let socket = datagram(self.to).unwrap();
        let mut sent = BTreeMap::new();
        while !self.is_over() {
            self.count();
            let number = u64::try_from(self.tally.asked).unwrap();
            sent.insert(number, Instant::now());
            let _ = socket.send(&number.to_be_bytes());
            thread::sleep(EVERY);
            self.hear(&socket, &mut sent);
        }
        let over = Instant::now();
        while !sent.is_empty() && over.elapsed() < DENIED {
            thread::sleep(EVERY);
            self.hear(&socket, &mut sent);
        }
        for since in sent.into_values() {
            self.tally.miss(since);
        }
    }

    fn hear(&mut self, socket: &UdpSocket, sent: &mut BTreeMap<u64, Instant>) {
        let mut number = [0; 8];
        while let Ok(length) = socket.recv(&mut number) {
            // The first datagram, that of `datagram`, has none.
            if length < number.len() {
                continue;
            }
            if let Some(since) = sent.remove(&u64::from_be_bytes(number)) {
                self.tally.reach(since);
            }
        }
    }

    /// One that breaks is opened anew, so that the next fault meets one as well.
    fn streams(&mut self) {
        while !self.is_over() {
            let since = Instant::now();
            match TcpStream::connect_timeout(&self.to, ALLOWED) {
                Ok(stream) => self.stream(stream),
                Err(error) => self.tally.fail(since, &error),
            }
            thread::sleep(EVERY);
        }
    }

    fn stream(&mut self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(ALLOWED)).unwrap();
        while !self.is_over() {
            self.count();
            let since = Instant::now();
            let mut answer = [0];
            match stream
                .write_all(b".")
                .and_then(|()| stream.read_exact(&mut answer))
            {
                Ok(()) => self.tally.reach(since),
                Err(error) => return self.tally.fail(since, &error),
            }
            thread::sleep(EVERY.saturating_sub(since.elapsed()));
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => Err(error),
        Ok(()) | Err(_) => Ok(socket),
    }
}

fn is_connected(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    Ok(socket.peer_addr().is_ok())
}

fn datagram(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_nonblocking(true)?;
    socket.connect(to)?;
    socket.send(b"once")?;
    Ok(socket)
}

fn is_answered(socket: &UdpSocket) -> io::Result<bool> {
    match socket.recv(&mut [0; 16]) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
