//! What this process is working on and has just answered, so that a repeat waits for the first answer instead of asking the
//! store again and again.

use std::collections::hash_map::{Entry as Slot, HashMap, RandomState};
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::oneshot;

use super::entry::StoredReply;
use crate::error::Refusal;
use crate::event::EventName;
use crate::secret::SignatureBytes;

/// How many answers of events that are not kept are remembered.
const ANSWERS: usize = 4096;
/// How many bytes of answers are remembered.
const ANSWER_BYTES: usize = 8 << 20;
/// Of how many bodies it is remembered under which event's name they came.
const NAMES: usize = 32_768;

pub(crate) type Answer = Result<StoredReply, Refusal>;

/// What a till waits for.
#[derive(Clone)]
pub(crate) struct Awaited {
    pub(crate) answer: Shared<BoxFuture<'static, Answer>>,
    agreed: Arc<Agreed>,
}

/// What was decided between those who work on an event and the till that waits for it.
#[derive(Default)]
struct Agreed {
    /// Whether the event was kept before its till was told that it failed.
    kept: Decision,
    /// Whether there was an answer before its till stopped waiting.
    answered: Decision,
}

#[derive(Default)]
struct Decision(AtomicU8);

const UNDECIDED: u8 = 0;
const IN_TIME: u8 = 1;
const TOO_LATE: u8 = 2;

/// Who works on which event, and the latest answers. Its memory is bounded.
#[derive(Default)]
pub(crate) struct Recent {
    known: Mutex<Known>,
    names: Mutex<Names>,
    polls: Mutex<Polls>,
}

#[derive(Default)]
struct Known {
    events: HashMap<String, State>,
    answered: VecDeque<String>,
    bytes: usize,
}

enum State {
    Working(Awaited),
    Answered(StoredReply),
}

#[derive(Default)]
struct Names {
    hasher: RandomState,
    by_body: HashMap<u64, EventName>,
    order: VecDeque<u64>,
}

/// The latest polls by their signatures, which are many: they have a room of their own.
#[derive(Default)]
struct Polls {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

/// What came of asking for an event.
pub(crate) enum Place {
    /// Nobody works on it: whoever has this does, and answers there.
    Mine(Seat, Awaited),
    /// Somebody in this process does; this is going to be the answer.
    Working(Awaited),
    /// It was answered a moment ago.
    Answered(StoredReply),
}

/// The right to work on an event, until it is dropped.
pub(crate) struct Seat {
    /// Where it is known that somebody works on it, and as what.
    known_as: Option<(Arc<Recent>, String)>,
    tell: Option<oneshot::Sender<Answer>>,
    agreed: Arc<Agreed>,
}

impl Recent {
    /// Finds out who works on the event.
    pub(crate) fn place(self: &Arc<Self>, key: &str) -> Place {
        let mut known = lock(&self.known);
        match known.events.entry(key.to_owned()) {
            Slot::Occupied(slot) => match slot.get() {
                State::Working(awaited) => Place::Working(awaited.clone()),
                State::Answered(reply) => Place::Answered(reply.clone()),
            },
            Slot::Vacant(slot) => {
                let (seat, awaited) = Seat::pair(Some((self.clone(), key.to_owned())));
                slot.insert(State::Working(awaited.clone()));
                Place::Mine(seat, awaited)
            }
        }
    }

    /// The name under which the same bytes came before, when it was another one.
    pub(crate) fn other_name(&self, body_digest: &str, name: &EventName) -> Option<EventName> {
        let mut names = lock(&self.names);
        let body = names.hasher.hash_one(body_digest);
        match names.by_body.get(&body) {
            Some(known) => (known != name).then(|| known.clone()),
            None => {
                names.by_body.insert(body, name.clone());
                names.order.push_back(body);
                if names.order.len() > NAMES
                    && let Some(oldest) = names.order.pop_front()
                {
                    names.by_body.remove(&oldest);
                }
                None
            }
        }
    }

