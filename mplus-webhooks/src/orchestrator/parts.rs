//! Whether the end of a sale that looks like one before is a repeat, or a further part of the sale.

use super::Inner;
use super::polled::{acknowledges, is_asked_about, is_polled_end};
use super::work::kept_event;
use crate::event::{self, AnyEvent, Occasion, OddityKind, is_repeat_of_sale, is_same_content};
use crate::inbox::{Entry, EntryId, EntryState, Progress};
use crate::store_error::StoreError;

/// What the same end of a sale with the same content means, told with another counter: two guests who pay half each look like that, and
/// so may a till that tells a sale anew. The vendor's pages don't say. Of sales and of credits it is chosen apart:
/// [`Builder::equal_parts`](crate::Builder::equal_parts), [`Builder::equal_credits`](crate::Builder::equal_credits).
///
/// A till that sends the same bytes once more, or with the same counter at the same time, repeats. With the same counter at another time
/// it is taken for a repeat, and the host is told. Both are so with either reading. Whether the handler refused what was told before makes
/// no difference. What a till polls is one part until a reply says that it need not ask again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EqualParts {
    /// A further part of the sale: done like every other, and told by [`InboxNotice::FurtherPart`](crate::inbox::InboxNotice::FurtherPart).
    #[default]
    Further,
    /// A repeat: nothing is recorded, and the host is told by [`InboxNotice::ToldAgain`](crate::inbox::InboxNotice::ToldAgain). Of
    /// what the handler refused it is asked again.
    Repeat,
}

/// What is known of one that was told before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Before {
    body_digest: String,
    /// `None` when the till told no counter or no time, or when the body is no longer kept.
    occasion: Option<Occasion>,
    /// Whether its till polls, and asks about it still.
    is_asked_about: bool,
}

/// What the end of a sale is.
#[derive(Debug, PartialEq, Eq)]
enum Telling {
    /// The one at this place, sent once more.
    SentAgain(usize),
    /// A part of its own, told on this occasion.
    Part(Occasion),
    /// Taken for a repeat: the host wants it so, or nobody can tell, as of a till whose counter stood still.
    Repeat,
}

/// Decides by the bytes, then by counter and clock, then by what the till asks about, and only then by the host's reading.
fn telling(
    reading: EqualParts,
    body_digest: &str,
    now: Option<&Occasion>,
    polls: bool,
    told: &[Before],
) -> Telling {
    let same_bytes = told.iter().position(|before| before.body_digest == body_digest);
    let same_occasion = || told.iter().position(|before| now.is_some() && before.occasion.as_ref() == now);
    // Another till does not ask about it.
    let of_this_till = |before: &Before| match (now, &before.occasion) {
        (Some(now), Some(then)) => now.is_same_till(then),
        _ => true,
    };
    let asked_about =
        || told.iter().rposition(|before| polls && before.is_asked_about && of_this_till(before));
    if let Some(place) = same_bytes.or_else(same_occasion).or_else(asked_about) {
        return Telling::SentAgain(place);
    }
    // Both halves of a bill may be told within one tick of the clock: the counter tells them apart.
    let counted_apart = |now: &Occasion| {
        told.iter().all(|before| before.occasion.as_ref().is_some_and(|then| then.is_counted_apart(now)))
    };
    match now {
        Some(now) if reading == EqualParts::Further && counted_apart(now) => Telling::Part(now.clone()),
        _ => Telling::Repeat,
    }
}

impl Inner {
    /// Decides about an event that looks like one in the inbox: the entry that it is, and what is in the inbox of that. Nothing, when
    /// it is a further part, or taken for a repeat of which nobody was told yet; then it is kept.
    pub(super) async fn part_or_repeat(
        &self,
        entry: Entry,
        event: &AnyEvent,
        existing: Entry,
    ) -> (Entry, Result<Option<Entry>, StoreError>) {
        let id = entry.id.as_str();
        if !event.name().ends_a_sale() || existing.id != entry.id || is_repeat_of_sale(id) {
            return (entry, Ok(Some(existing)));
        }
        if event.subject().is_none() {
            return match Occasion::of(event) {
                Some(now) => self.unnamed(entry, event, &now, existing).await,
                None => (entry, Ok(Some(existing))),
            };
        }
        let mut told = match self.alike(&entry, existing).await {
            Ok(told) => told,
            Err(error) => return (entry, Err(error)),
        };
        let before: Vec<Before> = told.iter().map(|told| self.before(told)).collect();
        // A complaint about the reply to a sale brings the sale along: that is no part of it, whatever its counter and clock.
        let complains = complains(event);
        let now = Occasion::of(event).filter(|_| !complains);
        let polls = is_polled_end(event) && !complains;
        // For parts of a sale there is evidence, for a credit in parts there is none; and what it gives back does not return.
        let credits = matches!(event, AnyEvent::CreditSession(_));
        let reading = if credits { self.equal_credits } else { self.equal_parts };
        let entry = match telling(reading, &entry.body_digest, now.as_ref(), polls, &before) {
            Telling::SentAgain(place) => return (entry, Ok(Some(told.swap_remove(place)))),
            Telling::Part(occasion) => {
                let id = EntryId::new(event::further_part(entry.id.as_str(), &occasion));
                Entry { id, ..entry }
            }
            Telling::Repeat => taken_for_repeat(entry, event, &told),
        };
        let inserted = self.store.insert_entry(&entry).await;
        (entry, inserted)
    }

