//! skeleton

pub mod manifest;
pub mod outbox;
pub mod user;
