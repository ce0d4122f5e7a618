//! An associative memory behind HTTP: a store of fixed size that any program can write to and read from, and that outlives a restart.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /write` | `{"key": [..], "value": [..]}` | `{"distance": d}`: how far off the memory was |
//! | `POST /read` | `{"key": [..]}` | `{"value": [..], "novelty": q}`: 1 for a key unlike any that was written |
//! | `POST /forget` | `{"key": [..]}` | `{"length": l}`: of what the key read before |
//! | `GET /statistics` | | writes, load, norm, what is known, drift |
//!
//! Readers share the memory (`RwLock`); a write takes it for microseconds. What a request gets wrong is told with status 422.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use mnm_memory::{AssociativeError, AssociativeMemory};
use serde::{Deserialize, Serialize};

/// The memory and where it is saved.
#[derive(Clone)]
pub struct Store {
    memory: Arc<RwLock<AssociativeMemory<f32>>>,
    path: PathBuf,
}

impl Store {
    /// The memory of the file, or `empty` if there is none yet.
    ///
    /// # Errors
    /// A file that is damaged, or holds a memory of other widths, method or features than `empty`.
    pub fn open(
        path: PathBuf,
        mut empty: AssociativeMemory<f32>,
    ) -> Result<Self, AssociativeError> {
        if path.exists() {
            empty.reload(&path)?;
        }
        let memory = Arc::new(RwLock::new(empty));
        Ok(Self { memory, path })
    }

    /// Saves the memory as it is. Readers are not held up, and writers only while it is copied.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self) -> Result<(), AssociativeError> {
        let copy = self.read().clone();
        copy.save(&self.path)
    }

    // A panic elsewhere leaves the memory whole: its operations do not stop half-way.
    fn read(&self) -> RwLockReadGuard<'_, AssociativeMemory<f32>> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, AssociativeMemory<f32>> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Pair {
    key: Vec<f32>,
    value: Vec<f32>,
}

#[derive(Deserialize)]
struct Key {
    key: Vec<f32>,
}

#[derive(Serialize)]
struct Written {
    distance: f32,
}

#[derive(Serialize)]
struct Read {
    value: Vec<f32>,
    novelty: Option<f32>,
}

#[derive(Serialize)]
struct Forgotten {
    length: f32,
}

#[derive(Serialize)]
struct Figures {
    writes: u64,
    load: f64,
    norm: f64,
    known: Option<f64>,
    drift: Option<f64>,
}

type Answer<T> = Result<Json<T>, (StatusCode, String)>;

fn answer<T>(result: Result<T, AssociativeError>) -> Answer<T> {
    let refused = |error: AssociativeError| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    result.map(Json).map_err(refused)
}

async fn write(State(store): State<Store>, Json(pair): Json<Pair>) -> Answer<Written> {
    let written = store.write().write(&pair.key, &pair.value);
    answer(written.map(|distance| Written { distance }))
}

async fn read(State(store): State<Store>, Json(Key { key }): Json<Key>) -> Answer<Read> {
    let memory = store.read();
    let read = memory.read(&key).and_then(|value| {
        let novelty = memory.novelty(&key)?;
        Ok(Read { value, novelty })
    });
    answer(read)
}

async fn forget(State(store): State<Store>, Json(Key { key }): Json<Key>) -> Answer<Forgotten> {
    let forgotten = store.write().forget(&key);
    answer(forgotten.map(|length| Forgotten { length }))
}

async fn statistics(State(store): State<Store>) -> Json<Figures> {
    let figures = store.read().statistics();
    Json(Figures {
        writes: figures.writes,
        load: figures.load,
        norm: figures.norm,
        known: figures.known,
        drift: figures.drift.map(|drift| drift.error),
    })
}

/// The service of a store.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/write", post(write))
        .route("/read", post(read))
        .route("/forget", post(forget))
        .route("/statistics", get(statistics))
        .with_state(store)
}
