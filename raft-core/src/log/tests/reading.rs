//! Slices of the log.

use super::*;

/// etcd: TestIsOutOfBounds, TestSlice
#[test]
fn a_slice_reaches_over_the_end_of_the_storage() {
    // 101..=104 are in the storage, 105..=108 are not; each takes 4 bytes.
    let log = log_after(EntryId::new(1, 100), &[1; 4], &[1; 4]);
    for (range, max_size, expected) in [
        // Before the first entry.
        (99..101, u64::MAX, Err(Fetched::Compacted)),
        (100..101, u64::MAX, Err(Fetched::Compacted)),
        (100..109, 0, Err(Fetched::Compacted)),
        // Nothing is asked for.
        (101..101, u64::MAX, Ok(101..101)),
        (105..105, u64::MAX, Ok(105..105)),
        (109..109, u64::MAX, Ok(109..109)),
        // In the storage, over its end, and after it.
        (101..102, u64::MAX, Ok(101..102)),
        (101..105, u64::MAX, Ok(101..105)),
        (103..107, u64::MAX, Ok(103..107)),
        (104..106, u64::MAX, Ok(104..106)),
        (105..107, u64::MAX, Ok(105..107)),
        (108..109, u64::MAX, Ok(108..109)),
        (101..109, u64::MAX, Ok(101..109)),
        // The first comes in any case.
        (101..109, 0, Ok(101..102)),
        (104..109, 0, Ok(104..105)),
        (105..109, 0, Ok(105..106)),
        (104..109, 3, Ok(104..105)),
        // As many as fit, to the byte: within the storage, to its end, over it, and after it.
        (102..107, 7, Ok(102..103)),
        (102..107, 8, Ok(102..104)),
        (102..107, 11, Ok(102..104)),
        (102..107, 12, Ok(102..105)),
        (102..107, 15, Ok(102..105)),
        (102..107, 16, Ok(102..106)),
        (102..107, 19, Ok(102..106)),
        (102..107, 20, Ok(102..107)),
        (102..107, 100, Ok(102..107)),
        (105..109, 8, Ok(105..107)),
        (105..109, 15, Ok(105..108)),
        (105..109, 16, Ok(105..109)),
    ] {
        let found = read(&log, range.clone(), max_size);
        assert_eq!(found, expected.map(Vec::from_iter), "{range:?} in {max_size} bytes");
    }
}

#[test]
fn a_slice_is_the_same_wherever_the_storage_ends() {
    let sizes = [3usize, 0, 9, 1, 0, 4];
    let all: Vec<Entry> =
        (1..).zip(sizes).map(|(index, size)| Entry::new(1, index, vec![b'x'; size])).collect();
    for cut in 0..=all.len() {
        let mut storage = MemoryStorage::new();
        storage.append(&Entries::from(all[..cut].to_vec())).unwrap();
        let mut log = start(storage);
        all[cut..].iter().for_each(|entry| log.push(entry.clone()));
        for low in 1..=7 {
            for high in low..=7 {
                for max_size in 0..=50 {
                    let mut expected = all[low - 1..high - 1].to_vec();
                    while expected.len() > 1 && entries_encoded_size(&expected) > max_size {
                        expected.pop();
                    }
                    let mut out = Entries::new();
                    let range = low as u64..high as u64;
                    log.slice(range, max_size, ReadPurpose::Scan, &mut out).unwrap();
                    assert!(out.iter().eq(&expected), "{low}..{high} in {max_size}, cut {cut}");
                }
            }
        }
    }
}

/// etcd: TestScan
#[test]
fn reading_page_by_page_gives_every_entry_once() {
    for log in logs(&[1; 9]) {
        for page in 0..40 {
            let (mut next, mut pages) = (1, 0);
            while next <= 9 {
                let found = read(&log, next..10, page).unwrap();
                assert!(
                    !found.is_empty() && found.iter().copied().eq(next..next + found.len() as u64)
                );
                next += found.len() as u64;
                pages += 1;
            }
            assert_eq!(pages, 9u64.div_ceil((page / 4).max(1)), "pages of {page} bytes");
        }
    }
}

