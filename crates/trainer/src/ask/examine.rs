//! A story gone through line by line: what was written, which line that overwrote, and what each answer was read from.

use std::ops::Range;

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{Kernel, Masks, Model, ModelConfig};
use mnm_tasks::babi::{LONGEST_LINE, is_question};
use mnm_tasks::{Interface, Questions};

use super::{Answer, AskError, Candidate, Reader, softmax};
use crate::look::{left_out, memory::similarity};
use crate::task::build_model;

/// The most lines of a story that is gone through.
pub const MOST_LINES: usize = 64;

/// A line of a story, and what the model made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// The words of it that the model does not know.
    pub unknown: Vec<String>,
    /// The write rate, the largest of the line's steps; `None` for a model without one.
    pub rate: Option<f64>,
    /// The earlier line that this one was written over: the latest of those whose write keys are about as like this one's as
    /// the likest is, and its cosine.
    pub likest: Option<(usize, f64)>,
    /// The answer, if the line is a question.
    pub answer: Option<Answer>,
    /// The earlier lines, and the probability of the answer when nothing is written in them.
    pub without: Vec<(usize, f64)>,
}

/// How near to the largest cosine another one comes that counts as much. The line found is the person's last one in 181 of 188 lines of
/// a run of the stories, and in 120 with the largest alone; a share below this mixes up people where a rule keeps their keys alike.
const NEAR: f64 = 0.7;

/// Of lines in their order, and the cosines of their keys with another: the latest of those that come near the largest. A key that
/// was written several times holds what was written last, whichever of its writes is a little more like the new one.
fn overwritten(lines: &[(usize, f64)]) -> Option<(usize, f64)> {
    let cosines = lines.iter().map(|(_, cosine)| *cosine);
    let best = cosines.fold(f64::NEG_INFINITY, f64::max);
    // Where none is alike, the largest is not above 0, and only itself is near it.
    let least = if best > 0.0 { NEAR * best } else { best };
    let near = |line: &&(usize, f64)| line.1 >= least;
    lines.iter().rfind(near).copied()
}

/// A line in words of the model.
struct Line {
    words: Vec<u32>,
    question: bool,
}

impl Reader {
    /// Goes through a story; a line that ends in a question mark is a question. Every line of the result is one of `story`, in order.
    ///
    /// # Errors
    /// [`AskError::NoWord`] for a line without a word, [`AskError::TooLong`], or [`AskError::NotFinite`].
    pub fn examine(&self, story: &[&str]) -> Result<Vec<Examined>, AskError> {
        let longest = story.iter().map(|line| line.len()).max().unwrap_or(0);
        if story.len() > MOST_LINES || longest > LONGEST_LINE {
            return Err(AskError::TooLong {
                lines: story.len(),
                longest,
            });
        }
        let mut lines = Vec::with_capacity(story.len());
        let mut examined = Vec::with_capacity(story.len());
        for text in story {
            let (words, unknown) = self.vocabulary.encode(text);
            if words.is_empty() {
                return Err(AskError::NoWord((*text).to_owned()));
            }
            let question = is_question(text);
            lines.push(Line { words, question });
            examined.push(Examined {
                unknown,
                rate: None,
                likest: None,
                answer: None,
                without: Vec::new(),
            });
        }
        let model = self.with_traces()?;
        let statements = |before: usize| -> Vec<usize> {
            (0..before).filter(|line| !lines[*line].question).collect()
        };
        if self.manner.questions == Questions::InPlace {
            let all: Vec<usize> = (0..lines.len()).collect();
            self.go_through(&model, &lines, &all, story, &mut examined)?;
            return Ok(examined);
        }
        // Asked separately, a question has only statements before it.
        for question in (0..lines.len()).filter(|line| lines[*line].question) {
            let mut asked = statements(question);
            asked.push(question);
            self.go_through(&model, &lines, &asked, story, &mut examined)?;
        }
        self.go_through(
            &model,
            &lines,
            &statements(lines.len()),
            story,
            &mut examined,
        )?;
        Ok(examined)
    }

    /// The model with the kernel that keeps every trace.
    fn with_traces(&self) -> Result<Model<f32>, AskError> {
        let config = ModelConfig {
            kernel: Kernel::Reference,
            ..self.model.config().clone()
        };
        let table = self.parameters.find("encoder.position.weight");
        let positions = table.and_then(|table| table.shape().first().copied());
        let Self { vocabulary, .. } = self;
        let interface = Interface::words(vocabulary.words.clone(), 1, vocabulary.answers.clone());
        Ok(build_model(&config, &interface, positions)?)
    }

