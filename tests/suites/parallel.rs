//! Does the same work on each of several things, on as many threads as the machine has processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The results, in the order of the things.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else { break };
            let result = work(item);
            results.lock().expect("no thread panics").push((n, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut results = results.into_inner().expect("no thread panics");
    results.sort_by_key(|(n, _)| *n);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_has_its_result_in_order() {
        let items = [30, 0, 20, 10];
        let slept = super::map(&items, |millis| {
            std::thread::sleep(std::time::Duration::from_millis(*millis));
            *millis
        });
        assert_eq!(slept, items);
        assert!(super::map(&[], |n: &u8| *n).is_empty());
    }
}
