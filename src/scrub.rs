//! What a deletion leaves where no query finds it: words in the segments of full-text indexes, and bytes
//! in the database file and its journals.

mod bytes;
mod words;

pub(crate) use bytes::scrub;
pub(crate) use words::keep_in_step;
