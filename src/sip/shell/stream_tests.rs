//! What bounds a stream connection, without a network.

use super::*;

/// However often a stranger pings.
#[test]
fn a_stranger_keeps_a_place_by_good_messages_or_a_call_alone() {
    let good = Instant::now();
    let times = Times { good, read: good + STRANGER_IDLE };
    assert_eq!(patience(false, true, false, &times), good + SILENT);
    assert_eq!(patience(true, true, false, &times), good + STRANGER_IDLE);
    assert_eq!(patience(true, true, true, &times), times.read + IDLE);
    assert_eq!(patience(false, false, false, &times), times.read + SILENT);
    assert_eq!(patience(true, false, false, &times), times.read + IDLE);
}

/// Each message it reads in part, in time; the queue behind must not grow without end.
#[tokio::test]
async fn a_far_end_that_does_not_read_lets_no_more_gather_than_may() {
    let peer = SocketAddr::from(([192, 0, 2, 7], 5060));
    let board = crate::sip::SharedBoard::new(crate::sip::trunk::Board::new(Vec::new()).into());
    let (far, near) = tokio::io::duplex(64);
    let (to_crate, incoming) = mpsc::unbounded_channel();
    let (outgoing, from_crate) = mpsc::unbounded_channel();
    let address = SipAddr::new(Transport::Tcp, peer.into());
    let made = ChannelConnection::create_connection(incoming, outgoing, address, None).await;
    let connection = SipConnection::Channel(made.expect("a channel"));
    let desk = Desk {
        write: Arc::new(tokio::sync::Mutex::new(near)),
        connection: connection.clone(),
        to_crate,
        peer,
        transport: Transport::Tcp,
        gate: Arc::new(Gate::new(&SipConfig::default(), board, Default::default())),
        stranger: true,
        calls: AtomicBool::new(false),
    };
    let text = format!(
        "SIP/2.0 481 No\r\nVia: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: k1\r\nCSeq: 7 BYE\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1_000)
    );
    let message = SipMessage::try_from(text.as_bytes()).expect("a response");
    let mut writing = std::pin::pin!(desk.write_all(from_crate));
    let begun = Instant::now();
    let mut sent = 0;
    let over = async {
        loop {
            for _ in 0..10 {
                // The crate sends into its end of the channel.
                let SipConnection::Channel(channel) = &connection else { return };
                channel.try_send(message.clone()).expect("it is unbounded");
                sent += 1;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = &mut writing => {}
        () = over => {}
    }
    assert!(begun.elapsed() < WRITE_TIMEOUT && (WAITING_MAX / 2_000..2 * WAITING_MAX / 1_000).contains(&sent), "{sent}");
    drop(far);
}

/// A certificate for a.example, *.line.example and 192.0.2.7, made by openssl.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBqTCCAU+gAwIBAgIUc5YD/kKBXOuqwMhQpa4t/QxC6aMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYS5leGFtcGxlMB4XDTI2MTEyMTIzNDQwMFoXDTI2MTIyMTIz
NDQwMFowFDESMBAGA1UEAwwJYS5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEKd4YV0CEpXAqmMlY19t3xOj0SqOfIipkOouVI79ocCnhDBS67ovs6dei
Qudi9rAZy9gSnCzXLVc1QCjE02fI8aN/MH0wHQYDVR0OBBYEFHyoAA0adhzgxkb1
Fw7Hkmok88kjMB8GA1UdIwQYMBaAFHyoAA0adhzgxkb1Fw7Hkmok88kjMA8GA1Ud
EwEB/wQFMAMBAf8wKgYDVR0RBCMwIYIJYS5leGFtcGxlgg4qLmxpbmUuZXhhbXBs
ZYcEwAACBzAKBggqhkjOPQQDAgNIADBFAiEAzk8+1cqbHYOA2/0rZNjq8ZPSwKCn
uuvbZPwLyNbhtfUCIBLH9al9PYbqrf6psxlOUTynLn31X7RYu+Ozd4TA/ZsW
-----END CERTIFICATE-----";

#[test]
fn a_connection_serves_the_names_that_were_proved() {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).ok();
    assert!(certificate.is_some());
    let opened = Opened::new(Some(Proof { name: "asked.example".into(), certificate }));
    for (name, serves) in [
        ("asked.example", true),
        ("A.example", true),
        ("two.line.example", true),
        ("192.0.2.7", true),
        ("b.example", false),
        ("line.example", false),
        ("192.0.2.8", false),
        ("[2001:db8::1]", false),
        ("no name", false),
    ] {
        assert_eq!(opened.serves(name), serves, "{name}");
    }
    assert!(Opened::new(None).serves("b.example"), "without TLS nobody proves a name");
    opened.over.cancel();
    assert!(!opened.serves("asked.example"));
}

#[test]
fn pings_in_a_row_are_too_many_and_pings_now_and_then_are_not() {
    let (mut lately, now) = (Lately::default(), Instant::now());
    assert_eq!((0..100).filter(|_| !lately.ping(now)).count(), PINGS_MAX as usize);
    let mut lately = Lately::default();
    assert!((0..100u32).all(|n| !lately.ping(now + PING_PAUSE * n)));
}
