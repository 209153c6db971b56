//! Random operations where there is no KVM: on two shims, and on one that is wrong on purpose.

use sve_state_harness::conformance::{Answer, Host, Op, ShimHost, Vcpu};
use sve_state_harness::differential::{Life, Options, Outcome, Replay, replay, run};
use sve_state_harness::lengths::Lengths;

const P3: u64 = 0x6050_0000_0015_0460;
const Z31: u64 = 0x6080_0000_0015_03e0;
const FPCR: u64 = 0x6020_0000_0010_00d5;

fn options(operations: usize) -> Options {
    Options {
        operations,
        seed: 1,
        vq: None,
    }
}

fn compare(wrong: Fault, options: Options) -> Outcome {
    run(
        &mut [&mut ShimHost(Lengths::ALL), &mut Wrong(wrong)],
        options,
        &mut |_| (),
    )
    .unwrap()
}

#[test]
fn two_shims_give_the_same_answers_of_every_kind_at_every_vector_length() {
    let outcome = compare(|_, _, answer| answer, options(20_000));
    assert!(outcome.differences.is_empty(), "{}", outcome.differences[0]);
    let vqs: Vec<u32> = outcome.operations.keys().copied().collect();
    assert_eq!(vqs, (0..=16).collect::<Vec<_>>());
    assert!(outcome.operations.values().all(|n| *n > 300), "{outcome:?}");
    let kinds: Vec<&str> = outcome.answers.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["EINVAL", "ENOENT", "ENOEXEC", "EPERM", "success"]);
    assert!(outcome.answers.values().all(|n| *n > 100), "{outcome:?}");
    let sum = |counts: Vec<&usize>| counts.into_iter().sum::<usize>();
    let operations = sum(outcome.operations.values().collect());
    assert!(operations >= 20_000);
    assert_eq!(sum(outcome.answers.values().collect()), operations);
    // Most vCPUs are brought up, and there are two hosts.
    assert!(outcome.round_trips > outcome.vcpus, "{outcome:?}");
}

/// A vCPU that is right until it is restored to, at which random operations do not look.
#[test]
fn a_state_that_does_not_come_back_is_found() {
    fn restored(before: &[Op]) -> bool {
        const Z0: u64 = 0x6080_0000_0015_0000;
        let sets = before.iter().filter(|op| matches!(op, Op::Set(..)));
        let sets: Vec<_> = sets.map(|op| matches!(op, Op::Set(Z0, _))).collect();
        // VLS, Z0, and so on to FPCR.
        before.len() > 50 && sets.len() == 1 + 49 + 2 && sets[1]
    }
    let outcome = compare(
        |before, op, answer| match (op, answer) {
            (Op::Get(Z31), Answer::Bytes(mut bytes)) if restored(before) => {
                bytes[0] ^= 1;
                Answer::Bytes(bytes)
            }
            (_, answer) => answer,
        },
        options(3_000),
    );
    assert!(!outcome.differences.is_empty());
    for difference in outcome.differences {
        let what = "there and back on wrong: the snapshot of what was restored is another one";
        assert!(difference.ends_with(what), "{difference}");
    }
}

#[test]
fn the_same_seed_gives_the_same_operations_and_another_one_others() {
    let life = |seed| Life { seed, vq: 3 }.operations(Lengths::ALL);
    assert_eq!(life(1), life(1));
    assert_ne!(life(1), life(2));
    let only = Options {
        vq: Some(5),
        ..options(3_000)
    };
    let outcome = compare(|_, _, answer| answer, only);
    let most = outcome.operations.iter().max_by_key(|(_, n)| **n);
    assert_eq!(most.map(|(vq, _)| *vq), Some(5));
}

#[test]
fn a_host_with_fewer_vector_lengths_has_vcpus_of_each() {
    for host in Lengths::HOSTS {
        let (one, other) = (&mut ShimHost(host), &mut ShimHost(host));
        let outcome = run(&mut [one, other], options(20_000), &mut |_| ()).unwrap();
        assert!(outcome.differences.is_empty(), "{}", outcome.differences[0]);
        let vqs = outcome.operations.keys().copied().filter(|vq| *vq > 0);
        assert!(vqs.eq(host.vqs()), "{host}: {:?}", outcome.operations);
    }
}

/// What a wrong vCPU makes of an answer, given the operations before it.
type Fault = fn(&[Op], &Op, Answer) -> Answer;