    /// The end of a sale without an id that has the content of one of its till and day: every other occasion is another sale, as nobody
    /// can tell whether they are one. A complaint that brings such a sale along is none.
    async fn unnamed(
        &self,
        mut entry: Entry,
        event: &AnyEvent,
        now: &Occasion,
        existing: Entry,
    ) -> (Entry, Result<Option<Entry>, StoreError>) {
        if complains(event) && existing.body_digest != entry.body_digest {
            entry = taken_for_repeat(entry, event, std::slice::from_ref(&existing));
        } else if is_polled_end(event) {
            return self.still_or_next(entry, now, existing).await;
        } else if is_sent_again(&entry, now, &self.before(&existing)) {
            return (entry, Ok(Some(existing)));
        } else {
            entry.id = EntryId::new(event::further_part(entry.id.as_str(), now));
        }
        let inserted = self.store.insert_entry(&entry).await;
        (entry, inserted)
    }

    /// The polled end of a sale without an id: the one that its till asks about still, or else the next one with that content.
    async fn still_or_next(
        &self,
        mut entry: Entry,
        now: &Occasion,
        mut existing: Entry,
    ) -> (Entry, Result<Option<Entry>, StoreError>) {
        loop {
            let then = self.before(&existing);
            if is_sent_again(&entry, now, &then) || then.is_asked_about {
                return (entry, Ok(Some(existing)));
            }
            entry.id = EntryId::new(event::next_polled(existing.id.as_str()));
            match self.store.insert_entry(&entry).await {
                Ok(Some(next)) if next.id == entry.id => existing = next,
                inserted => return (entry, inserted),
            }
        }
    }

    /// When and where an entry was told, as long as its body is kept.
    fn before(&self, entry: &Entry) -> Before {
        let event = entry.body.clone().and_then(|body| kept_event(entry, body).ok());
        Before {
            body_digest: entry.body_digest.clone(),
            occasion: event.as_ref().and_then(Occasion::of),
            is_asked_about: event.as_ref().is_some_and(is_polled_end) && is_asked_about(entry, self.now()),
        }
    }

    /// What the inbox has of the same sale with the same content, with the bodies.
    async fn alike(&self, entry: &Entry, existing: Entry) -> Result<Vec<Entry>, StoreError> {
        let mut alike = vec![existing];
        let Some(subject) = &entry.subject else { return Ok(alike) };
        for told in self.store.entries_about(&entry.merchant, subject).await? {
            if told.id != alike[0].id && is_same_content(entry.id.as_str(), told.id.as_str()) {
                alike.extend(self.store.entry(&told.id).await?);
            }
        }
        Ok(alike)
    }
}

/// Whether the same bytes came, or the same on the same occasion.
fn is_sent_again(entry: &Entry, now: &Occasion, then: &Before) -> bool {
    then.body_digest == entry.body_digest || then.occasion.as_ref() == Some(now)
}

/// An entry of its own, so that the host is told of it whatever happens. Of what was done before, nothing is done by it.
fn taken_for_repeat(entry: Entry, event: &AnyEvent, told: &[Entry]) -> Entry {
    let progress = left_to_do(told);
    let reply = (progress == Progress::Answered).then(|| acknowledges(event));
    let id = EntryId::new(event::repeat_of_sale(entry.id.as_str(), &entry.body_digest));
    Entry { id, progress, reply, ..entry }
}

/// Whether the till complains about the reply to the end of a sale that it sends along.
fn complains(event: &AnyEvent) -> bool {
    event.oddities().iter().any(|odd| odd.what == OddityKind::Complaint)
}

/// How far the others have brought what is taken for their repeat: one that was refused is put to the handler again, one that nobody
/// was given is done.
fn left_to_do(told: &[Entry]) -> Progress {
    let is_unread = |entry: &Entry| entry.state == EntryState::Dead && entry.attempts == 0;
    if told.iter().any(was_refused) {
        Progress::Recorded
    } else if told.iter().all(is_unread) {
        Progress::Nothing
    } else {
        Progress::Answered
    }
}

