//! The driver against a fake server, over real sockets.

mod conforming;
mod files;
mod hook;
mod rest;
mod server;
