//! What is asked for at the same time is asked for together.
//!
//! A question that comes alone is asked at once. Those that come while others are being asked wait for these, and are one question
//! then: the busier a process, the fewer its statements. Each is answered by what is there after it was asked, as if it had been
//! alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;

use super::StoreError;

/// How many go together at most.
const MOST: usize = 64;
/// How many groups are under way at once: one that hangs does not keep all others back.
const LINES: usize = 2;

/// Collects questions of one kind. Whoever asks has to go on waiting until the answer is there, or give up: a question that is
/// neither waited for nor dropped keeps its group's place, and others wait behind it.
pub(crate) struct Together<Q, A> {
    lines: Arc<Semaphore>,
    /// Those that wait to be asked.
    next: Mutex<Option<Group<Q, A>>>,
}

/// A group that may be joined, as long as somebody waits for it.
struct Group<Q, A> {
    questions: Questions<Q>,
    answers: WeakShared<Asked<A>>,
}

/// The questions of a group, none in the place of one that nobody waits for any more; none at all once they are being asked.
type Questions<Q> = Arc<Mutex<Option<Vec<Option<Q>>>>>;
/// The answers in the places of their questions; none where the group failed.
type Answers<A> = Arc<Mutex<Vec<Option<A>>>>;
type Asked<A> = BoxFuture<'static, Answers<A>>;

/// A question's place in its group, as long as somebody waits for the answer.
struct Place<Q> {
    questions: Questions<Q>,
    number: usize,
}

impl<Q> Drop for Place<Q> {
    fn drop(&mut self) {
        if let Some(question) = lock(&self.questions).as_mut().and_then(|all| all.get_mut(self.number)) {
            *question = None;
        }
    }
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self { lines: Arc::new(Semaphore::new(LINES)), next: Mutex::new(None) }
    }
}

impl<Q: Clone + Send + 'static, A: Send + 'static> Together<Q, A> {
    /// Has a question answered by `answer`, which takes several and answers them in their order. Where it fails for all of them,
    /// each is asked by itself: one that cannot be answered spoils no other.
    pub(crate) async fn ask<F>(
        &self,
        question: Q,
        answer: impl Fn(Vec<Q>) -> F + Clone + Send + Sync + 'static,
    ) -> Result<A, StoreError>
    where
        F: Future<Output = Result<Vec<A>, StoreError>> + Send + 'static,
    {
        let (place, answers) = self.join(question.clone(), answer.clone());
        let answered = answers.await;
        let mine = lock(&answered).get_mut(place.number).and_then(Option::take);
        match mine {
            Some(answered) => Ok(answered),
            None => {
                // A database that fails is not asked for everything at once. The lines are never closed.
                let _line = self.lines.acquire().await;
                answer(vec![question]).await?.pop().ok_or_else(unanswered)
            }
        }
    }

    fn join<F>(
        &self,
        question: Q,
        answer: impl Fn(Vec<Q>) -> F + Send + Sync + 'static,
    ) -> (Place<Q>, Shared<Asked<A>>)
    where
        F: Future<Output = Result<Vec<A>, StoreError>> + Send + 'static,
    {
        let mut next = lock(&self.next);
        if let Some(group) = &*next
            && let Some(answers) = group.answers.upgrade()
            && let Some(waiting) = lock(&group.questions).as_mut().filter(|waiting| waiting.len() < MOST)
        {
            waiting.push(Some(question));
            let place = Place { questions: Arc::clone(&group.questions), number: waiting.len() - 1 };
            return (place, answers);
        }
        let questions: Questions<Q> = Arc::new(Mutex::new(Some(vec![Some(question)])));
        let asked = ask_all(Arc::clone(&self.lines), Arc::clone(&questions), answer).boxed().shared();
        let group = |answers| Group { questions: Arc::clone(&questions), answers };
        *next = asked.downgrade().map(group);
        (Place { questions, number: 0 }, asked)
    }
}

/// Waits for its turn, and asks what has come until then.
async fn ask_all<Q, A, F>(
    lines: Arc<Semaphore>,
    questions: Questions<Q>,
    answer: impl Fn(Vec<Q>) -> F,
) -> Answers<A>
where
    F: Future<Output = Result<Vec<A>, StoreError>>,
{
    // It is never closed.
    let _line = lines.acquire().await;
    let questions = lock(&questions).take().unwrap_or_default();
    let mut answers: Vec<Option<A>> = questions.iter().map(|_| None).collect();
    let (places, wanted): (Vec<usize>, Vec<Q>) =
        questions.into_iter().enumerate().filter_map(|(place, question)| Some((place, question?))).unzip();
    // Each of them is asked by itself after a failure, and hears of it then.
    for (place, answered) in places.into_iter().zip(answer(wanted).await.unwrap_or_default()) {
        answers[place] = Some(answered);
    }
    Arc::new(Mutex::new(answers))
}

