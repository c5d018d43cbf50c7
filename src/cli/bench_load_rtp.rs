//! The far ends' audio in a load run: one thread, one socket per call, a packet every 20 ms each. Callers are spread over
//! the tick as they are on real lines. Nothing is encoded or decoded here: what is said is prepared once.

use crate::rtp::{HEADER_BYTES, Header, PacketView, is_rtcp, write_packet};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Parts of a tick in which callers send; each caller belongs to one.
const PARTS: usize = 8;
const PART: Duration = Duration::from_micros(20_000 / PARTS as u64);
/// Bytes of G.711 in a packet.
const PACKET: usize = 160;
/// A pause between two packets that is longer than this is counted.
pub(crate) const GAP: Duration = Duration::from_millis(60);

/// What all far ends heard together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heard {
    /// RTP packets that came.
    pub(crate) received: u64,
    /// Missing sequence numbers.
    pub(crate) lost: u64,
    /// Pauses of more than [`GAP`] between two packets of a call, as this thread saw them.
    pub(crate) gaps: u64,
    /// The longest pause, milliseconds.
    pub(crate) gap_max_ms: u64,
    /// Packets sent.
    pub(crate) sent: u64,
    /// Turns of this thread that came more than 10 ms late: then its own gaps say little.
    pub(crate) own_late: u64,
}

enum Order {
    /// A call is up: send there.
    Begin {
        index: usize,
        remote: SocketAddr,
    },
    /// A call is over.
    End {
        index: usize,
    },
    /// Count from now.
    Restart,
    /// Tell what was heard since; counting goes on.
    Report(Sender<Heard>),
    Stop,
}

/// The thread's handle.
pub(crate) struct FarEnds {
    orders: Sender<Order>,
    ports: Vec<u16>,
    thread: Option<JoinHandle<()>>,
}

impl FarEnds {
    /// Opens `calls` sockets. `speech` is mu-law, played in a loop, each caller from another place in it.
    ///
    /// # Errors
    /// When sockets or the thread cannot be had.
    pub(crate) fn open(ip: IpAddr, calls: usize, speech: Arc<[u8]>) -> io::Result<FarEnds> {
        let sockets: Vec<UdpSocket> = (0..calls)
            .map(|_| {
                let socket = UdpSocket::bind((ip, 0))?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            })
            .collect::<io::Result<_>>()?;
        let ports = sockets.iter().map(|s| Ok(s.local_addr()?.port())).collect::<io::Result<_>>()?;
        let (orders, inbox) = channel();
        let thread = std::thread::Builder::new().name("far-ends".into()).spawn(move || run(sockets, &speech, &inbox))?;
        Ok(FarEnds { orders, ports, thread: Some(thread) })
    }

    pub(crate) fn port(&self, index: usize) -> u16 {
        self.ports[index]
    }

    pub(crate) fn begin(&self, index: usize, remote: SocketAddr) {
        let _ = self.orders.send(Order::Begin { index, remote });
    }

    pub(crate) fn end(&self, index: usize) {
        let _ = self.orders.send(Order::End { index });
    }

    pub(crate) fn restart(&self) {
        let _ = self.orders.send(Order::Restart);
    }

    /// What was heard since the last restart; waits a few milliseconds for the thread.
    pub(crate) fn report(&self) -> Heard {
        let (to, from) = channel();
        let _ = self.orders.send(Order::Report(to));
        from.recv().unwrap_or_default()
    }
}

impl Drop for FarEnds {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct FarEnd {
    socket: UdpSocket,
    remote: Option<SocketAddr>,
    header: Header,
    /// Where in the speech it is.
    place: usize,
    /// The stream that is heard with its newest sequence number, and when the last packet came.
    newest: Option<(u32, u16)>,
    last: Option<Instant>,
}

fn run(sockets: Vec<UdpSocket>, speech: &[u8], inbox: &Receiver<Order>) {
    let packets = speech.len() / PACKET;
    let count = sockets.len().max(1);
    let mut ends: Vec<FarEnd> = sockets
        .into_iter()
        .enumerate()
        .map(|(i, socket)| FarEnd {
            socket,
            remote: None,
            header: Header { marker: false, payload_type: 0, sequence: 1, timestamp: 0, ssrc: 0x1000_0000 + i as u32 },
            place: packets * i / count,
            newest: None,
            last: None,
        })
        .collect();
    let mut heard = Heard::default();
    let mut due = Instant::now() + PART;
    let mut part = 0;
    loop {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if due.elapsed() > Duration::from_millis(10) {
            heard.own_late += 1;
        }
        for order in inbox.try_iter() {
            match order {
                Order::Begin { index, remote } => ends[index].remote = Some(remote),
                Order::End { index } => (ends[index].remote, ends[index].last, ends[index].newest) = (None, None, None),
                Order::Restart => heard = Heard::default(),
                Order::Report(to) => drop(to.send(heard)),
                Order::Stop => return,
            }
        }
        for end in ends.iter_mut().skip(part).step_by(PARTS) {
            end.receive(&mut heard);
            end.send(speech, packets, &mut heard);
        }
        part = (part + 1) % PARTS;
        due += PART;
    }
}

impl FarEnd {
    fn receive(&mut self, heard: &mut Heard) {
        let mut buffer = [0; 2_048];
        while let Ok(len) = self.socket.recv(&mut buffer) {
            let Some(packet) = PacketView::parse(&buffer[..len]) else { continue };
            // Reports for the port below, which is another caller's.
            if self.remote.is_none() || is_rtcp(&buffer[..len]) {
                continue;
            }
            let now = Instant::now();
            let (ssrc, sequence) = (packet.header.ssrc, packet.header.sequence);
            heard.received += 1;
            let (last, newest) = (self.last.replace(now), self.newest.replace((ssrc, sequence)));
            // A straggler of the call before on this port is no pause and no loss of this one.
            let Some((_, newest)) = newest.filter(|(stream, _)| *stream == ssrc) else { continue };
            if let Some(last) = last {
                let pause = now - last;
                heard.gap_max_ms = heard.gap_max_ms.max(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
                heard.gaps += u64::from(pause > GAP);
            }
            let ahead = sequence.wrapping_sub(newest);
            if ahead < 0x8000 {
                heard.lost += u64::from(ahead.saturating_sub(1));
            } else {
                // Out of order: it was counted as lost, and the newest stays what it was.
                heard.lost = heard.lost.saturating_sub(1);
                self.newest = Some((ssrc, newest));
            }
        }
    }

    fn send(&mut self, speech: &[u8], packets: usize, heard: &mut Heard) {
        let Some(remote) = self.remote else { return };
        let mut out = [0; HEADER_BYTES + PACKET];
        let payload = &speech[self.place * PACKET..(self.place + 1) * PACKET];
        self.place = (self.place + 1) % packets;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(PACKET as u32);
        if let Some(len) = write_packet(&self.header, payload, &mut out) {
            let _ = self.socket.send_to(&out[..len], remote);
            heard.sent += 1;
        }
    }
}
