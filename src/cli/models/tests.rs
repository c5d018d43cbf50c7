//! Against a server of our own: whole, broken off, not there, not what it should be.

use super::{Place, list, pull, verify};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server gives out.
fn weights() -> Vec<u8> {
    (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A server of one file that breaks off after `cut` bytes of each answer. Ends with the test's runtime.
async fn server(cut: Option<usize>, ranges: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let at = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let n = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..n]).to_lowercase();
            let whole = weights();
            let from = request.split("range: bytes=").nth(1).and_then(|r| r.split('-').next()?.parse::<usize>().ok());
            let from = from.filter(|_| ranges).unwrap_or(0);
            let head = match (request.contains("/there.bin"), from) {
                (false, _) => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_string(),
                (true, 0) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len()),
                (true, from) if from >= whole.len() => "HTTP/1.1 416 Nothing\r\nContent-Length: 0\r\n\r\n".to_string(),
                (true, from) => {
                    let (last, all) = (whole.len() - 1, whole.len());
                    format!(
                        "HTTP/1.1 206 Part\r\nContent-Range: bytes {from}-{last}/{all}\r\nContent-Length: {}\r\n\r\n",
                        all - from
                    )
                }
            };
            let body = if head.contains("404") || head.contains("416") { &[] } else { &whole[from..] };
            let body = &body[..body.len().min(cut.unwrap_or(usize::MAX))];
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        }
    });
    at
}

fn manifest(folder: &Path, extra: &str) {
    let text = |name: &str, file: &str, extra: &str| {
        format!(
            "[{name}]\nabout = \"for a test\"\nfile = \"{file}\"\nurl = \"https://nowhere.invalid/{file}\"\nmegabytes = 1\n{extra}\n"
        )
    };
    let all = text("there", "there.bin", extra) + &text("gone", "gone.bin", "");
    std::fs::write(folder.join("manifest.toml"), all).expect("written");
}

async fn pulled(name: &str, folder: &Path, mirror: &str) -> (Result<bool, String>, String) {
    let mut out = Vec::new();
    let place = Place { folder, mirror: Some(mirror) };
    let result = pull(name, &place, &mut out).await.map_err(|e| e.to_string());
    (result, String::from_utf8_lossy(&out).into_owned())
}

fn sha1_of_weights(folder: &Path) -> String {
    let file = folder.join("sum");
    std::fs::write(&file, weights()).expect("written");
    super::manifest::sums(&file).expect("read").sha1
}

#[tokio::test]
async fn a_model_comes_in_pieces_and_is_compared_with_its_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    manifest(folder, &format!("sha1 = \"{}\"", sha1_of_weights(folder)));
    // Every connection breaks off after 150 kB: three are needed.
    let (result, told) = pulled("there", folder, &server(Some(150_000), true).await).await;
    assert_eq!(result, Ok(true), "{told}");
    assert_eq!(told.matches("trying again").count(), 2, "{told}");
    assert!(told.contains("SHA-1 is as published") && told.contains("whisper_model = "), "{told}");
    assert_eq!(std::fs::read(folder.join("there.bin")).expect("there"), weights());
    let place = Place { folder, mirror: None };
    let mut out = Vec::new();
    assert!(verify(&place, &mut out).expect("readable"));
    std::fs::write(folder.join("there.bin"), b"bent").expect("written");
    assert!(!verify(&place, &mut out).expect("readable"));
    assert!(list(&place, false, &mut out).expect("readable"));
    let out = String::from_utf8_lossy(&out).into_owned();
    assert!(out.contains("there: good") && out.contains("there: WRONG"), "{out}");
    let (again, _) = pulled("there", folder, "http://127.0.0.1:1").await;
    assert!(again.expect_err("bent").contains("delete it"));
}

#[tokio::test]
async fn a_server_without_ranges_begins_again() {
    let folder = tempfile::tempdir().expect("a folder");
    manifest(folder.path(), "");
    std::fs::write(folder.path().join("there.bin.part"), b"an earlier try").expect("written");
    let (result, told) = pulled("there", folder.path(), &server(None, false).await).await;
    assert_eq!(result, Ok(true), "{told}");
    assert_eq!(std::fs::read(folder.path().join("there.bin")).expect("there"), weights());
    // Nobody published a hash: it is recorded, and counts from now on.
    assert!(told.contains("is recorded"), "{told}");
    std::fs::remove_file(folder.path().join("there.bin")).expect("there");
    let recorded = std::fs::read_to_string(folder.path().join("recorded.toml")).expect("recorded");
    std::fs::write(folder.path().join("recorded.toml"), recorded.replace("there = \"", "there = \"00")).expect("written");
    let (result, _) = pulled("there", folder.path(), &server(None, true).await).await;
    assert!(result.expect_err("another file").contains("is not there: its SHA-256"));
    assert!(!folder.path().join("there.bin").exists() && !folder.path().join("there.bin.part").exists());
}

#[tokio::test]
async fn trouble_is_told_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    manifest(folder, "");
    let (result, _) = pulled("nothing", folder, "http://127.0.0.1:1").await;
    assert!(result.expect_err("unknown").contains("there are gone, there"));
    let (result, _) = pulled("gone", folder, &server(None, true).await).await;
    assert!(result.expect_err("404").contains("404"));
    // No network.
    let (result, told) = pulled("there", folder, "http://127.0.0.1:1").await;
    let why = result.expect_err("nobody listens");
    assert!(why.contains("by hand") && why.contains("--mirror") && told.contains("trying again"), "{why}");
    // Nothing moves, but what is there is kept.
    let (result, _) = pulled("there", folder, &server(Some(0), true).await).await;
    assert!(result.expect_err("an empty answer").contains("by hand"));
    let bent = std::fs::read_to_string(folder.join("manifest.toml"))
        .expect("there")
        .replace("there.bin\"\nurl", "../there.bin\"\nurl");
    std::fs::write(folder.join("manifest.toml"), bent).expect("written");
    let (result, _) = pulled("there", folder, "http://127.0.0.1:1").await;
    assert!(result.expect_err("outside").contains("a plain name"));
}
