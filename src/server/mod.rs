//! Wire it up and keep it alive: config, registry, limits, shutdown, metrics.

pub mod config;

pub use config::{Config, ConfigError, Dialled, HostPort, Network, Secret};
