//! Appends on their way.

use super::*;

#[derive(Clone, Debug)]
enum InflightOp {
    Add { gap: u64, bytes: u64 },
    FreeTo { below_last: u64 },
    Reset,
}

fn inflight_op() -> impl Strategy<Value = InflightOp> {
    prop_oneof![
        8 => (0u64..3, 0u64..50).prop_map(|(gap, bytes)| InflightOp::Add { gap, bytes }),
        3 => (0u64..20).prop_map(|below_last| InflightOp::FreeTo { below_last }),
        1 => Just(InflightOp::Reset),
    ]
}

proptest! {
    /// etcd: tracker.TestInflightsAdd, tracker.TestInflightFreeTo, tracker.TestInflightsReset
    #[test]
    fn appends_in_flight_behave_like_a_list(
        msgs in 1usize..8, max_bytes in 0u64..200,
        ops in prop::collection::vec(inflight_op(), 1..60)
    ) {
        let mut inflights = Inflights::new(InflightLimits { msgs, bytes: max_bytes });
        let mut twin: Vec<(u64, u64)> = Vec::new();
        let mut last = 20;
        for op in ops {
            match op {
                InflightOp::Add { gap, bytes } => {
                    if inflights.is_full() {
                        continue;
                    }
                    last += gap;
                    inflights.add(last, bytes);
                    twin.push((last, bytes));
                }
                InflightOp::FreeTo { below_last } => {
                    inflights.free_to(last - below_last);
                    twin.retain(|(index, _)| *index > last - below_last);
                }
                InflightOp::Reset => {
                    inflights.reset();
                    twin.clear();
                }
            }
            let bytes: u64 = twin.iter().map(|(_, bytes)| bytes).sum();
            prop_assert_eq!((inflights.count(), inflights.bytes()), (twin.len(), bytes));
            let full = twin.len() == msgs || (max_bytes > 0 && bytes >= max_bytes);
            prop_assert_eq!(inflights.is_full(), full);
        }
    }
}

#[test]
fn a_sum_of_bytes_that_is_too_big_for_a_number_stays_full() {
    let mut inflights = Inflights::new(InflightLimits { msgs: 4, bytes: 100 });
    inflights.add(1, u64::MAX);
    inflights.add(2, u64::MAX);
    assert!(inflights.is_full());
    inflights.free_to(2);
    assert_eq!((inflights.count(), inflights.bytes(), inflights.is_full()), (0, 0, false));
}
