//! skeleton

pub mod outbox;
pub mod user;
