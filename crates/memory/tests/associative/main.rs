//! The memory in a program: what it stores, what it refuses, what outlives a file.

mod definitions;
mod evidence;
mod features;
mod files;
mod forgetting;
mod networks;
mod refusals;
mod scene;
mod threads;
mod usage;
