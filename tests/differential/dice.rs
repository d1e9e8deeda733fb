//! The random choices of which trees are made.

use proptest::prelude::RngExt;
use proptest::test_runner::TestRng;

/// A source of choices; the same one makes the same tree.
pub struct Dice {
    rng: TestRng,
}

impl Dice {
    pub fn new(rng: TestRng) -> Self {
        Self { rng }
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.rng.random_range(0..limit)
    }

    /// Whether something with this chance out of a hundred happens.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several, which are not none.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// One of several texts.
    pub fn text(&mut self, from: &[&str]) -> String {
        self.pick(from).to_owned()
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }
}
