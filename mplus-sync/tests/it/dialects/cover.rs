//! Dialects such that every two readings of different questions meet in one of them.

use std::collections::BTreeSet;

use mplus_qapi::testkit::Dialect;

/// A reading by the positions of its question and itself.
pub(super) type Place = (usize, usize);

/// Rows of readings, one for each question, which together hold every pair. The same seed gives the same rows.
pub(super) fn pairwise(seed: u64) -> Vec<Vec<usize>> {
    let sizes: Vec<usize> = Dialect::questions().iter().map(|question| question.readings.len()).collect();
    let mut open = all_pairs(&sizes);
    let mut random = seed;
    let mut rows = Vec::new();
    while let Some(first) = open.iter().nth(draw(&mut random, open.len())).copied() {
        let mut row: Vec<Option<usize>> = vec![None; sizes.len()];
        (row[first.0.0], row[first.1.0]) = (Some(first.0.1), Some(first.1.1));
        // The other questions, from a place drawn by lot, each take the reading that meets most open pairs.
        let begin = draw(&mut random, sizes.len());
        for question in (0..sizes.len()).map(|at| (at + begin) % sizes.len()) {
            if row[question].is_some() {
                continue;
            }
            let met = |reading: usize| {
                let others = row.iter().enumerate().filter_map(|(other, taken)| Some((other, (*taken)?)));
                others.filter(|other| open.contains(&pair((question, reading), *other))).count()
            };
            let shift = draw(&mut random, sizes[question]);
            let readings = (0..sizes[question]).map(|at| (at + shift) % sizes[question]);
            row[question] = readings.max_by_key(|reading| met(*reading));
        }
        let row: Vec<usize> = row.into_iter().map(Option::unwrap_or_default).collect();
        for met in pairs_of(&row) {
            open.remove(&met);
        }
        rows.push(row);
    }
    rows
}

/// The dialect of a row.
pub(super) fn dialect(row: &[usize]) -> Dialect {
    let mut dialect = Dialect::default();
    for (question, reading) in Dialect::questions().iter().zip(row) {
        dialect.set(question.name, question.readings[*reading].name).unwrap();
    }
    dialect
}

fn all_pairs(sizes: &[usize]) -> BTreeSet<(Place, Place)> {
    let places =
        sizes.iter().enumerate().flat_map(|(question, size)| (0..*size).map(move |at| (question, at)));
    let places: Vec<Place> = places.collect();
    let each =
        |one: Place| places.iter().filter(move |other| other.0 > one.0).map(move |other| (one, *other));
    places.iter().flat_map(|one| each(*one)).collect()
}

fn pairs_of(row: &[usize]) -> Vec<(Place, Place)> {
    let places: Vec<Place> = row.iter().copied().enumerate().collect();
    let each = |one: Place| places[one.0 + 1..].iter().map(move |other| (one, *other));
    places.iter().flat_map(|one| each(*one)).collect()
}

fn pair(one: Place, other: Place) -> (Place, Place) {
    if one < other { (one, other) } else { (other, one) }
}

/// splitmix64.
pub(super) fn draw(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
}

#[test]
fn every_two_readings_meet() {
    let rows = pairwise(1);
    let sizes: Vec<usize> = Dialect::questions().iter().map(|question| question.readings.len()).collect();
    let met: BTreeSet<_> = rows.iter().flat_map(|row| pairs_of(row)).collect();
    assert_eq!(met, all_pairs(&sizes));
    let largest: Vec<usize> = {
        let mut sizes = sizes;
        sizes.sort_unstable();
        sizes
    };
    let least: usize = largest.iter().rev().take(2).product();
    assert!(rows.len() < least * 2, "{} rows, {least} are needed at least", rows.len());
}
