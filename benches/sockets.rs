//! Which sockets for audio? The kernel's part of a tick of 200 calls, done in the ways that Linux offers: a socket for each
//! call, or few shared ones with recvmmsg(2) and sendmmsg(2). Run with `cargo bench --bench sockets`; prints processor time
//! of the serving thread for each call and tick. The far ends send from another thread, whose time is not counted.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CALLS: usize = 200;
const TICKS: usize = 100;
const PACKET: usize = 172;

fn thread_time() -> Duration {
    // SAFETY: a zeroed timespec is valid and the call only writes into it.
    let t = unsafe {
        let mut t: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut t);
        t
    };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

fn bound() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.set_nonblocking(true).expect("non-blocking");
    socket
}

/// Buffers for one recvmmsg or sendmmsg of up to `n` packets.
struct Batch {
    bytes: Vec<[u8; 2_048]>,
    addresses: Vec<libc::sockaddr_in>,
    vectors: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
}

impl Batch {
    fn new(n: usize, len: usize) -> Box<Batch> {
        // SAFETY: all of these are plain data for which zero is valid.
        let (addresses, vectors, messages) =
            unsafe { (vec![std::mem::zeroed(); n], vec![std::mem::zeroed(); n], vec![std::mem::zeroed(); n]) };
        let mut batch = Box::new(Batch { bytes: vec![[0; 2_048]; n], addresses, vectors, messages });
        for i in 0..n {
            batch.vectors[i] = libc::iovec { iov_base: batch.bytes[i].as_mut_ptr().cast(), iov_len: len };
            let header: &mut libc::mmsghdr = &mut batch.messages[i];
            header.msg_hdr.msg_name = (&raw mut batch.addresses[i]).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            header.msg_hdr.msg_iov = &raw mut batch.vectors[i];
            header.msg_hdr.msg_iovlen = 1;
        }
        batch
    }

    fn receive(&mut self, socket: &UdpSocket, most: usize) -> usize {
        // SAFETY: the headers point into this batch's own buffers, which outlive the call.
        let n = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                most as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(n).unwrap_or(0)
    }

    fn send(&mut self, socket: &UdpSocket, from: usize, n: usize) -> usize {
        // SAFETY: as in `receive`.
        let n =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), self.messages.as_mut_ptr().add(from), n as u32, libc::MSG_DONTWAIT) };
        usize::try_from(n).unwrap_or(0)
    }
}