fn unanswered() -> StoreError {
    StoreError::new(super::StoreErrorKind::Invalid, "answer a question").with_source("there was no answer")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join, join_all, pending};
    use futures_util::pin_mut;
    use tokio::sync::Notify;

    use super::*;
    use crate::store::StoreErrorKind;

    /// Answers with ten times the number, and keeps what was asked together. Waits for a word before each answer.
    #[derive(Clone, Default)]
    struct Store {
        asked: Arc<Mutex<Vec<Vec<u64>>>>,
        word: Arc<Notify>,
    }

    impl Store {
        async fn answer(self, questions: Vec<u64>) -> Result<Vec<u64>, StoreError> {
            lock(&self.asked).push(questions.clone());
            self.word.notified().await;
            if questions.len() > 1 && questions.contains(&13) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "answer"));
            }
            Ok(questions.into_iter().map(|number| number * 10).collect())
        }

        async fn ask(&self, together: &Together<u64, u64>, number: u64) -> Result<u64, StoreError> {
            let store = self.clone();
            together.ask(number, move |all| store.clone().answer(all)).await
        }

        fn asked(&self) -> Vec<Vec<u64>> {
            lock(&self.asked).clone()
        }

        /// Gives the word for so many answers.
        async fn answers(&self, times: usize) {
            for _ in 0..times {
                self.word.notify_one();
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn a_question_that_comes_alone_is_asked_at_once_and_those_that_come_meanwhile_together() {
        let (store, together) = (Store::default(), Together::default());
        let asking = join_all((1..=6).map(|number| store.ask(&together, number)));
        let (answers, ()) = join(asking, store.answers(4)).await;
        let answers: Vec<u64> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [10, 20, 30, 40, 50, 60]);
        assert_eq!(store.asked(), [vec![1], vec![2], vec![3, 4, 5, 6]]);
    }

    #[tokio::test]
    async fn where_a_group_fails_each_is_asked_by_itself() {
        let (store, together) = (Store::default(), Together::default());
        let asking = join_all([1, 2, 13, 4].map(|number| store.ask(&together, number)));
        let (answers, ()) = join(asking, store.answers(6)).await;
        assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [10, 20, 130, 40]);
        assert_eq!(store.asked(), [vec![1], vec![2], vec![13, 4], vec![13], vec![4]]);
    }

    #[tokio::test]
    async fn those_of_a_group_that_failed_are_not_asked_all_at_once() {
        let (store, together) = (Store::default(), Together::default());
        let asking = join_all([1, 2, 13, 4, 5, 6].map(|number| store.ask(&together, number)));
        let answering = async {
            store.answers(3).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(store.asked(), [vec![1], vec![2], vec![13, 4, 5, 6], vec![13], vec![4]]);
            store.answers(4).await;
        };
        let (answers, ()) = join(asking, answering).await;
        assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [10, 20, 130, 40, 50, 60]);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_asked_and_whoever_began_it_may_leave() {
        let (store, together) = (Store::default(), Together::default());
        let busy = join_all((1..=2).map(|number| store.ask(&together, number)));
        pin_mut!(busy);
        assert!(busy.as_mut().now_or_never().is_none());
        {
            let left = store.ask(&together, 3);
            pin_mut!(left);
            assert!(left.as_mut().now_or_never().is_none());
        }
        let (answer, _) = join(store.ask(&together, 4), join(busy, store.answers(3))).await;
        assert_eq!(answer.unwrap(), 40);
        assert_eq!(store.asked(), [vec![1], vec![2], vec![4]]);
    }

    #[tokio::test]
    async fn one_that_hangs_keeps_no_others_back() {
        let (store, together) = (Store::default(), Together::default());
        let hangs = together.ask(1, |_| pending());
        pin_mut!(hangs);
        assert!(hangs.as_mut().now_or_never().is_none());
        let (answer, ()) = join(store.ask(&together, 2), store.answers(1)).await;
        assert_eq!(answer.unwrap(), 20);
    }

    #[tokio::test]
    async fn a_question_that_everybody_has_given_up_is_dropped() {
        let together = Together::<u64, u64>::default();
        let waits = Arc::new(());
        {
            let held = Arc::clone(&waits);
            let hangs = together.ask(1, move |_| {
                let held = Arc::clone(&held);
                async move {
                    let () = pending().await;
                    drop(held);
                    Ok(Vec::new())
                }
            });
            pin_mut!(hangs);
            assert!(hangs.as_mut().now_or_never().is_none());
            assert!(Arc::strong_count(&waits) > 1);
        }
        assert_eq!(Arc::strong_count(&waits), 1);
    }
}
