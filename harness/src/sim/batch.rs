//! Many runs at once, on all cores, whose results come in the order of the runs all the same.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, mpsc};
use std::thread;

/// Calls `run` for each of `jobs` on so many threads, and `report` on this one, in the order of the jobs:
/// what is reported does not depend on the number of threads.
///
/// `jobs` is asked for the next one when a thread is free, so that it may end when time is over.
///
/// # Panics
/// When `run` does.
pub fn in_order<J: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    threads: NonZeroUsize,
    run: impl Fn(&J) -> R + Sync,
    mut report: impl FnMut(J, R),
) {
    let jobs = Mutex::new(jobs.enumerate());
    // A job that is over is taken from here only when all before it are over.
    let (finish, finished) = mpsc::channel();
    let work = |finish: mpsc::Sender<(usize, J, R)>| {
        loop {
            // In a statement of its own, so that nobody waits for the lock while the job runs.
            let next = jobs.lock().ok().and_then(|mut jobs| jobs.next());
            let Some((number, job)) = next else { return };
            let result = run(&job);
            if finish.send((number, job, result)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            let finish = finish.clone();
            scope.spawn(|| work(finish));
        }
        drop(finish);
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (number, job, result) in finished {
            early.insert(number, (job, result));
            while let Some((job, result)) = early.remove(&next) {
                report(job, result);
                next += 1;
            }
        }
    });
}

/// As many threads as the machine has cores for.
#[must_use]
pub fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for count in [1, 2, 7] {
            let mut results = Vec::new();
            in_order(3..50_u64, threads(count), |n| n * n, |n, square| results.push((n, square)));
            assert_eq!(results, (3..50).map(|n| (n, n * n)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_job_that_is_over_early_waits_for_those_before_it() {
        let (second_is_over, bell) = (Mutex::new(false), Condvar::new());
        let run = |job: &u8| {
            if *job == 1 {
                let over = second_is_over.lock().unwrap();
                drop(bell.wait_while(over, |over| !*over).unwrap());
            } else {
                *second_is_over.lock().unwrap() = true;
                bell.notify_all();
            }
        };
        let mut order = Vec::new();
        in_order([1, 2].into_iter(), threads(2), run, |job, ()| order.push(job));
        assert_eq!(order, [1, 2]);
    }

    #[test]
    fn no_jobs_no_reports() {
        in_order(0..0_u64, threads(3), |_| (), |_, ()| unreachable!("there is no job"));
    }
}