    /// Remembers a poll by its signature, which is that of its bytes alone.
    pub(crate) fn note_poll(&self, signature: &SignatureBytes) {
        let mut polls = lock(&self.polls);
        let poll = polls.hasher.hash_one(signature);
        if polls.known.insert(poll) {
            polls.order.push_back(poll);
            if polls.order.len() > NAMES
                && let Some(oldest) = polls.order.pop_front()
            {
                polls.known.remove(&oldest);
            }
        }
    }

    /// Whether the same bytes were a poll a while ago.
    pub(crate) fn was_poll(&self, signature: &SignatureBytes) -> bool {
        let polls = lock(&self.polls);
        polls.known.contains(&polls.hasher.hash_one(signature))
    }
}

impl Seat {
    /// A seat, and what is told from it.
    pub(crate) fn pair(known_as: Option<(Arc<Recent>, String)>) -> (Self, Awaited) {
        let (tell, told) = oneshot::channel::<Answer>();
        let answer = told.map(|told| told.unwrap_or_else(|_| Err(Refusal::internal()))).boxed().shared();
        let agreed = Arc::<Agreed>::default();
        (Self { known_as, tell: Some(tell), agreed: agreed.clone() }, Awaited { answer, agreed })
    }

    /// The event is in the store, or is one of those that need not be. `false` when its till has been told that it failed.
    pub(crate) fn kept(&self) -> bool {
        self.agreed.kept.decide(IN_TIME) == IN_TIME
    }

    /// A seat that no repeat finds.
    pub(crate) fn alone() -> Place {
        let (seat, awaited) = Self::pair(None);
        Place::Mine(seat, awaited)
    }

    /// Answers whoever waits, once. The event stays in this seat.
    pub(crate) fn tell(&mut self, answer: Answer) {
        self.told_in_time(answer.clone(), answer);
    }

    /// The same. `false` when the till has stopped waiting, or was answered before; whoever waits still is told `too_late` then.
    pub(crate) fn told_in_time(&mut self, answer: Answer, too_late: Answer) -> bool {
        let Some(tell) = self.tell.take() else { return false };
        let in_time = self.agreed.answered.decide(IN_TIME) == IN_TIME;
        tell.send(if in_time { answer } else { too_late }).is_ok() && in_time
    }

    /// Whether the till has stopped waiting.
    pub(crate) fn is_too_late(&self) -> bool {
        self.agreed.answered.is(TOO_LATE)
    }

    /// Answers, and remembers the answer for repeats.
    pub(crate) fn remember(mut self, reply: StoredReply) {
        self.tell(Ok(reply.clone()));
        self.keep_for_repeats(reply);
    }

    /// Remembers an answer that was told, for repeats.
    pub(crate) fn keep_for_repeats(&mut self, reply: StoredReply) {
        let Some((recent, key)) = self.known_as.take() else { return };
        let mut known = lock(&recent.known);
        known.bytes += reply.body.len();
        known.events.insert(key.clone(), State::Answered(reply));
        known.answered.push_back(key);
        while known.answered.len() > ANSWERS || known.bytes > ANSWER_BYTES {
            let Some(oldest) = known.answered.pop_front() else { break };
            if let Some(State::Answered(reply)) = known.events.remove(&oldest) {
                known.bytes = known.bytes.saturating_sub(reply.body.len());
            }
        }
    }
}

/// A till that waits; it has stopped waiting when this is dropped, whatever came of it.
pub(crate) struct Waiting(Arc<Agreed>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.answered.decide(TOO_LATE);
    }
}

impl Awaited {
    /// That a till waits.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(self.agreed.clone())
    }

    /// The till stops waiting. `Some` when there was an answer just before: then that is what it is told.
    pub(crate) async fn stop_waiting(&self) -> Option<Answer> {
        match self.agreed.answered.decide(TOO_LATE) {
            TOO_LATE => None,
            _ => Some(self.answer.clone().await),
        }
    }

    /// The till does not wait any longer. `true` when nothing is kept yet: then it has to be told that it failed.
    pub(crate) fn give_up(&self) -> bool {
        self.agreed.kept.decide(TOO_LATE) == TOO_LATE
    }
}

