//! The plan of the maze.

use std::collections::VecDeque;

/// The four moves as (row, column) steps, by action: up, down, left, right.
pub const MOVES: [(isize, isize); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];

/// An n x n maze: walls all around, and a pillar on every cell of even row and even column (from 0) but the centre.
/// Cells are numbered row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MazeMap {
    size: usize,
    walls: Vec<bool>,
    free: Vec<usize>,
}

impl MazeMap {
    /// The maze of size n, which should be odd and 5 or more (smaller ones have no free cell but the centre).
    pub fn new(size: usize) -> Self {
        let centre = (size / 2, size / 2);
        let is_wall = |row: usize, column: usize| {
            let at_edge = |x: usize| x == 0 || x + 1 == size;
            let is_pillar =
                row.is_multiple_of(2) && column.is_multiple_of(2) && (row, column) != centre;
            at_edge(row) || at_edge(column) || is_pillar
        };
        let walls: Vec<bool> = (0..size * size)
            .map(|cell| is_wall(cell / size, cell % size))
            .collect();
        let free = (0..walls.len()).filter(|&cell| !walls[cell]).collect();
        MazeMap { size, walls, free }
    }

    /// The side n.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The number of cells, walls included: n^2.
    pub fn cells(&self) -> usize {
        self.walls.len()
    }

    /// The cell in the middle, where every episode begins.
    pub fn centre(&self) -> usize {
        self.size / 2 * self.size + self.size / 2
    }

    /// The cells without a wall, ascending.
    pub fn free(&self) -> &[usize] {
        &self.free
    }

    /// Whether there is a wall on a cell; true outside.
    pub fn is_wall(&self, cell: usize) -> bool {
        self.walls.get(cell).copied().unwrap_or(true)
    }

    /// Whether there is a wall next to `cell`, so many rows below and columns to the right; true outside.
    pub fn is_wall_at(&self, cell: usize, rows: isize, columns: isize) -> bool {
        self.neighbour(cell, rows, columns)
            .is_none_or(|cell| self.is_wall(cell))
    }

    /// The cell that a move leads to: `cell` itself if there is a wall in the way.
    pub fn after(&self, cell: usize, action: u32) -> usize {
        let step = MOVES.get(action as usize).copied().unwrap_or_default();
        self.neighbour(cell, step.0, step.1)
            .filter(|&next| !self.is_wall(next))
            .unwrap_or(cell)
    }

    fn neighbour(&self, cell: usize, rows: isize, columns: isize) -> Option<usize> {
        let row = (cell / self.size)
            .checked_add_signed(rows)
            .filter(|&row| row < self.size)?;
        let column = (cell % self.size)
            .checked_add_signed(columns)
            .filter(|&column| column < self.size)?;
        Some(row * self.size + column)
    }

    /// The number of moves from every cell to `goal` on a shortest path, by breadth-first search; `None` for walls.
    pub fn distances(&self, goal: usize) -> Vec<Option<u32>> {
        let mut distances = vec![None; self.cells()];
        if self.is_wall(goal) {
            return distances;
        }
        distances[goal] = Some(0);
        let mut queue = VecDeque::from([(goal, 0)]);
        while let Some((cell, distance)) = queue.pop_front() {
            for action in 0..MOVES.len() as u32 {
                let next = self.after(cell, action);
                if distances[next].is_none() {
                    distances[next] = Some(distance + 1);
                    queue.push_back((next, distance + 1));
                }
            }
        }
        distances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_the_published_one() {
        for (size, free) in [(5, 9), (9, 41), (11, 81 - 16), (13, 121 - 24)] {
            let map = MazeMap::new(size);
            assert_eq!(map.free().len(), free, "{size}");
            assert!(!map.is_wall(map.centre()));
        }
        let map = MazeMap::new(9);
        let picture: String = (0..81)
            .map(|cell| if map.is_wall(cell) { '#' } else { '.' })
            .collect();
        let rows: Vec<&str> = (0..9).map(|row| &picture[row * 9..row * 9 + 9]).collect();
        assert_eq!(rows[0], "#########");
        assert_eq!(rows[1], "#.......#");
        assert_eq!(rows[2], "#.#.#.#.#");
        assert_eq!(rows[4], "#.#...#.#");
    }

    #[test]
    fn distances_are_shortest_paths() {
        let map = MazeMap::new(9);
        let goal = 9 + 1;
        let distances = map.distances(goal);
        assert_eq!(distances[goal], Some(0));
        assert_eq!(distances[0], None);
        for &cell in map.free() {
            let distance = distances[cell].unwrap();
            // No shorter than as the crow flies, and one move off for some neighbour: so a path of that length exists.
            let apart = (cell / 9).abs_diff(1) + (cell % 9).abs_diff(1);
            assert!(distance as usize >= apart);
            let nearest = (0..4)
                .map(|action| distances[map.after(cell, action)].unwrap())
                .min()
                .unwrap();
            assert!(cell == goal || nearest + 1 == distance);
        }
    }

    #[test]
    fn walls_stop_moves() {
        let map = MazeMap::new(9);
        let corner = 9 + 1;
        assert_eq!(
            [0, 1, 2, 3].map(|action| map.after(corner, action)),
            [corner, corner + 9, corner, corner + 1]
        );
        assert!(
            map.is_wall_at(corner, 1, 1)
                && map.is_wall_at(corner, -1, 0)
                && !map.is_wall_at(corner, 0, 1)
        );
        assert!(map.is_wall_at(0, -1, 0), "outside is wall");
    }
}
