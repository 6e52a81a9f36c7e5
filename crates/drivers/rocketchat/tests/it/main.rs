//! The driver against a fake server, over real sockets.

mod answers;
mod calls;
mod conforming;
mod files;
mod hook;
mod rest;
mod server;
mod threads;
