//! The driver against a fake server, over real sockets.

mod answers;
mod calls;
mod changes;
mod conforming;
mod files;
mod hook;
mod realtime;
mod realtime_scene;
mod rest;
mod server;
mod threads;
