//! Ways through a maze, a strip of plans for each: what was walked in the first part of an episode, in the second, ...

use super::canvas::{self, Align, Canvas, Font};
use super::colour_map::ColourMap;
use super::error::PlotError;
use super::frame::Header;
use super::legend::Legend;
use super::style::{Colour, INK, MARGIN, MUTED, NOTE_SIZE, TEXT_SIZE};
use super::text;

/// Plans in a row.
const PANELS: usize = 5;
const SIDE: f64 = 168.0;
const BETWEEN: f64 = 12.0;
const LABEL_ROW: f64 = 24.0;
const CAPTION_ROW: f64 = 18.0;
const ROW_GAP: f64 = 14.0;

const WALL: Colour = [0xb8, 0xc0, 0xc8];
const FLOOR: Colour = [0xf6, 0xf8, 0xf9];
const REWARD: Colour = [0xff, 0xd1, 0x66];
const FIND: Colour = [0xd5, 0x5e, 0x00];

/// How far a way is moved aside from its first step to its last, in cells: steps back and forth then lie side by side.
const DRIFT: f64 = 0.5;
/// The bright end of the colours fades on the floor.
const BRIGHTEST: f64 = 0.9;

/// A step: from one cell to another, or to the same one if there was a wall in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MazeMove {
    /// Where it began.
    pub from: usize,
    /// Where it led.
    pub to: usize,
    /// Whether that was the reward; the next step then begins somewhere else.
    pub found: bool,
}

/// Somebody's way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MazeWay {
    /// Stands above its plans.
    pub label: String,
    /// The steps, in order.
    pub moves: Vec<MazeMove>,
}

/// Ways through the same maze of n x n cells, numbered row by row.
#[derive(Clone, Debug, Default)]
pub struct MazeStrip {
    /// Stands above the plot; may be empty.
    pub title: String,
    /// The side n.
    pub size: usize,
    /// Which cells are walls, n^2 of them.
    pub walls: Vec<bool>,
    /// The cell with the reward.
    pub goal: usize,
    /// The ways, a row each.
    pub ways: Vec<MazeWay>,
}

impl MazeStrip {
    /// The picture.
    ///
    /// # Errors
    /// If there is no way, or if the walls are not those of a square maze.
    pub fn svg(&self) -> Result<String, PlotError> {
        let empty = |expected| PlotError::Empty {
            title: self.title.clone(),
            expected,
        };
        if self.size == 0 || self.walls.len() != self.size * self.size {
            return Err(empty("cell of a square maze"));
        }
        if self.ways.iter().all(|way| way.moves.is_empty()) {
            return Err(empty("step through the maze"));
        }
        let header = Header {
            title: &self.title,
            note: "lines: the way, from dark to bright within each plan; dots: where one begins; yellow: the hidden reward",
            legend: Legend::new([], 0.0),
        };
        let row = LABEL_ROW + SIDE + CAPTION_ROW + ROW_GAP;
        let width = 2.0 * MARGIN + PANELS as f64 * (SIDE + BETWEEN) - BETWEEN;
        let height = header.bottom() + self.ways.len() as f64 * row;
        canvas::draw(width, height, &self.description(), |canvas| {
            header.draw(canvas, width)?;
            for (place, way) in self.ways.iter().enumerate() {
                let top = header.bottom() + place as f64 * row;
                self.draw_way(canvas, way, top, width - 2.0 * MARGIN)?;
            }
            Ok(())
        })
    }

    /// What a screen reader says: every way's label.
    fn description(&self) -> String {
        let ways = self.ways.iter().map(|way| format!(" {}.", way.label));
        let title = match self.title.as_str() {
            "" => "Ways through a maze",
            title => title,
        };
        format!("{title}.{}", ways.collect::<String>())
    }

    fn draw_way(
        &self,
        canvas: &Canvas<'_>,
        way: &MazeWay,
        top: f64,
        room: f64,
    ) -> Result<(), PlotError> {
        let label = text::fit(&way.label, TEXT_SIZE, room);
        let font = Font::new(TEXT_SIZE, INK, Align::Left);
        canvas.text((MARGIN, top + LABEL_ROW / 2.0), &label, font)?;
        let length = way.moves.len().div_ceil(PANELS).max(1);
        for (panel, moves) in way.moves.chunks(length).enumerate() {
            let left = MARGIN + panel as f64 * (SIDE + BETWEEN);
            let plan = Plan {
                maze: self,
                left,
                top: top + LABEL_ROW,
            };
            plan.draw_cells(canvas)?;
            plan.draw_moves(canvas, moves)?;
            let first = panel * length + 1;
            let caption = caption(first, moves);
            canvas.tip((left, plan.top), (left + SIDE, plan.top + SIDE), &caption);
            let middle = (left + SIDE / 2.0, plan.top + SIDE + CAPTION_ROW / 2.0 + 1.0);
            canvas.text(middle, &caption, Font::new(NOTE_SIZE, MUTED, Align::Centre))?;
        }
        Ok(())
    }
}

