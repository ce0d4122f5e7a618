//! The `Event` message: `tensorflow/core/util/event.proto` and `summary.proto`, as far as scalars need them.

use super::protobuf::{self, Message};

const EVENT_WALL_TIME: u64 = 1;
const EVENT_STEP: u64 = 2;
const EVENT_FILE_VERSION: u64 = 3;
const EVENT_SUMMARY: u64 = 5;
const SUMMARY_VALUE: u64 = 1;
const VALUE_TAG: u64 = 1;
const VALUE_SIMPLE: u64 = 2;

/// The event that every file opens with. `wall_time` in seconds since 1970.
pub(super) fn file_version(wall_time: f64) -> Vec<u8> {
    Message::default()
        .double(EVENT_WALL_TIME, wall_time)
        .text(EVENT_FILE_VERSION, "brain.Event:2")
        .into_bytes()
}

/// One scalar at one step. `wall_time` in seconds since 1970.
pub(super) fn scalar(tag: &str, step: u64, value: f32, wall_time: f64) -> Vec<u8> {
    let value = Message::default()
        .text(VALUE_TAG, tag)
        .float(VALUE_SIMPLE, value);
    Message::default()
        .double(EVENT_WALL_TIME, wall_time)
        .integer(EVENT_STEP, step)
        .message(
            EVENT_SUMMARY,
            Message::default().message(SUMMARY_VALUE, value),
        )
        .into_bytes()
}

/// The step of an event; 0 of one without, as the format has it.
pub(super) fn step(event: &[u8]) -> u64 {
    protobuf::integer(event, EVENT_STEP).unwrap_or(0)
}

/// Whether this is the event that a file opens with.
pub(super) fn is_file_version(event: &[u8]) -> bool {
    wall_time(event).is_some_and(|time| event == file_version(time))
}

/// When an event of ours was written, in seconds since 1970: its first field.
pub(super) fn wall_time(event: &[u8]) -> Option<f64> {
    let (_, rest) = event.split_first()?;
    Some(f64::from_le_bytes(*rest.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_an_event_is_read_back() {
        assert_eq!(step(&scalar("loss", 300, 0.5, 2.0)), 300);
        assert_eq!(step(&file_version(2.0)), 0);
    }

    #[test]
    fn a_scalar_is_a_summary_with_one_simple_value() {
        let mut expected = vec![0x09];
        expected.extend(2.0f64.to_le_bytes());
        expected.extend([0x10, 0xac, 0x02]); // step 300
        expected.extend([0x2a, 13, 0x0a, 11]); // summary { value {
        expected.extend(*b"\x0a\x04loss\x15");
        expected.extend(0.5f32.to_le_bytes());
        assert_eq!(scalar("loss", 300, 0.5, 2.0), expected);
    }

    #[test]
    fn the_version_names_the_format() {
        assert!(file_version(0.0).ends_with(b"\x1a\x0dbrain.Event:2"));
        assert!(is_file_version(&file_version(7.5)));
        let scalar = scalar("loss", 1, 0.5, 7.5);
        assert!(!is_file_version(&scalar));
        assert_eq!(wall_time(&scalar), Some(7.5));
    }
}