/// Whether the till was told that the host does not want it: then it may come again.
fn was_refused(entry: &Entry) -> bool {
    entry.state == EntryState::Done && entry.reply.as_ref().is_some_and(|reply| reply.status != 200)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::{NaiveDate, NaiveDateTime};

    use super::*;
    use crate::event::EventName;
    use crate::inbox::StoredReply;
    use crate::subscription::MerchantId;

    fn clock(second: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 5).and_then(|day| day.and_hms_opt(19, 7, second)).unwrap()
    }

    fn at(counter: i64, second: u32) -> Occasion {
        Occasion::new("till", counter, clock(second))
    }

    fn before(body_digest: &str, occasion: Option<Occasion>) -> Before {
        Before { body_digest: body_digest.to_owned(), occasion, is_asked_about: false }
    }

    fn ended(state: EntryState, attempts: u32, status: Option<u16>) -> Entry {
        let body = (Bytes::new(), String::new());
        let id = EntryId::new("sale:one");
        let begun = Entry::begun(id, EventName::CompleteSession, MerchantId::new("m"), "s", body);
        let reply = status.map(|status| StoredReply { status, body: Bytes::new() });
        Entry { state, attempts, reply, ..begun }
    }

    #[test]
    fn the_same_bytes_and_the_same_counter_at_the_same_time_are_the_one_that_was_told() {
        let told = [before("a", Some(at(1, 1))), before("b", Some(at(2, 9)))];
        let cases = [("b", at(9, 30), 1), ("a", at(1, 20), 0), ("c", at(1, 1), 0), ("c", at(2, 9), 1)];
        for reading in [EqualParts::Further, EqualParts::Repeat] {
            for (digest, now, place) in &cases {
                let is = telling(reading, digest, Some(now), false, &told);
                assert_eq!(is, Telling::SentAgain(*place), "{reading:?} {digest} {now:?}");
            }
            assert_eq!(telling(reading, "a", None, false, &told), Telling::SentAgain(0));
        }
    }

    #[test]
    fn another_counter_is_what_the_host_takes_it_for_also_within_one_tick_of_the_clock() {
        let told = [before("a", Some(at(1, 1)))];
        for now in [at(2, 9), at(2, 1)] {
            let is = |reading| telling(reading, "b", Some(&now), false, &told);
            assert_eq!(is(EqualParts::Further), Telling::Part(now.clone()));
            assert_eq!(is(EqualParts::Repeat), Telling::Repeat);
        }
    }

    #[test]
    fn a_counter_that_stood_still_while_the_clock_went_on_is_never_dropped_without_a_word() {
        let told = [before("a", Some(at(1, 1))), before("b", Some(at(2, 9)))];
        for now in [at(1, 20), at(2, 30)] {
            for reading in [EqualParts::Further, EqualParts::Repeat] {
                assert_eq!(telling(reading, "c", Some(&now), false, &told), Telling::Repeat);
            }
        }
    }

    #[test]
    fn without_counter_or_time_on_either_side_it_is_taken_for_a_repeat() {
        let (known, unknown) = (before("a", Some(at(1, 1))), before("b", None));
        for (now, told) in [
            (None, vec![known.clone()]),
            (Some(at(2, 9)), vec![unknown.clone()]),
            (Some(at(2, 9)), vec![known, unknown]),
        ] {
            let is = telling(EqualParts::Further, "c", now.as_ref(), false, &told);
            assert_eq!(is, Telling::Repeat, "{told:?}");
        }
    }

    #[test]
    fn a_poll_is_about_the_part_that_its_till_asks_about_still() {
        let asked = Before { is_asked_about: true, ..before("b", Some(at(2, 9))) };
        let told = [before("a", Some(at(1, 1))), asked];
        let now = at(3, 10);
        let is = |polls, told: &[Before]| telling(EqualParts::Further, "c", Some(&now), polls, told);
        assert_eq!(is(true, &told), Telling::SentAgain(1));
        assert_eq!(is(false, &told), Telling::Part(now.clone()), "what is no poll asks about nothing");
        assert_eq!(is(true, &told[..1]), Telling::Part(now.clone()), "the till need not ask about the other");
    }

    #[test]
    fn a_repeat_does_what_was_not_done_before_and_nothing_else() {
        let accepted = ended(EntryState::Done, 1, Some(200));
        let refused = ended(EntryState::Done, 1, Some(400));
        let unread = ended(EntryState::Dead, 0, None);
        let failed = ended(EntryState::Dead, 20, None);
        let cases: [(&[&Entry], Progress); 7] = [
            (&[&accepted], Progress::Answered),
            (&[&ended(EntryState::Forgotten, 1, None)], Progress::Answered),
            (&[&ended(EntryState::Working, 1, None)], Progress::Answered),
            (&[&failed], Progress::Answered),
            (&[&refused], Progress::Recorded),
            (&[&accepted, &refused], Progress::Recorded),
            (&[&unread], Progress::Nothing),
        ];
        for (told, expected) in cases {
            let told: Vec<Entry> = told.iter().copied().cloned().collect();
            assert_eq!(left_to_do(&told), expected, "{told:?}");
        }
        assert_eq!(left_to_do(&[unread, accepted]), Progress::Answered);
    }
}
