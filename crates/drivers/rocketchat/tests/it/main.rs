//! The driver against a fake server, over real sockets.

mod answers;
mod calls;
mod catch_up;
mod changes;
mod conforming;
mod files;
mod hook;
mod members;
mod news;
mod realtime;
mod realtime_scene;
mod rest;
mod server;
mod threads;
