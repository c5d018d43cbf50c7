//! Wire it up and keep it alive: config, registry, limits, shutdown, metrics.

pub mod config;
