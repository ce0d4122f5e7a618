//! Standard output that may go away: whoever reads it through `head` closes it early.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anyhow::Result;

/// Nobody reads standard output any more. That is no failure, whoever it was has what they wanted; but there is no use in
/// going on.
#[derive(Debug)]
pub struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes `text` to standard output.
///
/// # Errors
/// [`ReaderGone`], or why it cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}

/// Writes a warning to standard error.
pub fn warn(text: &str) {
    say(&format!("warning: {text}"));
}

/// Writes a message to standard error: on a terminal in lines as wide as those of the help, which no terminal breaks within a word;
/// elsewhere as it is, so that it can be searched. Nobody may be left to read it.
pub fn say(text: &str) {
    let mut err = stderr().lock();
    let _ = if err.is_terminal() {
        writeln!(err, "{}", folded(text, 78))
    } else {
        writeln!(err, "{text}")
    };
}

/// Writes what the parser of the command line has to say. Its lists of values are folded everywhere, like the help that they are
/// part of; the message itself as [`say`] does it.
pub fn say_parsed(error: &clap::Error) {
    let text = error.render().ansi().to_string();
    let all = stderr().is_terminal();
    let fold = |line: &str| match all || line.starts_with(' ') {
        true => folded(line, 78),
        false => line.to_owned(),
    };
    let lines: Vec<String> = text.split('\n').map(fold).collect();
    // Takes the colours out where they are not wanted.
    let _ = write!(anstream::stderr(), "{}", lines.join("\n"));
}

/// The columns that `text` takes: those of its letters, and none for what switches a colour.
fn columns(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = parts.next().map_or(0, |part| part.chars().count());
    let after = |part: &str| {
        let end = part.find('m').map_or(part.len(), |end| end + 1);
        part[end..].chars().count()
    };
    plain + parts.map(after).sum::<usize>()
}

/// `text` with line breaks in place of the blanks where a line would be wider than `width`. Lines that fit stay as they are; what is
/// indented stays so.
fn folded(text: &str, width: usize) -> String {
    let fold = |line: &str| {
        if columns(line) <= width {
            return line.to_owned();
        }
        let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
        let (mut folded, mut used) = (indent.to_owned(), indent.len());
        for word in line[indent.len()..].split(' ') {
            let length = columns(word);
            if used > indent.len() {
                let fits = used + 1 + length <= width;
                folded.push(if fits { ' ' } else { '\n' });
                if !fits {
                    folded.push_str(indent);
                }
                used = if fits { used + 1 } else { indent.len() };
            }
            folded.push_str(word);
            used += length;
        }
        folded
    };
    text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn lines_break_between_words_and_words_stay_whole() {
        let text = "error: a/path/that/is/long: two words\n  | ^ kept";
        let expected = "error:\na/path/that/is/long:\ntwo words\n  | ^ kept";
        assert_eq!(folded(text, 12), expected);
        assert_eq!(folded("fits  as it is", 14), "fits  as it is");
        assert_eq!(folded("  [of: a, b, c]", 10), "  [of: a,\n  b, c]");
        let coloured = "  [of: \u{1b}[32ma\u{1b}[0m, \u{1b}[32mb\u{1b}[0m]";
        assert_eq!(folded(coloured, 12), coloured);
    }
}
