//! Passwords: argon2id, a few at a time and never on the threads that serve. Which are too weak.

use super::problem::Problem;
use crate::base::Pii;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Hashes at one time: each takes 19 MiB and a core for a while, and calls want the cores, too.
const AT_ONCE: usize = 2;

/// Longest wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fewest characters.
const SHORTEST: usize = 10;

/// Most bytes.
const LONGEST: usize = 256;

/// Fewest different characters.
const DIFFERENT: usize = 5;

/// Computes and compares hashes.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// Belongs to no password; compared for users that are not there, which then take as long as the others.
    nobody: Pii<String>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        let encoded = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let params = argon2::Params::default();
        let (salt, hash) = (encoded(&rand::random::<[u8; 16]>()), encoded(&rand::random::<[u8; 32]>()));
        let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
        let nobody = Pii::new(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"));
        Passwords { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody }
    }
}

impl Passwords {
    /// The hash of a password that is good enough for this user.
    pub(super) async fn hash(&self, password: Pii<String>, user: &str) -> Result<Pii<String>, Problem> {
        if let Some(why) = weakness(password.reveal(), user) {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "weak_password", why));
        }
        self.in_turn(move || hash(password.reveal())).await
    }

    /// Whether this is the password of the hash; `None` = nobody's, and takes as long.
    pub(super) async fn fits(&self, password: Pii<String>, hash: Option<Pii<String>>) -> Result<bool, Problem> {
        let there = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let fits = self.in_turn(move || {
            let Ok(parsed) = PasswordHash::new(hash.reveal()) else { return false };
            password.reveal().len() <= LONGEST
                && Argon2::default().verify_password(password.reveal().as_bytes(), &parsed).is_ok()
        });
        Ok(fits.await? && there)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many", "Too many people log in at this moment. Try again.")
                .retry_after(Duration::from_secs(5))
        };
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy()) };
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: whoever hangs up meanwhile does not make room for one more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| busy())
    }
}

/// The hash of a password, computed on this thread. The parameters are those that OWASP recommends (19 MiB, two passes).
pub(crate) fn hash(password: &str) -> Pii<String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).expect("16 bytes are a salt");
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Pii::new(hash.expect("the default parameters are good, and any bytes are a password").to_string())
}

/// Why this password is too weak for this user, in one sentence; `None` = it is good enough.
pub(crate) fn weakness(password: &str, user: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let mut letters: Vec<char> = lower.chars().collect();
    let length = letters.len();
    letters.sort_unstable();
    letters.dedup();
    let without_name = lower.replace(user, "");
    if length < SHORTEST {
        Some("The password needs at least 10 characters; a few words are easy to remember.")
    } else if password.len() > LONGEST {
        Some("The password is longer than 256 bytes.")
    } else if letters.len() < DIFFERENT {
        Some("The password needs at least 5 different characters.")
    } else if !user.is_empty() && without_name.chars().count() < 4 {
        Some("The password must not be the name.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_plain_and_own_names_are_weak() {
        for weak in
            ["", "short", "123456789", "aaaaaaaaaaaaaaaa", "ababababababab", "anna.smith.1", "Anna.Smith", &"x1Y2z3".repeat(50)]
        {
            assert!(weakness(weak, "anna.smith").is_some(), "{weak}");
        }
        for good in ["correct horse battery", "anna.smith likes tea", "一二三四五六七八九十", "q8Lw-v2Rt-x"] {
            assert_eq!(weakness(good, "anna.smith"), None, "{good}");
        }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobody_fits_nothing() {
        let passwords = Passwords::default();
        let good = || Pii::new("correct horse battery".to_string());
        let hash = passwords.hash(good(), "anna").await.expect("hashed");
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.reveal());
        assert!(!hash.reveal().contains("horse"));
        assert!(passwords.fits(good(), Some(hash.clone())).await.expect("compared"));
        let other = Pii::new("correct horse batterz".to_string());
        assert!(!passwords.fits(other, Some(hash.clone())).await.expect("compared"));
        assert!(!passwords.fits(good(), None).await.expect("compared"));
        assert!(PasswordHash::new(passwords.nobody.reveal()).is_ok(), "nobody's hash is compared like any other");
        assert_ne!(hash.reveal(), super::hash(good().reveal()).reveal(), "salted");
    }
}
