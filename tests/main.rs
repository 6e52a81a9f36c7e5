//! The end-to-end suite: the real binary over real sockets, one file a theme.

mod tidy;
