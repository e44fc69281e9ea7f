//! What one sort of work waits for: pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::pace::Pace;

/// How long a place that has become free waits for others to do so.
const GATHERS: TimeDelta = TimeDelta::milliseconds(50);

/// One sort of work: how much of it is under way, and when the store is asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    pace: Pace,
    /// How much may be under way.
    most: usize,
    under_way: usize,
    /// Whether the store is being asked.
    asking: bool,
    /// Whether somebody told of new work meanwhile.
    told: bool,
    /// Until when the few places that have become free wait for more: one question for half of the places costs the store as much as
    /// one for a single place.
    gathers_until: Option<DateTime<Utc>>,
}

impl Lane {
    pub(super) fn new(pace: Pace, most: usize) -> Self {
        Self { pace, most: most.max(1), under_way: 0, asking: false, told: false, gathers_until: None }
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    fn room(&self) -> usize {
        if self.asking { 0 } else { self.most.saturating_sub(self.under_way) }
    }

    /// When the store is to be asked; none while it is, and while there is no room for more.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        (self.room() > 0).then(|| self.when())
    }

    fn when(&self) -> DateTime<Utc> {
        self.gathers_until.map_or(self.pace.next(), |until| until.max(self.pace.next()))
    }

    /// How much to ask for, when it is time to.
    pub(super) fn ask(&mut self, now: DateTime<Utc>) -> Option<usize> {
        let room = self.room();
        let due = room > 0 && self.when() <= now;
        self.asking |= due;
        due.then_some(room)
    }

    /// Somebody told of new work.
    pub(super) fn told(&mut self, now: DateTime<Utc>) {
        self.told |= self.asking;
        self.pace.at_once(now);
    }

    /// The store has answered, and so much is under way now.
    pub(super) fn answered(&mut self, found: usize, now: DateTime<Utc>) {
        self.asking = false;
        self.under_way += found;
        self.gathers_until = None;
        let told = std::mem::take(&mut self.told);
        if found > 0 || told { self.pace.at_once(now) } else { self.pace.rest(now) }
    }

    /// There was something, and there will be more soon: the next question waits for it.
    pub(super) fn gather(&mut self, now: DateTime<Utc>) {
        self.gathers_until = Some(now + GATHERS);
    }

    /// One has ended.
    pub(super) fn ended(&mut self, now: DateTime<Utc>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.pace.look(now);
        let is_worth_it = self.most - self.under_way.min(self.most) >= self.most.div_ceil(2);
        self.gathers_until = (!is_worth_it).then(|| self.gathers_until.unwrap_or(now + GATHERS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    fn lane(most: usize) -> Lane {
        Lane::new(Pace::new(TimeDelta::milliseconds(50), TimeDelta::seconds(2), at(0)), most)
    }

    #[test]
    fn no_more_is_asked_for_than_there_is_room_for() {
        let mut lane = lane(3);
        assert_eq!(lane.ask(at(0)), Some(3));
        assert_eq!(lane.ask(at(0)), None, "it is being asked");
        lane.answered(2, at(1));
        assert_eq!(lane.ask(at(1)), Some(1));
        lane.answered(1, at(2));
        assert_eq!((lane.ask(at(3000)), lane.next()), (None, None));
        lane.ended(at(3001));
        lane.ended(at(3001));
        assert_eq!(lane.ask(at(3001)), Some(2));
    }

    #[test]
    fn what_is_told_while_the_store_is_asked_is_not_missed() {
        let mut lane = lane(3);
        lane.ask(at(0));
        lane.told(at(1));
        lane.answered(0, at(2));
        assert_eq!(lane.ask(at(2)), Some(3));
        lane.answered(0, at(3));
        assert_eq!(lane.ask(at(3)), None, "it is told once");
    }

    #[test]
    fn places_that_become_free_are_filled_together_and_none_waits_for_long() {
        let mut lane = lane(8);
        lane.ask(at(0));
        lane.answered(8, at(1));
        lane.ended(at(100));
        lane.ended(at(120));
        assert_eq!((lane.ask(at(120)), lane.next()), (None, Some(at(150))));
        assert_eq!(lane.ask(at(150)), Some(2));
        lane.answered(2, at(151));
        (0..4).for_each(|_| lane.ended(at(200)));
        assert_eq!(lane.ask(at(200)), Some(4), "half of them are worth a question");
    }

    #[test]
    fn an_empty_answer_makes_it_wait() {
        let mut lane = lane(3);
        lane.ask(at(0));
        lane.answered(0, at(0));
        assert_eq!(lane.next(), Some(at(50)));
    }
}
