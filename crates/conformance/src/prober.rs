//! Sends packets and says what became of each, without waiting for a time-out.
//!
//! The wires are veth pairs: a packet travels by one queue per processor, one hop each time it comes up. All packets
//! are sent from one processor; afterwards datagrams to oneself go through the same queue one after the other, more of
//! them than any packet has hops. When the last one is back, every packet has arrived or is gone.

mod answers;

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::socket::{SockaddrIn6, recvfrom};
use nix::unistd::Pid;
use ringfence_net::{Family, IpProtocol, Protocol};
use ringfence_netlink::conntrack::Conntrack;
use ringfence_netlink::namespace::{self, run_in};
use socket2::{Domain, SockAddr, Socket, Type};

pub use answers::Reply;

use crate::fate::{Arrival, Fate};
use crate::packet::{DISTINCT, Opening, Role, Seen, read, read_transport};
use crate::plan::{NodeId, Place};
use crate::wiring::Wiring;

/// Ethernet's numbers of IPv4 and IPv6.
const ETHERNET_TYPES: [(Family, u16); 2] = [(Family::V4, 0x0800), (Family::V6, 0x86dd)];
/// The protocol number of a raw socket that is given whole packets.
const WHOLE_PACKETS: i32 = 255;
/// More than a packet has hops: pod, node, tunnel, bridge, node, pod, and some of them twice.
const BARRIER: u8 = 32;
/// A machine that does not deliver to itself for so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// Packets on their way at a time; what they leave behind fits every receive buffer.
const BATCH: usize = 64;
/// What a batch may leave in one receive buffer, each packet counted with what the kernel adds to it.
const LEAST_BUFFER: usize = BATCH * 1280;
/// Longest packet that matters.
const LONGEST: usize = 2048;

/// Sends from and listens in every namespace.
#[derive(Debug)]
pub struct Prober {
    senders: BTreeMap<Place, [Socket; 2]>,
    listeners: Vec<Listener>,
    conntrack: Vec<Conntrack>,
    own: UdpSocket,
    next: u32,
    /// Packets that connection tracking may remember.
    remembered: u32,
    sent: u64,
}

#[derive(Debug)]
struct Listener {
    place: Place,
    socket: Socket,
    /// The protocol, if the IP header is left out of what is received.
    headless: Option<u8>,
}

/// What was heard of the packets of a batch.
struct Heard {
    first: u32,
    /// What is listened for, apart from refusals.
    role: Role,
    /// For each packet, where it arrived and as what.
    arrived: Vec<Vec<Received>>,
    rejected: Vec<bool>,
}

/// A packet as it arrived.
#[derive(Clone, Debug)]
struct Received {
    place: Place,
    source: IpAddr,
    destination: Option<IpAddr>,
    ports: Option<[u16; 2]>,
}

impl Prober {
    /// Opens all sockets, and binds the calling thread to one processor.
    ///
    /// # Panics
    /// If the kernel refuses a socket.
    #[must_use]
    pub fn new(wiring: &Wiring) -> Self {
        stay_on_one_processor();
        let mut senders = BTreeMap::new();
        let mut listeners = Vec::new();
        for place in wiring.places() {
            let (sender, mut listening) =
                run_in(wiring.namespace(place), || (open_senders(), listen(place)))
                    .expect("a namespace");
            senders.insert(place, sender);
            listeners.append(&mut listening);
        }
        let conntrack = NodeId::ALL.map(|node| {
            let open = || Conntrack::open().expect("a conntrack socket");
            run_in(wiring.namespace(Place::Node(node)), open).expect("a node")
        });
        let apart = namespace::create().expect("a namespace");
        let own = run_in(&apart, || UdpSocket::bind("127.0.0.1:0")).expect("a namespace");
        let own = own.expect("a socket to oneself");
        own.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self {
            senders,
            listeners,
            conntrack: conntrack.into(),
            own,
            next: 1,
            remembered: 0,
            sent: 0,
        }
    }

    /// How many packets were sent so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends each packet from its place, and gives their fates in the same order.
    ///
    /// # Panics
    /// If a packet arrives twice, or nothing can be sent.
    pub fn probe(&mut self, packets: &[(Place, Opening)]) -> Vec<Fate> {
        packets
            .chunks(BATCH)
            .flat_map(|batch| self.probe_batch(batch))
            .collect()
    }

    fn probe_batch(&mut self, batch: &[(Place, Opening)]) -> Vec<Fate> {
        self.open(batch).fates(batch)
    }

    /// Sends a batch and hears what becomes of it.
    fn open(&mut self, batch: &[(Place, Opening)]) -> Heard {
        let count = u32::try_from(batch.len()).expect("a small batch");
        if self.remembered + count > DISTINCT {
            self.forget();
        }
        self.remembered += count;
        let first = self.next;
        for (place, packet) in batch {
            let bytes = packet.bytes(self.next);
            self.send(*place, packet.destination, &bytes);
            self.next += 1;
        }
        self.hear(Heard::new(first, Role::Opening, batch.len()))
    }

    /// Waits until all is over, and takes what has arrived.
    fn hear(&self, mut heard: Heard) -> Heard {
        self.wait();
        for listener in &self.listeners {
            listener.hear(&mut heard);
        }
        heard
    }

    /// Starts over with source ports and identifiers: nothing may be left of their last use.
    fn forget(&mut self) {
        for conntrack in &mut self.conntrack {
            conntrack.flush().expect("an empty connection table");
        }
        self.remembered = 0;
    }

