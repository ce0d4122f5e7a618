//! Named arrays, as a model has them.

use std::collections::BTreeMap;

use rand::Rng;

use crate::{Float, ParameterSpec, SharedArray, Tape, Tensor, TensorError};

/// Named values in the order of their names: arrays at rest, tensors while a computation runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<V>(BTreeMap<String, V>);

impl<V> Default for Parameters<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Parameters<V> {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value called `name`.
    ///
    /// # Errors
    /// [`TensorError::UnknownParameter`] if there is none.
    pub fn get(&self, name: &str) -> Result<&V, TensorError> {
        self.0
            .get(name)
            .ok_or_else(|| TensorError::UnknownParameter {
                name: name.to_owned(),
                known: self.names().collect::<Vec<_>>().join(", "),
            })
    }

    /// The value called `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<&V> {
        self.0.get(name)
    }

    /// The value called `name`, to be changed.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut V> {
        self.0.get_mut(name)
    }

    /// Sets the value called `name`; gives back the one it replaces.
    pub fn insert(&mut self, name: impl Into<String>, value: V) -> Option<V> {
        self.0.insert(name.into(), value)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Names and values to be changed, sorted by name.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut V)> {
        self.0
            .iter_mut()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same names, each value mapped.
    pub fn map<W>(&self, mut f: impl FnMut(&str, &V) -> W) -> Parameters<W> {
        self.iter()
            .map(|(name, value)| (name.to_owned(), f(name, value)))
            .collect()
    }
}

impl<F: Float> Parameters<SharedArray<F>> {
    /// First values, one parameter after the other.
    pub fn draw<'a>(
        specs: impl IntoIterator<Item = &'a ParameterSpec>,
        generator: &mut (impl Rng + ?Sized),
    ) -> Self {
        let draw = |spec: &ParameterSpec| (spec.name.clone(), spec.draw(generator));
        specs.into_iter().map(draw).collect()
    }

    /// The same as tensors that hang on no tape; the arrays are shared.
    pub fn constants(&self) -> Parameters<Tensor<F>> {
        self.map(|_, value| Tensor::shared(value.clone()))
    }

    /// The same as variables on `tape`; the arrays are shared.
    pub fn variables(&self, tape: &Tape<F>) -> Parameters<Tensor<F>> {
        self.map(|_, value| tape.shared_variable(value.clone()))
    }
}

impl<V> FromIterator<(String, V)> for Parameters<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        // One by one: `BTreeMap::from_iter` sorts, and its sort is compiled again for each type of value.
        let mut parameters = Self::new();
        for (name, value) in pairs {
            parameters.insert(name, value);
        }
        parameters
    }
}

impl<V> IntoIterator for Parameters<V> {
    type Item = (String, V);
    type IntoIter = std::collections::btree_map::IntoIter<String, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