/// Each fault is found, and only what it takes to show it is left.
#[test]
fn faults_are_found_and_shrunk() {
    let faults: [(&str, Fault, usize); 4] = [
        // INIT, FINALIZE, SET, GET.
        ("a SET that reaches another register", reaches_z31, 4),
        // INIT, GET or SET.
        ("the wrong errno", wrong_errno, 2),
        // A GET.
        ("a failed GET that writes", writes_to_the_buffer, 1),
        // INIT, SET, GET.
        ("a failed SET that leaves something", leaves_fpcr, 3),
    ];
    for (what, fault, needed) in faults {
        let mut differences = compare(fault, options(20_000)).differences;
        // What shows only where a state is restored is no sequence that could be shrunk.
        differences.retain(|text| !text.contains("there and back"));
        assert!(!differences.is_empty(), "{what}: not found");
        for text in differences {
            let performed = text.lines().filter(|l| !l.starts_with(' ')).count();
            assert_eq!(performed, needed, "{what}:\n{text}");
            // What it says to repeat shows the same, and on a vCPU that is right shows nothing.
            let (_, spec) = text.rsplit_once("--replay ").unwrap();
            let spec: Replay = spec.parse().unwrap();
            let again = |fault| {
                replay(&mut [&mut ShimHost(Lengths::ALL), &mut Wrong(fault)], &spec).unwrap()
            };
            assert_eq!(again(fault), (needed, Some(text)));
            assert_eq!(again(|_, _, answer| answer), (needed, None));
        }
    }
}

fn reaches_z31(before: &[Op], op: &Op, answer: Answer) -> Answer {
    let reached = before.iter().any(|op| matches!(op, Op::Set(P3, _)));
    match (op, answer) {
        (Op::Get(Z31), Answer::Bytes(mut bytes)) if reached => {
            bytes[0] ^= 1;
            Answer::Bytes(bytes)
        }
        (_, answer) => answer,
    }
}

fn wrong_errno(_: &[Op], op: &Op, answer: Answer) -> Answer {
    match (op, answer) {
        (Op::Get(id) | Op::Set(id, _), Answer::Errno(2)) if id >> 16 & 0xfff == 0x15 => {
            Answer::Errno(1)
        }
        (_, answer) => answer,
    }
}

fn writes_to_the_buffer(_: &[Op], op: &Op, answer: Answer) -> Answer {
    match (op, answer) {
        (Op::Get(_), Answer::Errno(22 | 8)) => Answer::Scribbled(22, vec![0]),
        (_, answer) => answer,
    }
}

fn leaves_fpcr(before: &[Op], op: &Op, answer: Answer) -> Answer {
    let left = before
        .iter()
        .any(|op| matches!(op, Op::Set(id, _) if *id >> 56 != 0x60));
    match (op, answer) {
        (Op::Get(FPCR), Answer::Bytes(_)) if left => Answer::Bytes(vec![0xff; 4]),
        (_, answer) => answer,
    }
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    for (text, why) in [
        ("", "not SEED:VQ:N,N"),
        ("1:2", "not SEED:VQ"),
        ("1:0:3", "VQ is 1 to 16"),
        ("1:17:3", "VQ is 1 to 16"),
        ("x:3:3", "two numbers"),
        ("1:3:3,", "not SEED:VQ:N,N"),
    ] {
        let error = text.parse::<Replay>().unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    let spec: Replay = "1:3:0,100000".parse().unwrap();
    assert_eq!(spec.to_string(), "1:3:0,100000");
    let error = replay(
        &mut [&mut ShimHost(Lengths::ALL), &mut ShimHost(Lengths::ALL)],
        &spec,
    )
    .unwrap_err();
    assert!(
        error.starts_with("operation 100000: the last one is "),
        "{error}"
    );
}

/// The shim, with a fault.
struct Wrong(Fault);

struct WrongVcpu {
    vcpu: Box<dyn Vcpu>,
    fault: Fault,
    before: Vec<Op>,
}

impl Host for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn lengths(&self) -> Lengths {
        Lengths::ALL
    }

    fn create(&mut self) -> Result<Box<dyn Vcpu>, String> {
        Ok(Box::new(WrongVcpu {
            vcpu: ShimHost(Lengths::ALL).create()?,
            fault: self.0,
            before: Vec::new(),
        }))
    }
}

impl Vcpu for WrongVcpu {
    fn perform(&mut self, op: &Op) -> Answer {
        let answer = (self.fault)(&self.before, op, self.vcpu.perform(op));
        self.before.push(op.clone());
        answer
    }
}
