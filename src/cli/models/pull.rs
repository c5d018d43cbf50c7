//! Fetching one file, with a bar, going on after a break.

use super::manifest::Entry;
use std::io::{IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CONNECT: Duration = Duration::from_secs(10);

/// Longest silence of the server.
const SILENCE: Duration = Duration::from_secs(30);

/// How often a broken connection is taken up again without any progress in between, and the pause before.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// How often the bar moves.
const DRAWN: Duration = Duration::from_millis(200);

/// Width of the bar in characters.
const BAR: usize = 30;

/// How one connection ended.
enum End {
    Whole,
    /// It broke off; one sentence.
    Broken(String),
}

/// Fetches `url` into `path` + ".part" and gives that name back. What an earlier try left there is gone on with, if the server can.
///
/// # Errors
/// One sentence with the remedy.
pub(super) async fn fetch(url: &str, path: &Path, entry: &Entry, out: &mut dyn Write) -> anyhow::Result<PathBuf> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::limited(5))
        .build()?;
    let mut bar = Bar::new();
    let mut tries = 0;
    loop {
        let before = size(&part);
        let end = connection(&client, url, &part, entry, &mut bar, out).await?;
        let End::Broken(why) = end else {
            bar.end(out)?;
            return Ok(part);
        };
        tries = if size(&part) > before { 1 } else { tries + 1 };
        bar.end(out)?;
        if tries >= TRIES {
            let kept = size(&part);
            let rest = if kept > 0 {
                format!("{:.1} MB are kept; the next pull goes on from there. ", megabytes(kept))
            } else {
                String::new()
            };
            anyhow::bail!(
                "{url} cannot be fetched: {why}. {rest}Without a way out from here, put the file there by hand ({}) or give --mirror URL",
                path.display()
            );
        }
        writeln!(out, "broken off ({why}); trying again")?;
        // A server that has just dropped us is given a moment; nothing else waits for this command.
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connection(
    client: &reqwest::Client,
    url: &str,
    part: &Path,
    entry: &Entry,
    bar: &mut Bar,
    out: &mut dyn Write,
) -> anyhow::Result<End> {
    let mut have = size(part);
    let mut request = client.get(url);
    if have > 0 {
        request = request.header("range", format!("bytes={have}-"));
    }
    let mut answer = match request.send().await {
        Ok(answer) => answer,
        Err(e) => return Ok(End::Broken(plain(&e))),
    };
    match answer.status().as_u16() {
        206 if have > 0 => {}
        // Nothing is left to send: the file was whole already.
        416 if have > 0 => return Ok(End::Whole),
        200 => have = 0,
        status @ (429 | 500..=599) => return Ok(End::Broken(format!("the server answered {status}"))),
        status => anyhow::bail!("{url}: the server answered {status}; is the address right? --mirror URL names another server"),
    }
    let total = answer.content_length().map(|n| n + have);
    // Twice what was announced is another file, or an attack on the disk.
    let most = entry.megabytes.saturating_mul(2_000_000).max(1 << 20);
    anyhow::ensure!(total.is_none_or(|n| n <= most), "{url} is larger than twice what the manifest says; nothing was fetched");
    let mut file = std::fs::File::options().create(true).write(true).truncate(false).open(part)?;
    file.set_len(have)?;
    file.seek(SeekFrom::End(0))?;
    let full = |e: std::io::Error| anyhow::anyhow!("cannot write {}: {e}", part.display());
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => {
                have += bytes.len() as u64;
                anyhow::ensure!(have <= most, "{url} is larger than twice what the manifest says; stopped");
                file.write_all(&bytes).map_err(full)?;
                bar.draw(have, total, out)?;
            }
            Ok(None) if total.is_none_or(|n| n == have) => {
                file.sync_all().map_err(full)?;
                return Ok(End::Whole);
            }
            Ok(None) => return Ok(End::Broken("the server stopped too early".to_string())),
            Err(e) => return Ok(End::Broken(plain(&e))),
        }
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The innermost reason, without the address (which is told already).
fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_string();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// Progress: a bar that is drawn over on a terminal, a line every ten per cent elsewhere.
struct Bar {
    terminal: bool,
    drawn: Option<Instant>,
    tenths: u64,
    began: Instant,
    open: bool,
}

impl Bar {
    fn new() -> Bar {
        Bar { terminal: std::io::stdout().is_terminal(), drawn: None, tenths: 0, began: Instant::now(), open: false }
    }

    fn draw(&mut self, have: u64, total: Option<u64>, out: &mut dyn Write) -> std::io::Result<()> {
        let tenths = total.map_or(have / 10_000_000, |n| have * 10 / n.max(1));
        let whole = total == Some(have);
        if self.terminal {
            if !whole && self.drawn.is_some_and(|at| at.elapsed() < DRAWN) {
                return Ok(());
            }
            self.drawn = Some(Instant::now());
            let of = total.map_or(String::new(), |n| format!(" of {:.1}", megabytes(n)));
            let filled = total.map_or(0, |n| usize::try_from(have * BAR as u64 / n.max(1)).unwrap_or(BAR).min(BAR));
            let speed = megabytes(have) / self.began.elapsed().as_secs_f64().max(0.1);
            self.open = true;
            write!(
                out,
                "\r[{}{}] {:.1}{of} MB, {speed:.1} MB/s ",
                "#".repeat(filled),
                ".".repeat(BAR - filled),
                megabytes(have)
            )?;
            out.flush()
        } else if tenths > self.tenths {
            self.tenths = tenths;
            writeln!(out, "{:.1} MB{}", megabytes(have), total.map_or(String::new(), |n| format!(" of {:.1}", megabytes(n))))
        } else {
            Ok(())
        }
    }

    fn end(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        if std::mem::take(&mut self.open) { writeln!(out) } else { Ok(()) }
    }
}
