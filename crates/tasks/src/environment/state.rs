//! Saved states as bytes: little-endian numbers, one after the other.

/// Writes a state.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Writes a number.
    pub fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a real number, bit by bit.
    pub fn real(&mut self, real: f64) {
        self.number(real.to_bits());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a state back.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// The next number.
    ///
    /// # Errors
    /// There is none.
    pub fn number(&mut self) -> Result<u64, String> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or("it is cut off")?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// A number of which there are `count`, from 0 on; `what` names it in the message.
    ///
    /// # Errors
    /// There is no number, or it is too large.
    pub fn index(&mut self, count: usize, what: &str) -> Result<usize, String> {
        let number = self.number()?;
        let index = usize::try_from(number).ok().filter(|&index| index < count);
        index.ok_or_else(|| format!("{what} is {number}, expected less than {count}"))
    }

    /// The next real number.
    ///
    /// # Errors
    /// There is none.
    pub fn real(&mut self) -> Result<f64, String> {
        self.number().map(f64::from_bits)
    }

    pub(super) fn finish(self) -> Result<(), String> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(format!("it has {} bytes too many", self.0.len()))
        }
    }
}
