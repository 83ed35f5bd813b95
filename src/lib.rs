//! skeleton

mod audit;
pub mod consent;
pub mod database;
mod drain;
mod erase;
pub mod error;
pub mod graph;
pub mod keyspace;
pub mod manifest;
pub mod outbox;
pub mod plan;
pub mod redis;
pub mod report;
pub mod roots;
pub mod run;
pub mod run_lock;
pub mod schema;
mod sql;
pub mod status;
pub mod storage;
mod summary;
pub mod survey;
pub mod target;
pub mod user;
pub mod watch;
