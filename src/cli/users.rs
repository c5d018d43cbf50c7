//! `hotline users`: the people who work with the console, beside a running gateway or without one. Passwords come by
//! standard input: arguments are seen by everybody on the machine.

use super::args_records::{UsersArgs, UsersCommand};
use super::{calls, running};
use crate::base::Pii;
use crate::store::{NewUser, Store, UserChange, UserRefusal, UserRow, user_name};
use crate::web::{password_hash, password_weakness};
use anyhow::{Context, bail};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};

/// Most bytes of a line with a password.
const LINE_MAX: u64 = 1_024;

/// Lists or changes users. `false` when what was wished cannot be: no such user, a weak password, a name that is taken.
///
/// # Errors
/// When the records cannot be read or written, or no password comes.
pub(crate) async fn run(args: &UsersArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = open(args).await?;
    let done = carry_out(&store, &args.what, json, out).await;
    store.close().await;
    done
}

/// The store; made where there is none yet, so that the first user can be made before the gateway was ever started.
async fn open(args: &UsersArgs) -> anyhow::Result<Store> {
    match &args.what {
        UsersCommand::Add { .. } => Ok(Store::open_at(&calls::records(&args.place)?).await?),
        _ => calls::open(&args.place).await,
    }
}

async fn carry_out(store: &Store, what: &UsersCommand, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let change = match what {
        UsersCommand::List => {
            list(&store.users().await?, json, out)?;
            return Ok(true);
        }
        UsersCommand::Add { name, role, display, agent } => {
            let name = checked(name)?;
            let agent = agent.as_deref().map(checked).transpose()?;
            if store.user(&name).await?.is_some() {
                return Ok(refused(&name, UserRefusal::NameTaken));
            }
            let Some(password) = password(&name)? else { return Ok(false) };
            let display = display.clone().unwrap_or_else(|| name.clone());
            let new = NewUser { name: name.clone(), display, role: *role, agent, language: None, password };
            if let Err(refusal) = store.add_user(&new, running::wall_now()).await? {
                return Ok(refused(&name, refusal));
            }
            note(store, "user_added", &name).await?;
            tell(&store.user(&name).await?.context("the user is gone again")?, "can log in now", json, out)?;
            return Ok(true);
        }
        UsersCommand::Password { name } => {
            let name = checked(name)?;
            if store.user(&name).await?.is_none() {
                return Ok(refused(&name, UserRefusal::Unknown));
            }
            let Some(password) = password(&name)? else { return Ok(false) };
            let change = UserChange { password: Some(password), ..UserChange::default() };
            (name, change, "password", "has a new password and is logged out everywhere")
        }
        UsersCommand::Disable { name } => {
            let change = UserChange { disabled: Some(true), ..UserChange::default() };
            (checked(name)?, change, "disabled", "is logged out and cannot log in any more")
        }
        UsersCommand::Enable { name } => {
            let change = UserChange { disabled: Some(false), ..UserChange::default() };
            (checked(name)?, change, "enabled", "can log in again")
        }
    };
    let (name, change, action, sentence) = change;
    match store.change_user(&name, &change, None).await? {
        Err(refusal) => Ok(refused(&name, refusal)),
        Ok(user) => {
            note(store, "user_changed", &format!("{name}: {action}")).await?;
            tell(&user, sentence, json, out)?;
            Ok(true)
        }
    }
}

fn refused(name: &str, refusal: UserRefusal) -> bool {
    eprintln!("hotline: {name}: {refusal}; `hotline users list` shows all users");
    false
}

/// The audit names whoever works at the machine by what they used.
async fn note(store: &Store, action: &str, subject: &str) -> anyhow::Result<()> {
    Ok(store.audit(running::wall_now(), Some("(command line)"), action, subject).await?)
}

fn checked(name: &str) -> anyhow::Result<String> {
    user_name(name)
        .with_context(|| format!("{name:?} is no name; 1 to 40 of a-z, 0-9, '.', '_', '-' and '@', a letter or digit first"))
}

fn list(users: &[UserRow], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", json!({ "users": users.iter().map(as_json).collect::<Vec<_>>() }))?;
        return Ok(());
    }
    if users.is_empty() {
        writeln!(out, "there are no users; make the first: hotline users add NAME --role admin")?;
    }
    for user in users {
        let desk = user.agent.as_ref().map_or(String::new(), |agent| format!(", desk of {agent}"));
        let last = user.last_login.map_or("never logged in".to_string(), |at| format!("last logged in {}", calls::clock(at)));
        let disabled = if user.disabled { ", DISABLED" } else { "" };
        writeln!(out, "{:<20} {:<10} {}{desk}, {last}{disabled}", user.name, user.role.as_str(), user.display)?;
    }
    Ok(())
}

fn tell(user: &UserRow, sentence: &str, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    match json {
        true => writeln!(out, "{}", json!({ "user": as_json(user) }))?,
        false => writeln!(out, "{} ({}) {sentence}", user.name, user.role.as_str())?,
    }
    Ok(())
}

fn as_json(user: &UserRow) -> serde_json::Value {
    json!({
        "name": user.name,
        "display": user.display,
        "role": user.role,
        "agent": user.agent,
        "language": user.language,
        "disabled": user.disabled,
        "created": user.created.utc().to_rfc3339(),
        "last_login": user.last_login.map(|at| at.utc().to_rfc3339()),
    })
}

/// The hash of the password that comes by standard input; `None` when it is too weak, which is told.
fn password(user: &str) -> anyhow::Result<Option<Pii<String>>> {
    let input = std::io::stdin();
    let line = if input.is_terminal() {
        eprint!("password for {user} (nothing is shown): ");
        let _silent = Silent::begin();
        let line = one_line(&mut input.lock());
        eprintln!();
        line?
    } else {
        one_line(&mut input.lock())?
    };
    if let Some(why) = password_weakness(&line, user) {
        eprintln!("hotline: {why}");
        return Ok(None);
    }
    Ok(Some(password_hash(&line)))
}

fn one_line(input: &mut dyn BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::Read::take(input, LINE_MAX).read_line(&mut line).context("the password is no text")?;
    let line = line.trim_end_matches(['\n', '\r']).to_string();
    if line.is_empty() {
        bail!("no password came; write it into the first line of standard input");
    }
    Ok(line)
}

/// The terminal shows nothing of what is typed, until this is dropped.
struct Silent(Option<libc::termios>);

impl Silent {
    fn begin() -> Silent {
        let mut before = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: tcgetattr(3) fills the structure, whose content is used only when it says so.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) } != 0 {
            return Silent(None);
        }
        // SAFETY: filled by the call above.
        let before = unsafe { before.assume_init() };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: a structure that tcgetattr(3) has filled, one flag changed.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &raw const silent) };
        Silent(Some(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: what tcgetattr(3) gave.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, before) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line() {
        let read = |text: &str| one_line(&mut text.as_bytes());
        assert_eq!(read("correct horse \r\nmore").expect("a line"), "correct horse ");
        assert_eq!(read("no end").expect("a line"), "no end");
        assert!(read("").is_err() && read("\n").is_err());
        assert_eq!(read(&"x".repeat(5_000)).expect("cut").len(), 1_024);
    }
}
