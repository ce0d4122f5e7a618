//! The wire types of protocol buffers that an event needs: written, and read as far as a step is to be found in one.
//!
//! Source: the encoding page of the protocol buffers documentation. A field is a key, `number << 3 | wire type`, and
//! a payload; integers are varints, seven bits a byte, least significant first.

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// The bytes of one message, field after field.
#[derive(Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn integer(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    pub(super) fn double(mut self, field: u64, value: f64) -> Self {
        self.varint(field << 3 | FIXED_64);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | FIXED_32);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn text(self, field: u64, value: &str) -> Self {
        self.delimited(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u64, value: Message) -> Self {
        self.delimited(field, &value.bytes)
    }

    fn delimited(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.bytes.extend(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// The integer field `number` of a message; `None` where it is not there, or the bytes are no message.
pub(super) fn integer(bytes: &[u8], number: u64) -> Option<u64> {
    let mut rest = bytes;
    let mut found = None;
    while !rest.is_empty() {
        let key = take_varint(&mut rest)?;
        match key & 7 {
            VARINT => {
                let value = take_varint(&mut rest)?;
                if key >> 3 == number {
                    found = Some(value);
                }
            }
            FIXED_64 => rest = rest.get(8..)?,
            FIXED_32 => rest = rest.get(4..)?,
            LENGTH_DELIMITED => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                rest = rest.get(length..)?;
            }
            _ => return None,
        }
    }
    found
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, next) = rest.split_first()?;
        *rest = next;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_found_among_fields_of_every_type() {
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            let bytes = Message::default()
                .double(1, 2.5)
                .text(3, "testing")
                .integer(4, 7)
                .integer(2, value)
                .float(5, 1.0)
                .into_bytes();
            assert_eq!(integer(&bytes, 2), Some(value));
            assert_eq!(integer(&bytes, 6), None);
            for cut in 1..bytes.len() {
                integer(&bytes[..cut], 2);
            }
        }
        assert_eq!(integer(b"\x0b", 2), None, "a type that events do not have");
        assert_eq!(integer(&[0xff; 20], 2), None, "a varint without an end");
    }

    /// The worked examples of the encoding page: field 1 = 150, field 2 = "testing", field 3 = the first message.
    #[test]
    fn encodes_the_documented_examples() {
        let first = || Message::default().integer(1, 150);
        assert_eq!(first().into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(
            Message::default().text(2, "testing").into_bytes(),
            *b"\x12\x07testing"
        );
        assert_eq!(
            Message::default().message(3, first()).into_bytes(),
            [0x1a, 0x03, 0x08, 0x96, 0x01]
        );
        assert_eq!(
            Message::default().float(2, 1.0).into_bytes(),
            [0x15, 0, 0, 0x80, 0x3f]
        );
        assert_eq!(
            Message::default().double(1, 1.0).into_bytes(),
            [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
        );
    }

    #[test]
    fn the_largest_integer_takes_ten_bytes() {
        let bytes = Message::default().integer(1, u64::MAX).into_bytes();
        assert_eq!(
            bytes,
            [
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
            ]
        );
    }
}
