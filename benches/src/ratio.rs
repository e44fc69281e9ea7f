//! Two or more ways of doing the same, timed in turns, so that a noisy machine is noisy to all of them.

use std::{error::Error, hint::black_box, time::Instant};

/// One way of doing it. An error ends the measurement: a way that fails is not a fast one.
pub type Way<'a> = (&'static str, Box<dyn FnMut() -> Result<usize, Box<dyn Error>> + 'a>);

/// Seconds per run of each way, median of `rounds` turns.
pub fn seconds(ways: &mut [Way<'_>], rounds: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut times = vec![Vec::new(); ways.len()];
    for (name, way) in ways.iter_mut() {
        black_box(way().map_err(|error| format!("{name}: {error}"))?);
    }
    for _ in 0..rounds {
        for ((_, way), times) in ways.iter_mut().zip(&mut times) {
            let (time, result) = timed(way);
            result?;
            times.push(time);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// The seconds that something took, and its result.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let result = black_box(work());
    (started.elapsed().as_secs_f64(), result)
}

/// The value in the middle; not a number when there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
