//! Whatever is read of a vCPU, the way back gives the same bytes, over random states, random sets of
//! vector lengths, and vCPUs with SVE and without. `cargo harness kvm` does the same on Linux.

#![cfg(feature = "snapshot")]

use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{OneReg, SveState, Vls, Vq, reg_size, shim};

type Shim = shim::Vcpu<Box<[u8]>>;

/// Knuth's generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Bytes of which some are 0 and some 0xff, so that registers differ in where they end.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let byte = |random: &mut Self| match random.next() % 4 {
            0 => 0,
            1 => 0xff,
            _ => random.next().to_le_bytes()[0],
        };
        (0..len).map(|_| byte(self)).collect()
    }

    /// A host that can exist, which for each vector length has all smaller powers of two.
    fn host(&mut self) -> Vls {
        let max = self.next() % 16 + 1;
        let vqs = (1..=max).filter(|vq| *vq == max || vq.is_power_of_two() || self.next() % 2 == 0);
        let vqs = vqs.map(|vq| Vq::new(u32::try_from(vq).unwrap()).unwrap());
        vqs.collect()
    }
}

/// A vCPU that can exist, without SVE or with a set of its host's.
fn vcpu(host: Vls, vls: Vls) -> Finalized<Shim> {
    let mut vcpu = Shim::new(host).unwrap();
    if vls == Vls::EMPTY {
        vcpu.init_without_sve().unwrap();
        return Finalized::without_sve(vcpu);
    }
    vcpu.init_with_sve().unwrap();
    let mut vcpu = Initialized::new(vcpu);
    vcpu.set_vls(vls).unwrap();
    vcpu.finalize().unwrap()
}

/// The registers that it lists, read by the calls that a VMM makes.
fn registers(vcpu: &Shim) -> Vec<(u64, Vec<u8>)> {
    let ids = vcpu.reg_list().unwrap();
    ids.map(|id| {
        let mut bytes = vec![0xee; reg_size(id)];
        vcpu.get_one_reg(id, &mut bytes).unwrap();
        (id, bytes)
    })
    .collect()
}

#[test]
fn what_is_read_is_restored() {
    let mut random = Random(14);
    let mut kinds = [0, 0];
    for _ in 0..200 {
        let host = random.host();
        let sets: Vec<_> = host.iter().map(|max| host.narrowed_to(max)).collect();
        let vls = match random.next() % 4 {
            0 => Vls::EMPTY,
            _ => sets[usize::try_from(random.next()).unwrap() % sets.len()],
        };
        kinds[usize::from(vls == Vls::EMPTY)] += 1;
        let mut source = vcpu(host, vls).into_inner();
        for (id, bytes) in registers(&source) {
            // VLS can no longer be written.
            if id & 0xffff != 0xffff {
                source.set_one_reg(id, &random.bytes(bytes.len())).unwrap();
            }
        }
        let read = registers(&source);
        let source = match vls {
            Vls::EMPTY => Finalized::without_sve(source),
            _ => Finalized::new(source).unwrap(),
        };

        // An image, which has no FPSR and FPCR.
        let image = source.capture().unwrap();
        let mut target = vcpu(host, vls);
        target.restore(&image).unwrap();
        assert_eq!(target.capture().unwrap().as_bytes(), image.as_bytes());
        target.set_status(source.status().unwrap()).unwrap();
        assert_eq!(registers(target.vcpu()), read);
        // Into memory that held something else.
        let memory = random.bytes(image.as_bytes().len());
        let mut state = SveState::new(image.vq(), memory).unwrap();
        source.capture_into(&mut state).unwrap();
        assert_eq!(state.as_bytes(), image.as_bytes());

        // A snapshot, through bytes.
        let snapshot = source.snapshot().unwrap();
        let parsed = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
        assert_eq!(parsed, snapshot);
        let mut target = vcpu(host, vls);
        target.restore_snapshot(&parsed).unwrap();
        assert_eq!(registers(target.vcpu()), read);

        // Its registers.
        let list = read.iter().map(|(id, bytes)| (*id, bytes));
        assert_eq!(Snapshot::from_registers(list), Ok(snapshot));
    }
    assert!(kinds.iter().all(|n| *n > 30), "{kinds:?}");
}
