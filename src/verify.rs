//! Searching everything for what identifies a user.
mod tokens;
mod words;
