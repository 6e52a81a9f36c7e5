//! The laws of all texts, over generated ones, over a corpus, and over random bytes.

mod constructs;
mod corpus;
mod cuts;
mod directions;
mod text;
mod trees;
