//! The TFRecord framing: length, its checksum, the data, its checksum; all little-endian.
//!
//! The checksum is CRC-32C, rotated and shifted by a constant so that the checksum of data that itself holds checksums
//! stays useful ("masked"; TensorFlow, `core/lib/hash/crc32c.h`).

const LENGTH: usize = 8;
const CHECKSUM: usize = 4;

/// `data` as one record.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(LENGTH + data.len() + 2 * CHECKSUM);
    record.extend(length);
    record.extend(masked_checksum(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_checksum(data).to_le_bytes());
    record
}

/// The first record of `bytes`: its data and what follows it. None if it is cut off or damaged.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>()?;
    if u32::from_le_bytes(*checksum) != masked_checksum(length) {
        return None;
    }
    let (data, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>()?;
    (u32::from_le_bytes(*checksum) == masked_checksum(data)).then_some((data, rest))
}

/// How many bytes of `bytes` are whole records with data to be `kept`, before the first that is not: a whole record that is not wanted,
/// or the torn end of an interrupted write.
pub(super) fn length_of(bytes: &[u8], kept: impl Fn(&[u8]) -> bool) -> usize {
    let mut rest = bytes;
    while let Some((data, next)) = split(rest)
        && kept(data)
    {
        rest = next;
    }
    bytes.len() - rest.len()
}

fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32C of "123456789" is 0xe3069283 (RFC 3720's check value); rotated by 15 bits and shifted by hand.
    #[test]
    fn the_checksum_is_castagnoli_and_masked() {
        assert_eq!(
            masked_checksum(b"123456789"),
            0x2507_c60d_u32.wrapping_add(0xa282_ead8)
        );
    }

    fn whole(bytes: &[u8]) -> usize {
        length_of(bytes, |_| true)
    }

    #[test]
    fn records_are_kept_up_to_the_first_that_is_not_wanted() {
        let bytes = [frame(b"one"), frame(b"two"), frame(b"one")].concat();
        assert_eq!(
            length_of(&bytes, |data| data == b"one"),
            frame(b"one").len()
        );
    }

    #[test]
    fn what_is_framed_is_found_again() {
        let bytes = [frame(b"one"), frame(b""), frame(&[7; 300])].concat();
        let (first, rest) = split(&bytes).unwrap();
        let (second, rest) = split(rest).unwrap();
        let (third, rest) = split(rest).unwrap();
        assert_eq!(
            (first, second, third, rest),
            (&b"one"[..], &b""[..], &[7; 300][..], &b""[..])
        );
    }

    #[test]
    fn a_torn_end_and_a_flipped_bit_are_found() {
        let bytes = [frame(b"one"), frame(b"two")].concat();
        let first = frame(b"one").len();
        assert_eq!(whole(&bytes), bytes.len());
        for cut in first..bytes.len() {
            assert_eq!(whole(&bytes[..cut]), first, "{cut}");
        }
        for index in first..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert_eq!(whole(&damaged), first, "{index}");
        }
    }

    #[test]
    fn an_absurd_length_is_no_record() {
        let length = u64::MAX.to_le_bytes();
        let mut bytes = length.to_vec();
        bytes.extend(masked_checksum(&length).to_le_bytes());
        assert_eq!(whole(&bytes), 0);
    }
}
