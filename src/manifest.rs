//! The manifest: what the operator declares and the schema cannot say.

pub mod keys;
