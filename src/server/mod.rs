//! The live gateway: wires signalling, audio, ears, voices and store to one driver per call, and keeps it alive.
//! Start at [`Gateway::start`].

mod boards;
pub mod config;
mod desks;
mod destinations;
mod gateway;
mod jobs;
mod live;
mod lookups;
mod mask;
mod phone_calls;
mod queues;
mod rate;
mod registrations;
mod settings;
mod softphones;
mod ways;

pub use crate::browser::PageError;
pub use boards::{ABUSIVE, BEFORE, Board, BoardTurn, CardAtHand, TO_AGENT};
pub use config::{Config, ConfigError, Dialled, HostPort, Network, Secret};
pub use desks::Desks;
pub use gateway::{Gateway, StartError};
pub use lookups::LookUps;
pub use queues::{Floor, InVain, NO_PHONE, ParkedGone, People, PhoneLogin};
pub use rate::{Blocked, CallerLimits};
pub use settings::{MediaSettings, Served, Settings};
pub use softphones::{NoPhone, PageEnd};
