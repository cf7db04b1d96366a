use rand_core::{Rng as _, SeedableRng as _};
use rand_xorshift::XorShiftRng;
use stateright::semantics::register::{Register as Reference, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester};

use super::*;

/// A register that is written and read.
struct Register;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write(u8),
    Read,
}

impl Model for Register {
    type State = u8;
    type Request = Call;
    type Answer = u8;

    fn step(state: &u8, request: &Call, answer: Option<&u8>) -> Option<u8> {
        let next = match request {
            Call::Write(value) => *value,
            Call::Read => *state,
        };
        answer.is_none_or(|answer| *answer == next).then_some(next)
    }
}

fn call(request: Call, called: u64, answered: Option<(u64, u8)>) -> Operation<Call, u8> {
    let (ended, answer) = answered.unzip();
    Operation { called, ended, request, answer }
}

fn write(value: u8, called: u64, answered: u64) -> Operation<Call, u8> {
    call(Call::Write(value), called, Some((answered, value)))
}

fn read(value: u8, called: u64, answered: u64) -> Operation<Call, u8> {
    call(Call::Read, called, Some((answered, value)))
}

#[test]
fn a_read_sees_the_last_write_that_was_answered() {
    use Verdict::{Linearizable, NotLinearizable};
    let check = check::<Register>;
    assert_eq!(check(&[]), Linearizable);
    assert_eq!(check(&[write(1, 0, 1), read(1, 2, 3)]), Linearizable);
    assert_eq!(check(&[write(1, 0, 1), read(0, 2, 3)]), NotLinearizable);
    // While the write goes on, either.
    assert_eq!(check(&[write(1, 0, 9), read(0, 1, 2), read(1, 3, 4)]), Linearizable);
    assert_eq!(check(&[write(1, 0, 9), read(1, 1, 2), read(0, 3, 4)]), NotLinearizable);
}

#[test]
fn a_write_without_an_answer_may_take_effect_late_or_never() {
    use Verdict::{Linearizable, NotLinearizable};
    let check = check::<Register>;
    let lost = call(Call::Write(1), 0, None);
    assert_eq!(check(&[lost.clone(), read(0, 1, 2)]), Linearizable);
    assert_eq!(check(&[lost.clone(), read(0, 1, 2), read(1, 3, 4)]), Linearizable);
    assert_eq!(check(&[lost, read(1, 1, 2), read(0, 3, 4)]), NotLinearizable);
    // Not before it was called.
    let late = call(Call::Write(1), 5, None);
    assert_eq!(check(&[late, read(1, 1, 2)]), NotLinearizable);
}

#[test]
fn an_end_without_an_answer_is_a_bound() {
    use Verdict::{Linearizable, NotLinearizable};
    let check = check::<Register>;
    let seen = |called, ended| Operation { ended, ..call(Call::Write(1), called, None) };
    assert_eq!(check(&[seen(0, Some(5)), read(0, 1, 2), read(1, 6, 7)]), Linearizable);
    assert_eq!(check(&[seen(0, Some(5)), read(0, 6, 7)]), NotLinearizable);
    // What is seen before it is asked for has no explanation.
    assert_eq!(check(&[read(1, 1, 2), seen(3, Some(2))]), NotLinearizable);
}

#[test]
fn a_search_that_is_too_long_is_given_up() {
    let mut history: Vec<_> = (1..60).map(|value| call(Call::Write(value), 0, None)).collect();
    history.extend((1..10).map(|at| write(100, 10 * at, 10 * at + 5)));
    history.push(read(99, 200, 201));
    assert_eq!(check::<Register>(&history), Verdict::Undecided);
}

/// Whether a random history of three clients is linearizable, as we and as stateright see it. Some
/// requests are never answered.
fn random_history(seed: u64) -> (bool, bool) {
    let mut rng = XorShiftRng::seed_from_u64(seed);
    let mut below = move |n: u64| rng.next_u64() % n;
    let mut reference = LinearizabilityTester::new(Reference(0));
    let mut history: Vec<Operation<Call, u8>> = Vec::new();
    let mut open = [None; 3];
    for at in 0..4 + below(12) {
        let client = below(3) as usize;
        let value = below(3) as u8;
        let Some(place) = open[client].take() else {
            let request = if below(2) == 0 { Call::Write(value) } else { Call::Read };
            let op = match request {
                Call::Write(value) => RegisterOp::Write(value),
                Call::Read => RegisterOp::Read,
            };
            reference.on_invoke(client, op).expect("nothing of this client is out");
            open[client] = Some(history.len());
            history.push(call(request, at, None));
            continue;
        };
        let operation: &mut Operation<Call, u8> = &mut history[place];
        operation.ended = Some(at);
        let answer = match operation.request {
            Call::Write(value) => (value, RegisterRet::WriteOk),
            Call::Read => (value, RegisterRet::ReadOk(value)),
        };
        operation.answer = Some(answer.0);
        reference.on_return(client, answer.1).expect("this client has asked");
    }
    (check::<Register>(&history) == Verdict::Linearizable, reference.is_consistent())
}

#[test]
fn we_and_stateright_see_the_same_histories_as_linearizable() {
    let mut verdicts = [0, 0];
    for seed in 0..3000 {
        let (ours, theirs) = random_history(seed);
        assert_eq!(ours, theirs, "seed {seed}");
        verdicts[usize::from(ours)] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 500), "{verdicts:?}");
}