impl Decision {
    fn is(&self, decision: u8) -> bool {
        self.0.load(Ordering::SeqCst) == decision
    }

    /// Decides, unless that was done before; returns what was decided.
    fn decide(&self, decision: u8) -> u8 {
        let decided = self.0.compare_exchange(UNDECIDED, decision, Ordering::SeqCst, Ordering::SeqCst);
        decided.map_or_else(|earlier| earlier, |_| decision)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((recent, key)) = &self.known_as {
            lock(&recent.known).events.remove(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SubscriptionSecret;

    fn reply(length: usize) -> StoredReply {
        StoredReply { status: 200, body: vec![b' '; length].into() }
    }

    fn seat(recent: &Arc<Recent>, key: &str) -> Seat {
        match recent.place(key) {
            Place::Mine(seat, _) => seat,
            Place::Working(_) | Place::Answered(_) => panic!("{key} is taken"),
        }
    }

    #[test]
    fn answers_are_remembered_up_to_their_number_and_size() {
        let recent = Arc::new(Recent::default());
        for number in 0..2 * ANSWERS {
            seat(&recent, &number.to_string()).remember(reply(2));
        }
        assert_eq!(lock(&recent.known).events.len(), ANSWERS);
        for number in 0..100 {
            seat(&recent, &format!("large {number}")).remember(reply(1 << 20));
        }
        assert!(lock(&recent.known).bytes <= ANSWER_BYTES);
    }

    #[test]
    fn the_same_bytes_under_another_name_are_known_and_their_number_is_bounded() {
        let recent = Recent::default();
        assert_eq!(recent.other_name("a", &EventName::StartSession), None);
        assert_eq!(recent.other_name("a", &EventName::StartSession), None);
        assert_eq!(recent.other_name("a", &EventName::CancelSession), Some(EventName::StartSession));
        for number in 0..2 * NAMES {
            recent.other_name(&number.to_string(), &EventName::StartSession);
        }
        assert_eq!(lock(&recent.names).by_body.len(), NAMES);
    }

    #[tokio::test]
    async fn an_answer_that_comes_too_late_is_told_to_nobody_and_its_giver_knows() {
        let (mut seat, awaited) = Seat::pair(None);
        assert!(awaited.stop_waiting().await.is_none());
        assert!(seat.is_too_late() && !seat.told_in_time(Ok(reply(2)), Ok(reply(1))));
        let told = awaited.answer.clone().await.unwrap();
        assert_eq!(told.body.len(), 1, "another that waits still hears that it came too late");
        let (mut seat, awaited) = Seat::pair(None);
        drop(awaited.waiting());
        assert!(!seat.told_in_time(Ok(reply(2)), Ok(reply(1))), "the till has hung up");
        let (mut seat, awaited) = Seat::pair(None);
        assert!(seat.told_in_time(Ok(reply(2)), Ok(reply(1))));
        assert!(awaited.stop_waiting().await.is_some(), "it is told, though it came in the last moment");
    }

    #[test]
    fn a_seat_that_is_left_is_free_again() {
        let recent = Arc::new(Recent::default());
        drop(seat(&recent, "a"));
        drop(seat(&recent, "a"));
    }

    #[test]
    fn polls_are_remembered_up_to_a_bound() {
        let recent = Recent::default();
        let secret = SubscriptionSecret::from_bytes(b"key").unwrap();
        let poll = |counter: usize| SignatureBytes::decode(&secret.sign(&counter.to_le_bytes())).unwrap();
        for counter in 0..NAMES + 2 {
            recent.note_poll(&poll(counter));
        }
        assert!(!recent.was_poll(&poll(0)) && recent.was_poll(&poll(2)));
        assert_eq!(lock(&recent.polls).known.len(), NAMES);
    }
}
