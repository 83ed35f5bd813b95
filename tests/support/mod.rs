//! What several test files share.

pub(crate) mod fake_redis;
pub(crate) mod redis_server;
