//! The configuration as its users meet it.

mod broken;
mod examples;
mod merging;
mod references;
mod rules;
mod surroundings;
mod testchat;
