//! What integration tests share: `mod support;` brings it in.
// No test uses all of it.
#![allow(dead_code, unused_imports)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod application;
pub(crate) mod disk;
pub(crate) mod fake_redis;
pub(crate) mod figures;
pub(crate) mod install;
pub(crate) mod nobody;
pub(crate) mod redis_server;
pub(crate) mod run;
pub(crate) mod small;
pub(crate) mod sources;
pub(crate) mod state;
pub(crate) mod strace;
pub(crate) mod subjects;
pub(crate) mod sweep;
pub(crate) mod trail;