#[test]
fn a_slice_comes_after_what_the_caller_has_already() {
    let log = log(&[1, 1], &[1, 1]);
    let mut out = entries(9, &[5]);
    log.slice(2..4, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
    assert_eq!(ids(&out), [(9, 5), (2, 1), (3, 1)]);
}

#[test]
fn entries_from_the_end_on_are_none() {
    let log = log(&[1, 1], &[1]);
    for (from, max_size, expected) in
        [(1, u64::MAX, 1..4), (3, u64::MAX, 3..4), (1, 8, 1..3), (4, u64::MAX, 4..4), (9, 0, 9..9)]
    {
        let mut out = Entries::new();
        let fetched = log.entries_from(from, max_size, ReadPurpose::Scan, &mut out).unwrap();
        assert_eq!(fetched, Fetched::Done);
        assert!(out.iter().map(|entry| entry.index).eq(expected), "from {from}");
    }
}

#[test]
fn a_slice_shares_entries_and_copies_none() {
    let log = log(&[1, 1], &[1, 1]);
    let mut out = Entries::new();
    log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
    let mut again = Entries::new();
    log.slice(2..5, u64::MAX, ReadPurpose::Scan, &mut again).unwrap();
    assert_eq!(again.len(), 3);
    assert!(out.iter().skip(1).zip(&again).all(|(one, other)| core::ptr::eq(one, other)));
}

#[test]
fn what_the_storage_cannot_give_now_comes_later() {
    for (answer, expected) in [
        (StorageError::Compacted, Fetched::Compacted),
        (StorageError::LogTemporarilyUnavailable, Fetched::Later),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Err(answer));
        assert_eq!(read(&log, 1..5, u64::MAX), Err(expected));
        assert_eq!(read(&log, 4..5, u64::MAX), Ok(vec![4]), "unstable entries need no storage");
    }
}

#[test]
fn a_read_that_fails_is_an_error_and_gives_nothing() {
    for (answer, expected) in [
        (failure(), FAILURE),
        (StorageError::Unavailable, "requested entry at index is unavailable"),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Err(answer));
        let mut out = Entries::new();
        let result = log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out);
        assert_eq!(result.unwrap_err().to_string(), expected);
        assert!(out.is_empty());
    }
}

#[test]
fn a_storage_that_gives_other_entries_than_those_asked_for_is_found_out() {
    let shifted = "storage broke its contract: entries are not those asked for";
    let number = "storage broke its contract: entries are fewer than one or more than asked for";
    let mut torn = entries(1, &[1]);
    torn.extend_from(&entries(3, &[2]));
    let doubled = [1, 1, 3].map(|index| Entry::new(1, index, "")).into_iter().collect();
    for (answer, expected) in [
        (Entries::new(), number),
        (entries(1, &[1, 1, 2, 2]), number),
        (entries(2, &[1, 2]), shifted),
        (entries(0, &[1, 1]), shifted),
        (torn, shifted),
        (doubled, shifted),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Ok(answer.clone()));
        let mut out = Entries::new();
        let result = log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out);
        assert_eq!(result.unwrap_err().to_string(), expected, "for {answer:?}");
        assert!(out.is_empty(), "nothing of {answer:?} comes through");
    }
}

#[test]
fn a_storage_may_give_fewer_entries_than_fit_and_then_no_later_one_follows() {
    let mut log = scripted();
    log.storage_mut().entries = Some(Ok(entries(1, &[1, 1])));
    assert_eq!(read(&log, 1..5, u64::MAX), Ok(vec![1, 2]));
}

/// A message without a term can make them fall, under etcd's rules.
#[test]
fn a_storage_is_not_to_blame_for_the_terms_that_it_was_given() {
    let mut log = scripted();
    let mut falling = entries(1, &[2, 1]);
    falling.extend_from(&entries(3, &[0]));
    log.storage_mut().entries = Some(Ok(falling));
    assert_eq!(read(&log, 1..5, u64::MAX), Ok(vec![1, 2, 3, 4]));
}