    fn send(&mut self, place: Place, to: IpAddr, bytes: &[u8]) {
        self.sent += 1;
        let [v4, v6] = &self.senders[&place];
        let socket = if to.is_ipv4() { v4 } else { v6 };
        match socket.send_to(bytes, &SockAddr::from(SocketAddr::new(to, 0))) {
            Ok(sent) => assert_eq!(sent, bytes.len()),
            // What the packet's own node drops on its way out.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => panic!("a packet from {place:?} to {to}: {error}"),
        }
    }

    fn wait(&self) {
        let to = self.own.local_addr().expect("an address");
        for round in 0..BARRIER {
            let mut answer = [0];
            self.own
                .send_to(&[round], to)
                .expect("a datagram to oneself");
            self.own.recv(&mut answer).expect("one's own datagram");
            assert_eq!(answer, [round]);
        }
    }
}

/// Packets of one processor stay in order.
fn stay_on_one_processor() {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("the allowed processors");
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(first.expect("a processor")).expect("its number");
    sched_setaffinity(this, &one).expect("one processor");
}

/// For each family a socket that takes whole packets.
fn open_senders() -> [Socket; 2] {
    [Domain::IPV4, Domain::IPV6].map(|domain| {
        Socket::new(domain, Type::RAW, Some(WHOLE_PACKETS.into())).expect("a raw socket")
    })
}

/// Pods and the outside see packets as they come off the wire. On a node a packet has arrived only when it is past
/// the rules for the node's own traffic, which is where raw sockets are.
fn listen(place: Place) -> Vec<Listener> {
    let sockets: Vec<(Socket, Option<u8>)> = match place {
        Place::Pod(_) | Place::Outside => {
            let open = |(_, number): (Family, u16)| {
                let protocol = i32::from(number.to_be()).into();
                let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol));
                (socket.expect("a packet socket"), None)
            };
            ETHERNET_TYPES.map(open).into()
        }
        Place::Node(_) => {
            let numbers = Protocol::ALL.map(Protocol::number);
            let all = numbers
                .into_iter()
                .chain([IpProtocol::ICMP.0, IpProtocol::ICMPV6.0]);
            let open = |domain: Domain, number: u8| {
                let socket = Socket::new(domain, Type::RAW, Some(i32::from(number).into()));
                socket.expect("a raw socket")
            };
            all.flat_map(|number| {
                [
                    (open(Domain::IPV4, number), None),
                    (open(Domain::IPV6, number), Some(number)),
                ]
            })
            .collect()
        }
    };
    let listener = |(socket, headless): (Socket, Option<u8>)| {
        socket.set_nonblocking(true).expect("a non-blocking socket");
        let buffer = socket.recv_buffer_size().expect("a receive buffer");
        assert!(
            buffer >= LEAST_BUFFER,
            "receive buffers of {buffer} bytes lose packets"
        );
        Listener {
            place,
            socket,
            headless,
        }
    };
    sockets.into_iter().map(listener).collect()
}

impl Listener {
    /// Takes everything that has arrived.
    fn hear(&self, heard: &mut Heard) {
        let mut buffer = [0; LONGEST];
        while let Some(seen) = self.next(&mut buffer) {
            heard.take(self.place, seen);
        }
    }

    /// The next packet, which may be none of ours; `None` if there is none left.
    fn next(&self, buffer: &mut [u8]) -> Option<Option<Seen>> {
        let received = match self.headless {
            None => (&self.socket)
                .read(buffer)
                .map(|length| read(&buffer[..length])),
            Some(protocol) => recvfrom::<SockaddrIn6>(self.socket.as_raw_fd(), buffer)
                .map(|(length, from)| {
                    let from = from.expect("a source address").ip();
                    read_transport(protocol, from.into(), &buffer[..length])
                })
                .map_err(io::Error::from),
        };
        match received {
            Ok(seen) => Some(seen),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("{:?}: {error}", self.place),
        }
    }
}

impl Heard {
    fn new(first: u32, role: Role, packets: usize) -> Self {
        Self {
            first,
            role,
            arrived: vec![Vec::new(); packets],
            rejected: vec![false; packets],
        }
    }

    /// Packets of earlier batches and of others do not count.
    fn take(&mut self, place: Place, seen: Option<Seen>) {
        match seen {
            Some(Seen::Packet {
                number,
                role,
                source,
                destination,
                ports,
            }) => {
                let wanted = role == self.role || role == Role::Either;
                let index = number.wrapping_sub(self.first) as usize;
                if let Some(arrived) = self.arrived.get_mut(index).filter(|_| wanted) {
                    arrived.push(Received {
                        place,
                        source,
                        destination,
                        ports,
                    });
                }
            }
            Some(Seen::Refusal { number }) => {
                let index = number.wrapping_sub(self.first) as usize;
                if let Some(rejected) = self.rejected.get_mut(index) {
                    *rejected = true;
                }
            }
            None => {}
        }
    }

    fn fates(&self, batch: &[(Place, Opening)]) -> Vec<Fate> {
        let heard = self.arrived.iter().zip(&self.rejected);
        let fate = |((arrived, rejected), (from, packet)): ((&Vec<Received>, &bool), _)| {
            let (from, packet): (&Place, &Opening) = (from, packet);
            match arrived.as_slice() {
                [] if *rejected => Fate::Rejected,
                [] => Fate::Dropped,
                [received] => Fate::Arrived(Arrival {
                    place: received.place,
                    port: received.ports.map(|[_, port]| port),
                    masqueraded: received.source != packet.source,
                }),
                _ => panic!("{packet:?} from {from:?} arrived more than once: {arrived:?}"),
            }
        };
        let sent = batch.iter().map(|(from, packet)| (from, packet));
        heard.zip(sent).map(fate).collect()
    }
}
