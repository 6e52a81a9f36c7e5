//! What was looked up, for a while: one lookup at a time for each key, failures remembered too, and not too many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a failed lookup is not tried again.
pub(crate) const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Answers by key.
#[derive(Debug)]
pub(crate) struct Book<K, V> {
    pages: Mutex<HashMap<K, Page<V>>>,
    /// How many there may be.
    limit: usize,
}

type Page<V> = Arc<tokio::sync::Mutex<Option<Entry<V>>>>;

#[derive(Debug)]
struct Entry<V> {
    /// `None`: it could not be had.
    value: Option<V>,
    until: Instant,
}

impl<K: Hash + Eq + Clone, V: Clone> Book<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { pages: Mutex::default(), limit }
    }

    /// What is known, or what the lookup says: a value with the time for which it is good. A failed lookup keeps what
    /// was known before, and is not tried again for [`AFTER_FAILURE`].
    ///
    /// Who comes while another one looks up waits for that one; who waits no longer loses nothing.
    pub(crate) async fn get<E>(&self, key: &K, lookup: impl Future<Output = Result<(V, Duration), E>>) -> Option<V> {
        let page = self.page(key);
        let mut entry = page.lock().await;
        if let Some(known) = entry.as_ref().filter(|known| known.until > Instant::now()) {
            return known.value.clone();
        }
        let (value, keep) = match lookup.await {
            Ok((value, keep)) => (Some(value), keep),
            Err(_) => (entry.take().and_then(|known| known.value), AFTER_FAILURE),
        };
        *entry = Some(Entry { value: value.clone(), until: Instant::now() + keep });
        value
    }

    /// Notes something that was learnt by the way.
    pub(crate) fn note(&self, key: &K, value: V, keep: Duration) {
        let page = self.page(key);
        // Whoever looks it up right now will know it as well.
        if let Ok(mut entry) = page.try_lock() {
            *entry = Some(Entry { value: Some(value), until: Instant::now() + keep });
        }
    }

    fn page(&self, key: &K) -> Page<V> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = pages.get(key) {
            return Arc::clone(page);
        }
        if pages.len() >= self.limit {
            let now = Instant::now();
            // Those that somebody reads right now stay.
            let is_good = |page: &Page<V>| {
                page.try_lock().map_or(true, |entry| entry.as_ref().is_some_and(|entry| entry.until > now))
            };
            pages.retain(|_, page| Arc::strong_count(page) > 1 || is_good(page));
            if pages.len() >= self.limit {
                pages.retain(|_, page| Arc::strong_count(page) > 1);
            }
        }
        Arc::clone(pages.entry(key.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const HOUR: Duration = Duration::from_hours(1);

    async fn look(
        book: &Book<u32, &'static str>,
        asked: &AtomicUsize,
        answer: Result<&'static str, ()>,
    ) -> Option<&'static str> {
        book.get(&1, async {
            asked.fetch_add(1, Relaxed);
            answer.map(|value| (value, HOUR))
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_its_time_and_a_failure_for_a_minute() {
        let (book, asked) = (Book::new(10), AtomicUsize::new(0));
        assert_eq!(look(&book, &asked, Err(())).await, None);
        assert_eq!(look(&book, &asked, Ok("a")).await, None, "not asked again at once");
        tokio::time::advance(AFTER_FAILURE).await;
        assert_eq!(look(&book, &asked, Ok("a")).await, Some("a"));
        assert_eq!(look(&book, &asked, Ok("b")).await, Some("a"));
        tokio::time::advance(HOUR).await;
        assert_eq!(look(&book, &asked, Err(())).await, Some("a"), "better old than nothing");
        tokio::time::advance(AFTER_FAILURE).await;
        assert_eq!(look(&book, &asked, Ok("b")).await, Some("b"));
        assert_eq!(asked.load(Relaxed), 4);
    }

    #[tokio::test]
    async fn those_who_ask_together_share_one_lookup() {
        let (book, asked) = (Book::new(10), AtomicUsize::new(0));
        let slow = || {
            book.get(&1, async {
                asked.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, ()>(("a", HOUR))
            })
        };
        assert_eq!(tokio::join!(slow(), slow(), slow()), (Some("a"), Some("a"), Some("a")));
        assert_eq!(asked.load(Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_more_than_allowed() {
        let book = Book::new(10);
        for key in 0..100_u32 {
            book.note(&key, "x", HOUR);
            assert!(book.pages.lock().unwrap().len() <= 10);
        }
        assert_eq!(book.get(&99, async { Err::<_, ()>(()) }).await, Some("x"));
    }
}
