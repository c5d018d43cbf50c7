//! Carries packets between the plane's leg and a page's line, and notices when the page is gone: a tab that is killed says nothing, and what
//! WebRTC itself notices it notices after many seconds.

use super::{Line, LineEvent, PageNews};
use crate::rtp::is_rtcp;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How long a page is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A connection that is not up after so long will not be.
    pub(super) connect: Duration,
    /// A page sends fifty packets a second, muted or not. Silent for so long, it is gone.
    pub(super) silent: Duration,
}

impl Patience {
    pub(super) const USUAL: Patience = Patience { connect: Duration::from_secs(8), silent: Duration::from_secs(2) };
}

/// Largest packet.
const PACKET_BYTES: usize = 1_500;

/// Until `stop`, or until the page is gone, which is told. Nothing here allocates per packet; what the library does for itself it does behind [`Line`].
pub(super) async fn carry<L: Line>(
    mut line: L,
    wire: UdpSocket,
    patience: Patience,
    stop: CancellationToken,
    tell: impl Fn(PageNews) + Send,
) {
    let (mut from_plane, mut from_page) = ([0; PACKET_BYTES], [0; PACKET_BYTES]);
    let began = Instant::now();
    // When the page was heard last, once it is up.
    let mut heard: Option<Instant> = None;
    let mut look = tokio::time::interval(patience.silent / 8);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            () = stop.cancelled() => break None,
            event = line.next(&mut from_page) => match event {
                LineEvent::Up => {
                    heard = Some(Instant::now());
                    tell(PageNews::Up);
                }
                LineEvent::Packet(len) => {
                    heard = heard.map(|_| Instant::now());
                    // Waits only while the kernel's buffer is full; an error is a packet lost, as on any wire.
                    let _ = wire.send(&from_page[..len]).await;
                }
                LineEvent::Down => break Some(if heard.is_some() { PageNews::Lost } else { PageNews::NeverUp }),
            },
            // An error belongs to one datagram: the leg may be closed already.
            len = wire.recv(&mut from_plane) => if let (Ok(len), true) = (len, heard.is_some()) {
                let packet = &from_plane[..len];
                // The page has its own reports from the library.
                if !is_rtcp(packet) {
                    line.send(packet).await;
                }
            },
            _ = look.tick() => match heard {
                Some(last) if last.elapsed() > patience.silent => break Some(PageNews::Lost),
                None if began.elapsed() > patience.connect => break Some(PageNews::NeverUp),
                _ => {}
            },
        }
    };
    if let Some(news) = end {
        tell(news);
    }
    line.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A page by hand.
    struct ByHand {
        events: tokio::sync::mpsc::Receiver<(LineEvent, Vec<u8>)>,
        sent: mpsc::Sender<Vec<u8>>,
    }

    impl Line for ByHand {
        async fn next(&mut self, into: &mut [u8]) -> LineEvent {
            match self.events.recv().await {
                Some((event, bytes)) => {
                    into[..bytes.len()].copy_from_slice(&bytes);
                    event
                }
                None => std::future::pending().await,
            }
        }
        async fn send(&mut self, packet: &[u8]) {
            let _ = self.sent.send(packet.to_vec());
        }
        async fn close(self) {
            let _ = self.sent.send(b"closed".to_vec());
        }
    }

    struct Bench {
        page: tokio::sync::mpsc::Sender<(LineEvent, Vec<u8>)>,
        sent: mpsc::Receiver<Vec<u8>>,
        news: mpsc::Receiver<PageNews>,
        plane: UdpSocket,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    async fn bench(patience: Patience) -> Bench {
        let plane = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let wire = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        wire.connect(plane.local_addr().expect("bound")).await.expect("loopback");
        plane.connect(wire.local_addr().expect("bound")).await.expect("loopback");
        let (page, events) = tokio::sync::mpsc::channel(8);
        let ((tell_sent, sent), (tell, news)) = (mpsc::channel(), mpsc::channel());
        let stop = CancellationToken::new();
        let line = ByHand { events, sent: tell_sent };
        let task =
            tokio::spawn(carry(line, wire, patience, stop.clone(), move |news| tell.send(news).expect("the bench listens")));
        Bench { page, sent, news, plane, stop, task }
    }

    #[tokio::test]
    async fn packets_go_both_ways_once_it_is_up_and_reports_stay_here() {
        let bench = bench(Patience::USUAL).await;
        bench.page.send((LineEvent::Up, Vec::new())).await.expect("taken");
        let mut buffer = [0; 64];
        bench.page.send((LineEvent::Packet(3), vec![1, 2, 3])).await.expect("taken");
        let len = bench.plane.recv(&mut buffer).await.expect("the page's packet");
        assert_eq!(&buffer[..len], &[1, 2, 3]);
        // A report (payload type 200) and then audio: only the audio arrives.
        bench.plane.send(&[0x80, 200, 0, 1, 0, 0, 0, 0]).await.expect("sent");
        bench.plane.send(&[0x80, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 9]).await.expect("sent");
        let sent =
            tokio::task::spawn_blocking(move || (bench.sent.recv().expect("a packet"), bench.sent)).await.expect("joined");
        assert_eq!(sent.0.last(), Some(&9));
        bench.stop.cancel();
        bench.task.await.expect("ended");
        assert_eq!(sent.1.recv().expect("the end"), b"closed");
        assert_eq!(bench.news.iter().collect::<Vec<_>>(), [PageNews::Up], "who ends it needs no news of it");
    }

    #[tokio::test]
    async fn a_silent_page_is_lost_and_one_that_never_came_is_given_up() {
        let short = Patience { connect: Duration::from_millis(160), silent: Duration::from_millis(80) };
        let silent = bench(short).await;
        let began = Instant::now();
        silent.page.send((LineEvent::Up, Vec::new())).await.expect("taken");
        silent.task.await.expect("ended");
        assert_eq!(silent.news.iter().collect::<Vec<_>>(), [PageNews::Up, PageNews::Lost]);
        assert!(began.elapsed() >= short.silent, "{:?}", began.elapsed());
        let never = bench(short).await;
        let began = Instant::now();
        never.task.await.expect("ended");
        assert_eq!(never.news.iter().collect::<Vec<_>>(), [PageNews::NeverUp]);
        assert!(began.elapsed() >= short.connect);
    }
}
