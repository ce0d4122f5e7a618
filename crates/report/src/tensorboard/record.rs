//! The TFRecord framing: length, its checksum, the data, its checksum; all little-endian.
//!
//! The checksum is CRC-32C, rotated and shifted by a constant so that the checksum of data that itself holds checksums
//! stays useful ("masked"; TensorFlow, `core/lib/hash/crc32c.h`).

use std::ops::Range;

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

/// Why there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end before it does, as a killed program leaves them.
    Torn,
    /// A checksum does not fit.
    Damaged,
}

/// The first record of `bytes`: its data and what follows it.
pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or(Broken::Torn)?;
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>().ok_or(Broken::Torn)?;
    if u32::from_le_bytes(*checksum) != masked_checksum(length) {
        return Err(Broken::Damaged);
    }
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Broken::Torn)?;
    let (data, rest) = rest.split_at_checked(length).ok_or(Broken::Torn)?;
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>().ok_or(Broken::Torn)?;
    if u32::from_le_bytes(*checksum) != masked_checksum(data) {
        return Err(Broken::Damaged);
    }
    Ok((data, rest))
}

/// What is found of records in some bytes, as places in these.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The stretches to keep, one more than there are damaged ones between or behind them.
    pub(super) kept: Vec<Range<usize>>,
    /// The stretches in which there is no whole record, though the bytes go on for longer than one.
    pub(super) damaged: Vec<Range<usize>>,
}

/// The records of `bytes` with data to be `kept`, up to the first whole one that is not wanted, or to the torn end of an interrupted
/// write. What is damaged is left out, up to the next whole record.
pub(super) fn find(bytes: &[u8], kept: impl Fn(&[u8]) -> bool) -> Found {
    let mut found = Found {
        kept: Vec::new(),
        damaged: Vec::new(),
    };
    let (mut begin, mut at) = (0, 0);
    loop {
        match split(&bytes[at..]) {
            Ok((data, rest)) if kept(data) => at = bytes.len() - rest.len(),
            Ok(_) | Err(Broken::Torn) => break,
            Err(Broken::Damaged) => {
                let next = (at + 1..bytes.len()).find(|&place| split(&bytes[place..]).is_ok());
                let next = next.unwrap_or(bytes.len());
                found.kept.push(begin..at);
                found.damaged.push(at..next);
                (begin, at) = (next, next);
            }
        }
    }
    found.kept.push(begin..at);
    found
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

    fn only(place: Range<usize>) -> Vec<Range<usize>> {
        vec![place]
    }

    /// How many bytes at the begin are whole records, and what is damaged behind them.
    fn whole(bytes: &[u8]) -> (usize, Vec<Range<usize>>) {
        let Found { kept, damaged } = find(bytes, |_| true);
        (kept[0].end, damaged)
    }

    #[test]
    fn records_are_kept_up_to_the_first_that_is_not_wanted() {
        let bytes = [frame(b"one"), frame(b"two"), frame(b"one")].concat();
        let found = find(&bytes, |data| data == b"one");
        assert_eq!(found.kept, only(0..frame(b"one").len()));
        assert!(found.damaged.is_empty());
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
    fn a_torn_end_is_told_from_a_flipped_bit() {
        let records = [frame(b"one"), frame(b"two"), frame(b"three")];
        let bytes = records.concat();
        let first = records[0].len();
        let second = first + records[1].len();
        assert_eq!(whole(&bytes), (bytes.len(), vec![]));
        for cut in first..second {
            assert_eq!(whole(&bytes[..cut]), (first, vec![]), "{cut}");
        }
        for bit in first * 8..second * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let found = find(&damaged, |_| true);
            assert_eq!(found.kept, [0..first, second..bytes.len()], "{bit}");
            assert_eq!(found.damaged, only(first..second), "{bit}");
            // Behind the last whole record too.
            assert_eq!(
                whole(&damaged[..second]),
                (first, only(first..second)),
                "{bit}"
            );
        }
    }

    #[test]
    fn what_is_not_wanted_ends_the_records_behind_a_damaged_one_too() {
        let mut bytes = [frame(b"one"), frame(b"one"), frame(b"two"), frame(b"one")].concat();
        let length = frame(b"one").len();
        bytes[length - 1] ^= 1;
        let found = find(&bytes, |data| data == b"one");
        assert_eq!(found.kept, [0..0, length..2 * length]);
        assert_eq!(found.damaged, only(0..length));
    }

    #[test]
    fn an_absurd_length_is_no_record() {
        let length = u64::MAX.to_le_bytes();
        let mut bytes = length.to_vec();
        bytes.extend(masked_checksum(&length).to_le_bytes());
        assert_eq!(whole(&bytes).0, 0);
    }
}
