//! skeleton

pub mod keyspace;
pub mod manifest;
pub mod outbox;
pub mod redis;
pub mod user;