fn raw(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(v4) = address else { panic!("loopback is IPv4 here") };
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: v4.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// Far ends that send a packet each every 20 ms and throw away what comes.
fn far_ends(targets: Vec<SocketAddr>, stop: &'static AtomicBool) -> (Vec<SocketAddr>, std::thread::JoinHandle<()>) {
    let sockets: Vec<UdpSocket> = targets.iter().map(|_| bound()).collect();
    let addresses = sockets.iter().map(|s| s.local_addr().expect("bound")).collect();
    let thread = std::thread::spawn(move || {
        let mut due = Instant::now();
        let mut buffer = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            for (socket, target) in sockets.iter().zip(&targets) {
                while socket.recv(&mut buffer).is_ok() {}
                let _ = socket.send_to(&[0x80; PACKET], target);
            }
            due += Duration::from_millis(20);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    });
    (addresses, thread)
}

/// Runs `serve` once a tick and gives its processor time for each call and tick, microseconds; and packets received.
fn measure(name: &str, targets: Vec<SocketAddr>, mut serve: impl FnMut(&[SocketAddr]) -> usize) {
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let (addresses, thread) = far_ends(targets, stop);
    let mut due = Instant::now() + Duration::from_millis(100);
    let (mut spent, mut received) = (Vec::new(), 0);
    for tick in 0..TICKS + 10 {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += Duration::from_millis(20);
        let before = thread_time();
        let n = serve(&addresses);
        if tick >= 10 {
            spent.push((thread_time() - before).as_secs_f64() * 1e6 / CALLS as f64);
            received += n;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    spent.sort_by(f64::total_cmp);
    println!("{name:58} {:6.2} µs a call and tick ({received} packets in {TICKS} ticks)", spent[spent.len() / 2]);
}

/// A receive and a send for each call, all of them handed to the kernel in one system call.
fn uring(own: impl Fn() -> Vec<UdpSocket>, at: impl Fn(&[UdpSocket]) -> Vec<SocketAddr>) {
    use io_uring::{IoUring, opcode, types};
    let mut ring = match IoUring::new(512) {
        Ok(ring) => ring,
        Err(error) => return println!("socket per call, io_uring: the kernel refuses ({error})"),
    };
    let sockets = own();
    let (mut received, mut sent) = (Batch::new(CALLS, 2_048), Batch::new(CALLS, PACKET));
    measure("socket per call, io_uring: 200 receives and sends at once", at(&sockets), |far| {
        for (i, to) in far.iter().enumerate() {
            sent.addresses[i] = raw(*to);
        }
        for (i, socket) in sockets.iter().enumerate() {
            let fd = types::Fd(socket.as_raw_fd());
            let flags = libc::MSG_DONTWAIT as u32;
            let take = opcode::RecvMsg::new(fd, &raw mut received.messages[i].msg_hdr).flags(flags).build().user_data(1);
            let give = opcode::SendMsg::new(fd, &raw const sent.messages[i].msg_hdr).flags(flags).build().user_data(2);
            // SAFETY: both point into batches that live over the wait below.
            unsafe {
                ring.submission().push(&take).expect("room for 400");
                ring.submission().push(&give).expect("room for 400");
            }
        }
        let _ = ring.submit_and_wait(2 * CALLS);
        ring.completion().filter(|done| done.user_data() == 1 && done.result() > 0).count()
    });
}

fn main() {
    let own = || (0..CALLS).map(|_| bound()).collect::<Vec<_>>();
    let at = |sockets: &[UdpSocket]| sockets.iter().map(|s| s.local_addr().expect("bound")).collect::<Vec<_>>();
    let packet = [0x80u8; PACKET];

    let sockets = own();
    measure("socket per call, recv_from until empty twice, send_to", at(&sockets), |far| {
        let (mut buffer, mut n) = ([0; 2_048], 0);
        for _ in 0..2 {
            for socket in &sockets {
                while socket.recv_from(&mut buffer).is_ok() {
                    n += 1;
                }
            }
        }
        for (socket, to) in sockets.iter().zip(far) {
            let _ = socket.send_to(&packet, to);
        }
        n
    });

    let sockets = own();
    let mut batch = Batch::new(4, 2_048);
    measure("socket per call, one recvmmsg of 4, send_to", at(&sockets), |far| {
        let mut n = 0;
        for (socket, to) in sockets.iter().zip(far) {
            n += batch.receive(socket, 4);
            let _ = socket.send_to(&packet, to);
        }
        n
    });

    let sockets = own();
    let mut connected = false;
    measure("connected socket per call, one recvmmsg of 4, send", at(&sockets), |far| {
        if !std::mem::replace(&mut connected, true) {
            sockets.iter().zip(far).for_each(|(s, to)| s.connect(to).expect("loopback"));
        }
        let mut n = 0;
        for socket in &sockets {
            n += batch.receive(socket, 4);
            let _ = socket.send(&packet);
        }
        n
    });

    uring(own, at);

    for shared in [1usize, 4] {
        let sockets: Vec<UdpSocket> = (0..shared).map(|_| bound()).collect();
        for socket in &sockets {
            let size: libc::c_int = 4 << 20;
            // SAFETY: the option's value is a c_int that lives over the call.
            unsafe {
                libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const size).cast(), 4);
            }
        }
        let local = at(&sockets);
        let targets = (0..CALLS).map(|i| local[i % shared]).collect();
        let (mut batch, mut out) = (Batch::new(64, 2_048), Batch::new(CALLS, PACKET));
        // Who sent it: the demultiplexing that shared sockets need.
        let mut places = std::collections::HashMap::new();
        measure(&format!("{shared} shared, recvmmsg of 64, look-up, sendmmsg"), targets, |far| {
            let mut n = 0;
            if places.is_empty() {
                places.extend(far.iter().enumerate().map(|(i, a)| ((raw(*a).sin_addr.s_addr, raw(*a).sin_port), i)));
                far.iter().enumerate().for_each(|(i, a)| out.addresses[i] = raw(*a));
            }
            for socket in &sockets {
                loop {
                    let got = batch.receive(socket, 64);
                    for address in &batch.addresses[..got] {
                        n += usize::from(places.contains_key(&(address.sin_addr.s_addr, address.sin_port)));
                    }
                    if got < 64 {
                        break;
                    }
                }
            }
            let each = CALLS / shared;
            for (i, socket) in sockets.iter().enumerate() {
                out.send(socket, i * each, each);
            }
            n
        });
    }
}
