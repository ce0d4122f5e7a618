//! How what is sent becomes bytes. They are read by the same program on another rank, and never kept.

use mnm_tensor::{Parameters, SharedArray};
use ndarray::IxDyn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::error::TrainError;

/// A value as bytes.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, TrainError> {
    postcard::to_stdvec(value).map_err(|error| TrainError::Message(error.to_string()))
}

/// The value that these bytes are.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TrainError> {
    postcard::from_bytes(bytes).map_err(|error| TrainError::Message(error.to_string()))
}

/// Named arrays: their shapes, and their elements in row-major order, to the bit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Arrays(Vec<(String, Vec<usize>, ByteBuf)>);

impl Arrays {
    pub(crate) fn of(arrays: &Parameters<SharedArray<f32>>) -> Self {
        let arrays = arrays.iter().map(|(name, array)| {
            let mut bytes = Vec::with_capacity(size_of::<f32>() * array.len());
            bytes.extend(array.iter().flat_map(|element| element.to_le_bytes()));
            let shape = array.shape().to_vec();
            (name.to_owned(), shape, ByteBuf::from(bytes))
        });
        Self(arrays.collect())
    }

    /// # Errors
    /// Where elements and shape differ, in words.
    pub(crate) fn open(self) -> Result<Parameters<SharedArray<f32>>, String> {
        let open = |(name, shape, bytes): (String, Vec<usize>, ByteBuf)| {
            let elements = bytes
                .chunks_exact(size_of::<f32>())
                .map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
                .collect();
            let array = SharedArray::from_shape_vec(IxDyn(&shape), elements);
            let array = array.map_err(|error| format!("`{name}`: {error}"))?;
            Ok((name, array))
        };
        self.0.into_iter().map(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_arrive_to_the_bit() {
        let elements = vec![0.1, -0.0, f32::NAN, f32::INFINITY, 1e-45, 3.0];
        let array = SharedArray::from_shape_vec(IxDyn(&[2, 3]), elements).expect("a shape");
        let sent: Parameters<SharedArray<f32>> = [
            ("turned".to_owned(), array.clone().reversed_axes()),
            ("plain".to_owned(), array),
            ("empty".to_owned(), SharedArray::zeros(IxDyn(&[0, 4]))),
        ]
        .into_iter()
        .collect();
        let bytes = encode(&Arrays::of(&sent)).expect("bytes");
        let came = decode::<Arrays>(&bytes).expect("arrays").open();
        let came = came.expect("shapes that fit");
        for (name, sent) in sent.iter() {
            let came = came.find(name).expect(name);
            assert_eq!(came.shape(), sent.shape());
            assert!(
                came.iter()
                    .zip(sent)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
        }
        assert!(decode::<Arrays>(&bytes[..bytes.len() - 1]).is_err());
    }
}
