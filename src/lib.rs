//! skeleton

pub mod outbox;
pub mod roots;
pub mod storage;
pub mod user;
