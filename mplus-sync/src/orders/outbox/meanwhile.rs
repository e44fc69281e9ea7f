//! Waits for one thing while others are under way.

use std::pin::pin;

use futures_util::future::{Either, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Goes on with what is under way until `wanted` is there, and hands over what ends meanwhile. What is under way may hold what
/// `wanted` waits for: a place in line, the turn to write.
pub(super) async fn meanwhile<F: Future, T>(
    running: &mut FuturesUnordered<F>,
    mut ended: impl FnMut(F::Output),
    wanted: impl Future<Output = T>,
) -> T {
    let mut wanted = pin!(wanted);
    loop {
        let next = async {
            match running.next().await {
                Some(done) => done,
                None => pending().await,
            }
        };
        match select(wanted.as_mut(), pin!(next)).await {
            Either::Left((there, _)) => return there,
            Either::Right((done, _)) => ended(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use futures_util::FutureExt;
    use tokio::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn what_is_under_way_goes_on_and_gives_free_what_is_waited_for() {
        let (turn, writes) = (Mutex::new(()), Cell::new(0));
        let mut running: FuturesUnordered<_> = (0..3)
            .map(|_| async {
                let _turn = turn.lock().await;
                // Somebody else has to be polled before it goes on.
                tokio::task::yield_now().await;
                writes.set(writes.get() + 1);
            })
            .collect();
        assert!(running.next().now_or_never().is_none());
        let mut ended = 0;
        let wanted = async {
            let _turn = turn.lock().await;
            writes.get()
        };
        assert_eq!(meanwhile(&mut running, |()| ended += 1, wanted).await, 3);
        assert_eq!(ended + running.len(), 3, "each is heard of once");
    }

    #[test]
    fn where_nothing_is_under_way_it_is_waited_for_alone() {
        let mut running = FuturesUnordered::<std::future::Ready<()>>::new();
        assert_eq!(meanwhile(&mut running, |()| {}, ready(7)).now_or_never(), Some(7));
        assert_eq!(meanwhile(&mut running, |()| {}, pending::<()>()).now_or_never(), None);
    }
}