    /// Goes through the lines `chosen`, and notes what there is to note of them.
    fn go_through(
        &self,
        model: &Model<f32>,
        lines: &[Line],
        chosen: &[usize],
        story: &[&str],
        examined: &mut [Examined],
    ) -> Result<(), AskError> {
        if chosen.is_empty() {
            return Ok(());
        }
        let (input, spans) = self.input(lines, chosen);
        let start = model.initial_state(&self.parameters, 1)?;
        let run = model.run(&self.parameters, &input, &start, &Masks::default())?;
        if let Some(rate) = run.trace.get("rate") {
            for (&line, span) in chosen.iter().zip(&spans) {
                let rates = span.clone().map(|step| f64::from(rate.value()[[step, 0]]));
                examined[line].rate = Some(rates.fold(0.0, f64::max));
            }
        }
        if let Some(keys) = run.trace.get("write_key") {
            let cosines = similarity(keys.value(), keys.value());
            for (index, span) in spans.iter().enumerate() {
                let to = |earlier: &Range<usize>| {
                    let pairs = span
                        .clone()
                        .flat_map(|a| earlier.clone().map(move |b| (a, b)));
                    pairs
                        .map(|pair| cosines[pair])
                        .fold(f64::NEG_INFINITY, f64::max)
                };
                let earlier = (0..index).filter(|earlier| !lines[chosen[*earlier]].question);
                let all: Vec<_> = earlier
                    .map(|earlier| (chosen[earlier], to(&spans[earlier])))
                    .collect();
                examined[chosen[index]].likest = overwritten(&all);
            }
        }
        let asked: Vec<usize> = (0..chosen.len())
            .filter(|index| lines[chosen[*index]].question)
            .collect();
        let targets: Vec<usize> = asked.iter().map(|index| spans[*index].end - 1).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let logits = model.logits(&self.parameters, &run.outputs, &targets)?;
        let without = left_out::logits_without(model, &self.parameters, &input, &spans, &targets)?;
        for (target, index) in asked.into_iter().enumerate() {
            let line = chosen[index];
            let row: Vec<f32> = logits
                .value()
                .index_axis(ndarray::Axis(0), target)
                .iter()
                .copied()
                .collect();
            let given = left_out::likeliest(&row);
            examined[line].answer =
                Some(self.ranked(&row, story[line], &examined[line].unknown)?);
            for (span, found) in without.iter().flatten().enumerate() {
                if let Some(row) = &found[target] {
                    examined[line]
                        .without
                        .push((chosen[span], left_out::softmax(row, given)));
                }
            }
        }
        Ok(())
    }

    /// The lines as one sequence, and the steps of each.
    fn input(&self, lines: &[Line], chosen: &[usize]) -> (Input<f32>, Vec<Range<usize>>) {
        let (mut words, mut spans, mut steps) = (Vec::new(), Vec::new(), 0);
        for line in chosen.iter().map(|line| &lines[*line]) {
            let first = steps;
            for shown in self
                .manner
                .showing
                .steps(&line.words, line.question, &self.marks)
            {
                words.extend(Word::of_sentence(&shown, steps));
                steps += 1;
            }
            spans.push(first..steps);
        }
        let tokens = Tokens {
            steps,
            batch: 1,
            words,
            starts: spans.iter().map(|span| span.start).collect(),
        };
        (Input::Tokens(tokens), spans)
    }

    /// Every answer with its probability, the likeliest first.
    pub(super) fn ranked(
        &self,
        logits: &[f32],
        question: &str,
        unknown: &[String],
    ) -> Result<Answer, AskError> {
        let Some(probabilities) = softmax(logits) else {
            return Err(AskError::NotFinite(question.to_owned()));
        };
        let answers = self.vocabulary.answers.iter().cloned();
        let mut ranking: Vec<Candidate> = answers
            .zip(probabilities)
            .map(|(answer, probability)| Candidate {
                answer,
                probability,
            })
            .collect();
        // Stable: of equals the first class comes first, as everywhere.
        ranking.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Answer {
            ranking,
            unknown: unknown.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::overwritten;

    #[test]
    fn the_latest_of_the_lines_that_are_about_as_alike_is_the_one_written_over() {
        // Of a run of stories: lines 1 and 5 tell of the person that the new line tells of, in other words.
        let lines = [(0, 0.12), (1, 0.95), (3, -0.3), (5, 0.81), (7, 0.4)];
        assert_eq!(overwritten(&lines), Some((5, 0.81)));
        assert_eq!(overwritten(&lines[..3]), Some((1, 0.95)));
        assert_eq!(
            overwritten(&[(0, -0.5), (2, -0.2), (4, -0.21)]),
            Some((2, -0.2))
        );
        assert_eq!(overwritten(&[]), None);
        // Numbers that have overflowed are near nothing.
        assert_eq!(overwritten(&[(0, f64::NAN)]), None);
    }
}
