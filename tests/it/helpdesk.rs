//! The helpdesk flow on a real gateway: who is verified, what becomes a task, what operators tell of a disturbance; and that the secret
//! stays nowhere.

use crate::gateway::{Gateway, Wanted, checkout, hotline};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// Long enough not to stand in any record by chance.
const SECRET: &str = "470815330911";

/// The company's own programs: an account with a secret, and what is known of a line. They end with the test.
fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let _ = socket.set_read_timeout(Some(Duration::from_millis(300)));
            let (mut request, mut piece) = (Vec::new(), [0; 4_096]);
            while let Ok(n @ 1..) = socket.read(&mut piece) {
                request.extend_from_slice(&piece[..n]);
                let text = String::from_utf8_lossy(&request);
                if text.starts_with("GET") && text.ends_with("\r\n\r\n") || text.ends_with('}') {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let (status, body) = match () {
                () if request.starts_with("POST /verify") && request.contains(SECRET) => ("200 OK", r#"{"name":"Ms Ren"}"#),
                () if request.starts_with("GET /lines/123456 ") => {
                    ("200 OK", r#"{"state":"wrong_socket","socket":"A7","measured":"B2"}"#)
                }
                () => ("404 Not Found", "{}"),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
            let _ = write!(socket, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    port
}

/// The flow and what it includes, with the service's port and a longer secret.
fn flow_for(folder: &Path, port: u16) -> String {
    std::fs::create_dir_all(folder.join("shared")).expect("a folder");
    for file in ["helpdesk.yaml", "shared/identity.yaml"] {
        let text = std::fs::read_to_string(checkout().join("flows").join(file)).expect("the flow");
        let text = text
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{port}"))
            .replace("secret: { digits: 4 }", "secret: { digits: 12 }");
        std::fs::write(folder.join(file), text).expect("written");
    }
    folder.join("helpdesk.yaml").to_string_lossy().into_owned()
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, what: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holds(&path, what));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(what.len()).any(|w| w == what)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn identity_tasks_and_incidents_on_a_real_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = service();
    let flow = flow_for(folder.path(), port);
    let mut gateway = Gateway::start(Wanted { flow: &flow, hosts: vec![format!("127.0.0.1:{port}")], ..Wanted::default() });
    let config = gateway.config.to_string_lossy().into_owned();
    let uri = format!("sip:5551000@{}", gateway.sip);
    let call = || {
        let keys = ["--wait", "3000", "--dtmf", "1", "--wait", "2500", "--dtmf", "123456", "--wait", "2500", "--dtmf", SECRET];
        let mut words = vec!["call", &uri];
        words.extend(keys);
        words.extend(["--hangup-after", "22000"]);
        let (code, text) = hotline(&words);
        assert_eq!(code, 0, "{text}");
    };
    call();
    let rows = gateway.ended_calls(1);
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let (code, text) = hotline(&["tasks", "--config", &config]);
    assert!(code == 0 && text.contains("socket of the line") && text.contains("\"A7\" should be \"B2\""), "{text}");
    let (_, told) = hotline(&["calls", "show", &id, "--config", &config]);
    // What was answered to the secret is withheld with it.
    assert!(told.contains("by keys: (sensitive)") && told.contains("anything else"), "{told}");
    // The secret was sent to the service, and is in no file: not in the records, the event log, the card.
    assert_eq!(holds(gateway.path("").as_path(), SECRET.as_bytes()), Vec::<String>::new());
    let (code, text) = hotline(&["replay", &id, "--config", &config]);
    assert!(code == 0 && text.contains("1 same"), "{text}");

    // Now the line test is out of order, and operators say so.
    let words = "We know of a broken cable in the north.";
    let (code, text) = hotline(&["incident", "set", words, "--lookup", "line", "--config", &config]);
    assert!(code == 0 && text.contains("broken cable"), "{text}");
    // A gateway that runs takes it up within two seconds, and says so.
    gateway.said("callers are told of an incident");
    call();
    let rows = gateway.ended_calls(2);
    let other =
        rows.iter().map(|row| row["id"].as_str().expect("an id")).find(|other| **other != *id).expect("the second call");
    let (_, told) = hotline(&["calls", "show", other, "--config", &config]);
    assert!(told.contains("decided   incident") && !told.contains("anything else"), "{told}");
    let (_, text) = hotline(&["tasks", "--config", &config]);
    assert_eq!(text.matches("socket of the line").count(), 1, "the line was not looked up again: {text}");
    let (code, text) = hotline(&["incident", "clear", "--config", &config]);
    assert!(code == 0 && text.contains("no incident"), "{text}");
}
