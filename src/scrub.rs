//! What a deletion leaves where no query finds it: words in the segments of full-text indexes.

mod words;

pub(crate) use words::keep_in_step;
