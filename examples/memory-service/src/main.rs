//! `cargo run --release -p mnm-memory-service [FILE [ADDRESS]]`: 64 numbers to 64 numbers by least squares, saved every ten seconds and at the end (Ctrl-C).
//!
//! ```text
//! curl -s localhost:7878/statistics
//! ```

use std::time::Duration;

use anyhow::{Context, Result};
use mnm_memory::{AssociativeMemory, Method};
use mnm_memory_service::{Store, router};
use tokio::net::TcpListener;

async fn serve(store: Store, address: String) -> Result<()> {
    let saver = store.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let store = saver.clone();
            // Writing a file blocks: not on a thread that answers requests.
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.save()).await {
                eprintln!("not saved: {error}");
            }
        }
    });
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| address.clone())?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, router(store.clone()))
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(store.save()?)
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
    tokio::runtime::Runtime::new()?.block_on(serve(store, address))
}
