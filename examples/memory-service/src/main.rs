//! `cargo run --release -p mnm-memory-service [FILE [ADDRESS]]`: 64 numbers to 64 numbers by least squares, saved every ten seconds and at
//! the end (Ctrl-C or SIGTERM).
//!
//! ```text
//! curl -s localhost:7878/statistics
//! ```

use anyhow::{Context, Result};
use mnm_memory::{AssociativeMemory, Method};
use mnm_memory_service::{Pace, Store, asked_to_stop, serve};
use tokio::net::TcpListener;

async fn run(store: Store, address: &str) -> Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| address.to_owned())?;
    let stop = asked_to_stop()?;
    println!("listening on {}", listener.local_addr()?);
    serve(store, listener, Pace::default(), stop).await
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .unwrap_or_else(|| "memory.safetensors".to_owned());
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:7878".to_owned());
    let empty = AssociativeMemory::new(64, 64, Method::least_squares())?;
    let store = Store::open(path.into(), empty)?;
    tokio::runtime::Runtime::new()?.block_on(run(store, &address))
}