/// Steps count from 1.
fn caption(first: usize, moves: &[MazeMove]) -> String {
    let finds = moves.iter().filter(|step| step.found).count();
    let last = first + moves.len() - 1;
    match finds {
        0 => format!("steps {first} to {last}: nothing"),
        1 => format!("steps {first} to {last}: 1 find"),
        finds => format!("steps {first} to {last}: {finds} finds"),
    }
}

/// The maze at its place on the page.
struct Plan<'a> {
    maze: &'a MazeStrip,
    left: f64,
    top: f64,
}

impl Plan<'_> {
    fn cell(&self) -> f64 {
        SIDE / self.maze.size as f64
    }

    /// The middle of a cell, moved `aside` so many cells to the right and down.
    fn middle(&self, cell: usize, aside: f64) -> (f64, f64) {
        let (row, column) = (cell / self.maze.size, cell % self.maze.size);
        let at = |place: usize| (place as f64 + 0.5 + aside) * self.cell();
        (self.left + at(column), self.top + at(row))
    }

    fn draw_cells(&self, canvas: &Canvas<'_>) -> Result<(), PlotError> {
        let corner = (self.left + SIDE, self.top + SIDE);
        canvas.rectangle((self.left, self.top), corner, WALL)?;
        let free = (0..self.maze.walls.len()).filter(|&cell| !self.maze.walls[cell]);
        for cell in free {
            let colour = if cell == self.maze.goal {
                REWARD
            } else {
                FLOOR
            };
            let (x, y) = self.middle(cell, -0.5);
            // A little over the edge: cells that only touch leave a seam when a viewer smooths them.
            let side = self.cell() + 0.3;
            canvas.rectangle((x, y), (x + side, y + side), colour)?;
        }
        Ok(())
    }

    fn draw_moves(&self, canvas: &Canvas<'_>, moves: &[MazeMove]) -> Result<(), PlotError> {
        let share = |place: usize| place as f64 / moves.len().max(2) as f64;
        let aside = |place: usize| DRIFT * (share(place) - 0.5);
        let thick = (self.cell() / 9.0).clamp(0.8, 2.2);
        let mut begins = true;
        for (place, step) in moves.iter().enumerate() {
            let colour = ColourMap::Sequential.colour(BRIGHTEST * share(place));
            let from = self.middle(step.from, aside(place));
            if begins {
                canvas.dot(from, thick * 1.4, colour)?;
            }
            let to = self.middle(step.to, aside(place + 1));
            canvas.line(&[from, to], colour, thick)?;
            begins = step.found;
        }
        if moves.iter().any(|step| step.found) {
            let (x, y) = self.middle(self.maze.goal, 0.0);
            let half = self.cell() / 2.0;
            let ring = [
                (x - half, y - half),
                (x + half, y - half),
                (x + half, y + half),
                (x - half, y + half),
                (x - half, y - half),
            ];
            canvas.line(&ring, FIND, thick)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A corridor of three cells in a maze of 5 x 5, walked to and fro.
    fn strip(steps: usize) -> MazeStrip {
        let free = [6, 7, 8];
        let moves = (0..steps).map(|step| {
            let (from, to) = if step % 2 == 0 { (6, 7) } else { (7, 8) };
            MazeMove {
                from,
                to,
                found: to == 8,
            }
        });
        MazeStrip {
            title: "Ways".to_owned(),
            size: 5,
            walls: (0..25).map(|cell| !free.contains(&cell)).collect(),
            goal: 8,
            ways: vec![MazeWay {
                label: "after <training>".to_owned(),
                moves: moves.collect(),
            }],
        }
    }

    #[test]
    fn an_episode_is_cut_into_plans_that_count_their_finds() {
        let svg = strip(20).svg().unwrap();
        assert!(
            svg.contains("steps 1 to 4: 2 finds") && svg.contains("steps 17 to 20"),
            "{svg}"
        );
        assert!(svg.contains("after &lt;training&gt;"));
        assert_eq!(
            svg.matches("#FFD166").count(),
            PANELS,
            "the reward is in every plan"
        );
        let one_plan = strip(1).svg().unwrap();
        assert!(one_plan.contains("steps 1 to 1: nothing"));
    }

    #[test]
    fn a_way_begins_anew_after_a_find() {
        let dots = |steps| strip(steps).svg().unwrap().matches("<circle").count();
        // One plan of a step each; then five of two steps, the second of which is a find; then a new way within a plan.
        assert_eq!((dots(5), dots(10), dots(20)), (5, 5, 10));
    }

    #[test]
    fn walls_that_make_no_maze_are_refused() {
        let mut wrong = strip(3);
        wrong.walls.pop();
        assert!(matches!(wrong.svg(), Err(PlotError::Empty { .. })));
        let mut still = strip(3);
        still.ways.clear();
        assert!(matches!(still.svg(), Err(PlotError::Empty { .. })));
    }
}
