//! Text without a font: how wide it will be, and what may stand in an SVG.

/// The width of `text` in pixels at `size`, estimated for a common sans-serif font, a little on the wide side.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(character_width).sum::<f64>() * size
}

/// Width of a character as a share of the font size.
fn character_width(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' | '(' | ')' | '['
        | ']' => 0.35,
        'f' | 't' | 'r' | ' ' | '-' | '/' => 0.39,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 0.95,
        'A'..='Z' => 0.72,
        '0'..='9' => 0.62,
        '\u{2e80}'.. => 1.0, // East Asian scripts and beyond fill a square
        _ => 0.6,
    }
}

/// `text` with what parts it from what follows; nothing if it is empty.
pub(super) fn before(text: &str, mark: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}{mark}")
    }
}

/// `text`, cut with an ellipsis if it is wider than `limit` pixels at `size`.
pub(super) fn fit(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut room = limit - width("…", size);
    let kept = text.chars().take_while(|&character| {
        room -= character_width(character) * size;
        room >= 0.0
    });
    kept.collect::<String>().trim_end().to_owned() + "…"
}

/// `text` without characters that XML forbids, line breaks as spaces.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_whitespace() {
                ' '
            } else {
                character
            }
        })
        .filter(|character| {
            !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}')
        })
        .collect()
}

/// `text` as it may stand in an XML attribute.
pub(super) fn escape(text: &str) -> String {
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_and_what_does_not_is_cut() {
        assert_eq!(fit("short", 10.0, 1000.0), "short");
        let cut = fit("a sentence that is far too long", 10.0, 60.0);
        assert!(cut.ends_with('…') && cut.starts_with("a sen"), "{cut}");
        assert!(width(&cut, 10.0) <= 60.0);
        assert_eq!(fit("anything", 10.0, 0.0), "…");
    }

    #[test]
    fn markup_and_control_characters_are_tamed() {
        assert_eq!(
            escape("a<b> & \"c\"\u{0}\n\u{1b}d"),
            "a&lt;b&gt; &amp; &quot;c&quot; d"
        );
    }
}
