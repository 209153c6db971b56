//! A gate for criterion's results: ratios of two benchmarks' medians, held against bounds.
//!
//! Machines are noisy and differ, so an absolute time, or a time of another day, says nothing. What
//! two benchmarks of one run took, one divided by the other, does. The gate therefore knows which
//! run its results are of, because it started that run itself ([`run`]).

mod report;
mod results;
mod rules;
pub mod run;

pub use report::{Failure, Report};
pub use results::{Problem, Results};
pub use rules::{Bound, Rule};
