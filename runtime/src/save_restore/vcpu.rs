//! The VMM's side: vector lengths, finalization, capture and restore, in the order that KVM wants.
//!
//! KVM answers `EPERM` if VLS is written too late or a Z register is read too early. Here neither compiles, provided that a
//! vCPU is wrapped in the type of its stage: an [`Initialized`] one has vector lengths to choose and no registers yet, and a
//! [`Finalized`] one has registers and vector lengths that no longer change.
//!
//! If a vCPU is at another [`Stage`] than it was wrapped for, the call that fails says so. To find that out it makes a few
//! more GETs (at most five, of VLS, Z0 and FPSR, none of which changes anything), as does a step that finds its work done
//! already. An error's reason and remedy depend on the vCPU's errnos, which it gets from [`OneReg::errno`].
//!
//! ```
//! # use sve_state::shim::Vcpu;
//! # use sve_state::{SveState, Vls, Vq, vcpu::Initialized};
//! # let new_vcpu = || { let mut vcpu = Vcpu::new(Vls::up_to(Vq::ARCH_MAX)).unwrap();
//! #     vcpu.init_with_sve().unwrap(); vcpu };
//! // A vCPU after KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_SVE, narrowed to 256 bits. It is borrowed, so
//! // that it stays the VMM's own.
//! let mut vcpu = new_vcpu();
//! let mut source = Initialized::new(&mut vcpu);
//! let vls = source.vls()?.narrowed_to(Vq::new(2)?);
//! source.set_vls(vls)?;
//! let source = source.finalize()?;
//!
//! // It runs; then it is captured, in one allocation. A VMM that has finalized its vCPU itself starts
//! // here, with `Finalized::new(&mut vcpu)`.
//! let state = source.capture()?;
//!
//! // Elsewhere: the same vector lengths first, then the registers.
//! let mut target = Initialized::new(new_vcpu());
//! target.set_vls(vls)?;
//! target.finalize()?.restore(&state)?;
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Ioctls
//!
//! For a seccomp filter, these are the ioctls that each call may make, including those that find out why it has failed.
//! Their numbers are 0x4010aeab (`KVM_GET_ONE_REG`), 0x4010aeac (`KVM_SET_ONE_REG`) and
//! 0x4004aec2 (`KVM_ARM_VCPU_FINALIZE`), from Linux's `include/uapi/linux/kvm.h`. (`capture`, `restore` and
//! the like make some of the calls of a snapshot.)
//!
//! | call | ioctls of the vCPU |
//! | --- | --- |
//! | [`Initialized::vls`] | KVM_GET_ONE_REG |
//! | [`Initialized::set_vls`] | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`Initialized::finalize`] | KVM_ARM_VCPU_FINALIZE, KVM_GET_ONE_REG |
//! | [`Initialized::finalize_if_sve`] | KVM_ARM_VCPU_FINALIZE, KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | `Initialized::restore_snapshot` | KVM_ARM_VCPU_FINALIZE, KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | `Initialized::restore_registers` | KVM_ARM_VCPU_FINALIZE, KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`Finalized::from_vcpu`] | KVM_GET_ONE_REG |
//! | [`Finalized::new`] | KVM_GET_ONE_REG |
//! | `Finalized::snapshot` | KVM_GET_ONE_REG |
//! | `Finalized::restore_snapshot` | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`Finalized::get`] | KVM_GET_ONE_REG |
//! | [`Finalized::set`] | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`Finalized::get_vector`] | KVM_GET_ONE_REG |
//! | [`Finalized::set_vector`] | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`Finalized::status`] | KVM_GET_ONE_REG |
//! | [`Finalized::set_status`] | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//! | [`gdb::read_vcpu`] | KVM_GET_ONE_REG |
//! | [`gdb::write_vcpu`] | KVM_GET_ONE_REG, KVM_SET_ONE_REG |
//!
//! `kvm::host_vls` makes a VM of its own, and asks /dev/kvm, that VM and its vCPU for KVM_CHECK_EXTENSION,
//! KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE, KVM_CREATE_VCPU, KVM_ARM_PREFERRED_TARGET, KVM_ARM_VCPU_INIT,
//! KVM_GET_ONE_REG. `kvm::vm_vls` asks the VM that it is given for KVM_CHECK_EXTENSION first.
//!
//! [`gdb::read_vcpu`]: crate::gdb::read_vcpu
//! [`gdb::write_vcpu`]: crate::gdb::write_vcpu

use super::error::SveError;
#[cfg(feature = "snapshot")]
use super::snapshot::{Allow, Snapshot};
use crate::SveState;
use crate::kvm_api::{Errno, FinalizeSve, OneReg, reg_size};
use crate::lengths::vls::{Vls, VlsError};
use crate::lengths::vq::Vq;
use crate::registers::layout::{ByteArray, Register, find};
use crate::registers::linux::RegId;
use crate::registers::{self, MAX_SLICE, past_end, without_predicates};
use crate::state::image::Storage;
use crate::{fpsimd, sve};

pub use super::single::Single;
pub use crate::kvm_api::refusal::{Call, Refusal};
pub use crate::kvm_api::stage::{Request, Stage};
pub use crate::registers::Status;

/// A vCPU after `KVM_ARM_VCPU_INIT` with the feature SVE and before finalization, whose vector lengths can be read
/// and narrowed, and whose registers do not exist yet. To capture or restore them, [`finalize`](Self::finalize) it,
/// because those are methods of [`Finalized`].
///
/// Three methods do all of it, also for a vCPU without SVE or one that is finalized already:
/// [`finalize_if_sve`](Self::finalize_if_sve) when it first boots, which finds out by itself whether it has SVE, and
/// `restore_snapshot` or `restore_registers` when it is restored, where the snapshot decides.
///
/// Pass `&mut vcpu`, or a `&VcpuFd`, to keep the vCPU whatever fails.
#[derive(Debug)]
pub struct Initialized<V> {
    vcpu: V,
}

impl<V: FinalizeSve> Initialized<V> {
    /// Wraps a vCPU that the caller has initialized but not finalized. This makes no call, so nothing is checked; if
    /// the vCPU is finalized, [`set_vls`](Self::set_vls) and [`finalize`](Self::finalize) fail with `EPERM`.
    pub fn new(vcpu: V) -> Self {
        Self { vcpu }
    }

    /// Its vector lengths, which are the host's unless narrowed. One GET.
    pub fn vls(&self) -> Result<Vls, SveError<V::Error>> {
        read_vls(&self.vcpu)
    }

    /// Writes its vector lengths, which must be the host's own up to a maximum. One SET; if KVM refuses it, nothing
    /// has changed, and GETs find out why.
    ///
    /// KVM judges each set by what the host has and not by what was written before, so a later one may be wider
    /// again.
    ///
    /// A vCPU that has run keeps its vector lengths wherever it moves, so if it is to move among hosts, start it with
    /// what [`Vls::common`] finds for all of them.
    pub fn set_vls(&mut self, vls: Vls) -> Result<(), SveError<V::Error>> {
        self.vcpu
            .set_one_reg(sve::VLS.id(), &vls.to_bytes())
            .map_err(|error| self.refused(vls, error))
    }

    /// Why KVM refused vector lengths.
    #[cold]
    fn refused(&self, vls: Vls, error: V::Error) -> SveError<V::Error> {
        let einval = self.vcpu.errno(&error) == Some(Errno::EINVAL);
        let failed = failed(&self.vcpu, Call::Set(RegId(sve::VLS.id())), error);
        let SveError::Call { refusal: None, .. } = &failed else {
            return failed;
        };
        let Some(vcpu) = vls_if_any(&self.vcpu) else {
            return failed;
        };
        // Up to its maximum, the vCPU's set is the host's own; what the host has past that, only KVM knows.
        if let Err(error) = vls.check_common(&vcpu) {
            return error.into();
        }
        match failed {
            SveError::Call { error, .. } if einval && vls.max() > vcpu.max() => SveError::Wider {
                wanted: vls,
                vcpu,
                error,
            },
            failed => failed,
        }
    }

    /// Fixes the vector lengths, with two calls: `KVM_ARM_VCPU_FINALIZE`, and a GET of VLS. If the second fails, the
    /// vCPU is finalized; go on with [`Finalized::new`].
    pub fn finalize(mut self) -> Result<Finalized<V>, SveError<V::Error>> {
        match self.vcpu.finalize_sve() {
            Ok(()) => Finalized::new(self.vcpu),
            Err(error) => Err(failed(&self.vcpu, Call::Finalize, error)),
        }
    }

    /// Takes a vCPU at its first boot from `KVM_ARM_VCPU_INIT` to where its registers exist, whether it was
    /// initialized with SVE or without.
    ///
    /// With SVE the vCPU gets the vector lengths `vls`, such as those that the hosts of a fleet have in
    /// [common](Vls::common), or the host's if `vls` is `None`; an empty set is refused. Without SVE there is nothing
    /// to choose, so `vls` must be `None` or an empty set.
    ///
    /// With SVE this makes two calls: a SET of VLS and `KVM_ARM_VCPU_FINALIZE` or, with `None`, the latter and a GET of
    /// VLS. Without SVE, the first call fails, and a few GETs find out why. A vCPU that is finalized already is taken
    /// as it is if its vector lengths are these, so this may be called again after a reboot of the guest, which is
    /// another `KVM_ARM_VCPU_INIT`. `restore_snapshot` says what holds after an error.
    pub fn finalize_if_sve(mut self, vls: Option<Vls>) -> Result<Finalized<V>, SveError<V::Error>> {
        match vls {
            Some(vls) if vls.is_empty() => match Finalized::from_vcpu(self.vcpu)? {
                vcpu if vcpu.has_sve() => Err(VlsError::Empty.into()),
                vcpu => Ok(vcpu),
            },
            Some(vls) => {
                let vq = vls.max().unwrap_or(Vq::MIN);
                self.finalize_with(vls)?;
                let vcpu = self.vcpu;
                Ok(Finalized { vcpu, vls, vq })
            }
            None => match self.vcpu.finalize_sve() {
                Ok(()) => Finalized::new(self.vcpu),
                Err(error) => match failed(&self.vcpu, Call::Finalize, error) {
                    SveError::Call {
                        refusal: Some(Refusal::NothingToFinalize),
                        ..
                    } => Ok(Finalized::without_sve(self.vcpu)),
                    SveError::Call {
                        refusal: Some(Refusal::FinalizedAlready),
                        ..
                    } => Finalized::new(self.vcpu),
                    failed => Err(failed),
                },
            },
        }
    }

    /// Writes VLS, then finalizes. VLS is read only if writing it was refused.
    fn finalize_with(&mut self, vls: Vls) -> Result<(), SveError<V::Error>> {
        match self.set_vls(vls) {
            Ok(()) => {
                let done = self.vcpu.finalize_sve();
                done.map_err(|error| failed(&self.vcpu, Call::Finalize, error))
            }
            Err(SveError::Call {
                refusal: Some(Refusal::VlsSettled),
                ..
            }) if vls_if_any(&self.vcpu).is_some_and(|vcpu| vcpu.is(&vls)) => Ok(()),
            refused => refused,
        }
    }

    /// Takes a vCPU all the way from `KVM_ARM_VCPU_INIT` to restored: vector lengths, finalization, registers, in the
    /// only order that works. The snapshot decides whether the vCPU must have SVE; a vCPU of the other kind, or with
    /// other vector lengths, is refused. The calls are a SET of VLS, `KVM_ARM_VCPU_FINALIZE` and 51 SETs or, without
    /// SVE, 34 SETs; two fewer if the snapshot has neither FPSR nor FPCR.
    ///
    /// A vCPU that is finalized already is taken if its vector lengths are the snapshot's, because it may come from a
    /// reboot of its guest, or from this call.
    ///
    /// # After an error
    ///
    /// The same call may be repeated on the same vCPU, whichever call failed, because it goes on from wherever the
    /// vCPU is. What else may be done depends on how far it came, which [`SveError::Call`] tells:
    ///
    /// | failed | the vCPU | may be given instead |
    /// | --- | --- | --- |
    /// | SET of VLS, or the error is [`SveError::SnapshotVls`] | is as it was | any snapshot; once it is finalized, snapshots of its own VLS |
    /// | `KVM_ARM_VCPU_FINALIZE` | has the snapshot's VLS, not finalized | any snapshot |
    /// | SET of a register | is finalized, if it has SVE; the registers before it are written | snapshots of the same VLS |
    #[cfg(feature = "snapshot")]
    pub fn restore_snapshot(
        mut self,
        snapshot: &Snapshot,
    ) -> Result<Finalized<V>, SveError<V::Error>> {
        let vls = snapshot.vls();
        let (vq, ready) = match vls.max() {
            Some(vq) => (vq, self.finalize_with(vls)),
            None => (Vq::MIN, Ok(())),
        };
        let vcpu = self.vcpu;
        let mut vcpu = Finalized { vcpu, vls, vq };
        match ready.and_then(|()| vcpu.restore_snapshot(snapshot)) {
            Ok(()) => Ok(vcpu),
            Err(error) => Err(other_lengths(&vcpu.vcpu, vls, error)),
        }
    }

    /// As [`restore_snapshot`](Self::restore_snapshot), from a list of registers, each with its ID and its bytes, as
    /// a VMM keeps them. The list may have all registers of the vCPU, of which those that a snapshot
    /// [keeps](crate::snapshot::Snapshot::keeps) are restored, and the others are passed over and stay the caller's
    /// to write. If the list makes no snapshot, nothing is written.
    ///
    /// ```
    /// # use sve_state::{FinalizeSve, OneReg, Vls, Vq, reg_size, shim::Vcpu};
    /// use sve_state::SveError;
    /// use sve_state::snapshot::Snapshot;
    /// use sve_state::vcpu::Initialized;
    ///
    /// fn restore<V>(mut vcpu: V, list: &[(u64, Vec<u8>)]) -> Result<(), SveError<V::Error>>
    /// where
    ///     V: FinalizeSve,
    /// {
    ///     let registers = list.iter().map(|(id, bytes)| (*id, bytes));
    ///     Initialized::new(&mut vcpu).restore_registers(registers)?;
    ///     for (id, bytes) in list.iter().filter(|(id, _)| !Snapshot::keeps(*id)) {
    ///         // vcpu.set_one_reg(*id, bytes), as before
    /// #       _ = (id, bytes);
    ///     }
    ///     Ok(())
    /// }
    /// # let new_vcpu = || { let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(4).unwrap())).unwrap();
    /// #     vcpu.init_with_sve().unwrap(); vcpu };
    /// # let (mut vcpu, mut target) = (new_vcpu(), new_vcpu());
    /// # Initialized::new(&mut vcpu).finalize()?;
    /// # let read = |vcpu: &Vcpu<Box<[u8]>>| -> Vec<(u64, Vec<u8>)> { vcpu.reg_list().unwrap().map(|id| {
    /// #     let mut bytes = vec![0; reg_size(id)]; vcpu.get_one_reg(id, &mut bytes).unwrap(); (id, bytes)
    /// # }).collect() };
    /// # restore(&mut target, &read(&vcpu))?;
    /// # assert_eq!(read(&target), read(&vcpu));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[cfg(feature = "snapshot")]
    pub fn restore_registers<B: AsRef<[u8]>>(
        self,
        registers: impl IntoIterator<Item = (u64, B)>,
    ) -> Result<Finalized<V>, SveError<V::Error>> {
        let allow = Allow::OTHERS;
        let snapshot = Snapshot::from_registers_allowing(allow, registers)?;
        self.restore_snapshot(&snapshot)
    }

    /// The vCPU itself.
    pub fn into_inner(self) -> V {
        self.vcpu
    }
}

const STATUS: [u64; 2] = [fpsimd::FPSR.id(), fpsimd::FPCR.id()];

/// A vCPU whose vector lengths no longer change and whose registers exist. To choose vector lengths, take a new vCPU,
/// because `set_vls` is a method of [`Initialized`], and a finalized vCPU refuses it.
#[derive(Debug)]
pub struct Finalized<V> {
    vcpu: V,
    /// Empty where SVE is off.
    vls: Vls,
    vq: Vq,
}

impl<V: OneReg> Finalized<V> {
    /// Wraps a vCPU of either kind, and finds out by itself whether it has SVE; one with SVE must be finalized. With
    /// SVE this is one GET, of VLS; if that fails, up to three more GETs find out why. The vCPU counts as one without
    /// SVE only if its [`errno`](OneReg::errno) shows that to be the reason; any other failure is an error.
    #[inline(never)] // It is called at the start of each step.
    pub fn from_vcpu(vcpu: V) -> Result<Self, SveError<V::Error>> {
        match read_vls(&vcpu) {
            Err(SveError::Call {
                refusal: Some(Refusal::WithoutSve),
                ..
            }) => Ok(Self::without_sve(vcpu)),
            vls => Self::with_vls(vcpu, vls?),
        }
    }

    fn with_vls(vcpu: V, vls: Vls) -> Result<Self, SveError<V::Error>> {
        let vq = vls.max().ok_or(VlsError::Empty)?;
        Ok(Self { vcpu, vls, vq })
    }

    /// Wraps a vCPU that the caller has finalized, with one GET, of VLS. That succeeds before finalization too, so a
    /// vCPU that is not finalized is noticed only at the first access to Z, P or FFR, which fails with `EPERM`.
    pub fn new(vcpu: V) -> Result<Self, SveError<V::Error>> {
        let vls = read_vls(&vcpu)?;
        Self::with_vls(vcpu, vls)
    }

    /// Wraps a vCPU that was initialized without SVE. Its 32 V registers are captured and restored in the place of Z,
    /// in an image of VQ 1, whose Z registers are as wide. P and FFR, which it does not have, are zero in an image
    /// captured from it, and must be zero in one that is restored to it.
    pub fn without_sve(vcpu: V) -> Self {
        Self {
            vcpu,
            vls: Vls::EMPTY,
            vq: Vq::MIN,
        }
    }

    /// Its vector lengths; none where SVE is off.
    pub fn vls(&self) -> Vls {
        self.vls
    }

    /// Its largest vector length, which decides the size of every register.
    pub fn vq(&self) -> Vq {
        self.vq
    }

    /// The vCPU itself, to run it or to reach single registers.
    pub fn vcpu(&mut self) -> &mut V {
        &mut self.vcpu
    }

    /// The vCPU itself.
    pub fn into_inner(self) -> V {
        self.vcpu
    }

    /// Reads the registers into a new image, with 49 GETs (32 without SVE) and one allocation.
    ///
    /// Keep the vCPU out of `KVM_RUN` from the first call to the last. A GET waits until `KVM_RUN` returns, so each
    /// register is whole, but a thread that runs the vCPU between two of them makes an image of two moments, without
    /// an error. A `VcpuFd` that is borrowed from the thread that runs it is not enough to prevent that, and neither
    /// is a raw descriptor.
    #[cfg(feature = "alloc")]
    pub fn capture(&self) -> Result<SveState<alloc::boxed::Box<[u8]>>, SveError<V::Error>> {
        let mut state = SveState::zeroed(self.vq).map_err(|_| self.mismatch(self.vq))?;
        self.read(state.as_bytes_mut())?;
        Ok(state)
    }

    /// Reads the registers into the caller's image, with 49 GETs (32 without SVE) and no allocation. If one fails, or
    /// if a register has bytes past the vector length, which no kernel should serve, the image holds the registers read
    /// before it, and nothing useful after them.
    pub fn capture_into<S>(&self, state: &mut SveState<S>) -> Result<(), SveError<V::Error>>
    where
        S: Storage + AsMut<[u8]>,
    {
        self.check_vq(state.vq())?;
        let image = state.as_bytes_mut();
        // Bytes that no call writes must not keep what was in the caller's memory.
        image.fill(0);
        self.read(image)
    }

    /// Reads the registers into an image of zeros and of this vCPU's VQ.
    #[inline(never)]
    fn read(&self, image: &mut [u8]) -> Result<(), SveError<V::Error>> {
        // In ascending order, each call's padding falls on registers that later calls read, so the kernel writes each
        // register where it belongs. From the first register on whose slice would leave the image, it writes to a
        // buffer instead, which has the image's last bytes and room for the padding after them.
        let (mut tail, mut from) = ([0; 2 * MAX_SLICE], image.len());
        let mut read = Ok(());
        for (id, bounds) in registers::all(self.has_sve(), self.vq) {
            let (start, end) = (bounds.start, bounds.start.wrapping_add(reg_size(id)));
            if end > image.len() {
                from = from.min(start);
            }
            let slice = match start.checked_sub(from) {
                None => image.get_mut(start..end),
                Some(start) => tail.get_mut(start..end.wrapping_sub(from)),
            };
            let slice = slice.unwrap_or_default();
            if let Err(error) = self.vcpu.get_one_reg(id, slice) {
                read = Err(failed(&self.vcpu, Call::Get(RegId(id)), error));
                break;
            }
            if !self.in_place() {
                slice.reverse();
            }
            // A register that is longer than VLS says is an error, because it would be cut off silently.
            if let Some(at) = past_end(slice, bounds.copy) {
                read = Err(self.past_vls(id, at));
                break;
            }
        }
        let last = image.get_mut(from..).unwrap_or_default();
        if let Some(tail) = tail.get(..last.len()) {
            last.copy_from_slice(tail);
        }
        read
    }

    /// Writes the registers from an image, with 49 SETs (32 without SVE) and no allocation. If one fails, the
    /// registers before it have been written, and the whole can be repeated, since the image does not change. (A SET
    /// ends in `EFAULT` only if the implementor hands KVM an address of its own, and has then changed the register
    /// itself: see [`OneReg`].)
    ///
    /// An image has a VQ, but no *set* of vector lengths, so it is for the caller to see to it that the sets are the
    /// same; `restore_snapshot` checks that.
    #[inline(never)]
    pub fn restore<S: Storage>(&mut self, state: &SveState<S>) -> Result<(), SveError<V::Error>> {
        self.check_vq(state.vq())?;
        if !self.has_sve() {
            without_predicates(state.as_bytes())
                .map_err(|id| SveError::WithoutSve { id: RegId(id) })?;
        }
        // KVM reads only the register's own bytes, whatever follows them, but the whole slice must be there: see
        // `read`.
        let image = state.as_bytes();
        let (mut tail, mut from) = ([0; 2 * MAX_SLICE], image.len());
        for (id, bounds) in registers::all(self.has_sve(), self.vq) {
            let (start, end) = (bounds.start, bounds.start.wrapping_add(reg_size(id)));
            if start < from && end > image.len() {
                from = start;
                let last = image.get(from..).unwrap_or_default();
                if let Some(tail) = tail.get_mut(..last.len()) {
                    tail.copy_from_slice(last);
                }
            }
            let slice = match start.checked_sub(from) {
                None => image.get(start..end),
                Some(start) => tail.get(start..end.wrapping_sub(from)),
            };
            let slice = slice.unwrap_or_default();
            let written = if self.in_place() {
                self.vcpu.set_one_reg(id, slice)
            } else {
                let mut value = [0; MAX_SLICE];
                let value = &mut value[..slice.len()];
                value.copy_from_slice(slice);
                value.reverse();
                self.vcpu.set_one_reg(id, value)
            };
            if let Err(error) = written {
                return Err(failed(&self.vcpu, Call::Set(RegId(id)), error));
            }
        }
        Ok(())
    }

    /// Reads FPSR and FPCR. Two GETs.
    pub fn status(&self) -> Result<Status, SveError<V::Error>> {
        let mut words = [0; 2];
        for (id, word) in STATUS.into_iter().zip(&mut words) {
            let mut bytes = [0; 4];
            get(&self.vcpu, id, &mut bytes)?;
            *word = u32::from_ne_bytes(bytes);
        }
        let [fpsr, fpcr] = words;
        Ok(Status { fpsr, fpcr })
    }

    /// Writes FPSR and FPCR. Two SETs.
    pub fn set_status(&mut self, status: Status) -> Result<(), SveError<V::Error>> {
        for (id, word) in STATUS.into_iter().zip([status.fpsr, status.fpcr]) {
            set(&mut self.vcpu, id, &word.to_ne_bytes())?;
        }
        Ok(())
    }

    /// Reads one register, with a GET. As in an [image](crate::image), the bytes are little-endian whatever the host
    /// is, and zero past the register's end: of a Z register the first 16 · VQ are its own, of P and FFR the first 2
    /// · VQ.
    ///
    /// A V register is read on a vCPU of either kind, because with SVE it is the low 128 bits of Z. A vCPU without
    /// SVE has no Z, P and FFR, and the error says so.
    pub fn get<B: Single>(&self, register: Register<B>) -> Result<B::Bytes, SveError<V::Error>> {
        let mut bytes = B::Bytes::ZEROS;
        self.get_id(self.single(register), bytes.as_mut())?;
        Ok(bytes)
    }

    /// Writes one register, with a SET, from bytes as [`get`](Self::get) reads them; what they hold past the register's
    /// end is ignored. With SVE, to write a V register takes a GET as well, and the rest of Z stays as it is.
    pub fn set<B: Single>(
        &mut self,
        register: Register<B>,
        bytes: &B::Bytes,
    ) -> Result<(), SveError<V::Error>> {
        self.set_id(self.single(register), bytes.as_ref())
    }

    /// Reads one of V0 to V31 by number, as gdb and the kernel's `vregs` have it: a number of 128 bits. One GET, on a
    /// vCPU of either kind.
    pub fn get_vector(&self, number: u32) -> Result<u128, SveError<V::Error>> {
        let value = self.get(fpsimd::V::new(number)?)?;
        Ok(u128::from_le_bytes(value))
    }

    /// Writes one of V0 to V31 by number. One SET and, with SVE, a GET as well, because the rest of Z stays as it is.
    pub fn set_vector(&mut self, number: u32, value: u128) -> Result<(), SveError<V::Error>> {
        self.set(fpsimd::V::new(number)?, &value.to_le_bytes())
    }

    /// The first bytes of the register with this ID, as [`get`](Self::get) gives them.
    #[inline(never)]
    pub(crate) fn get_id(&self, id: u64, bytes: &mut [u8]) -> Result<(), SveError<V::Error>> {
        let of_sve = find::<sve::Layout>(id).is_some();
        if of_sve {
            // With more than slice 0 it would not be the whole register.
            self.check_vq(self.vq)?;
        }
        let mut slice = [0; MAX_SLICE];
        let slice = slice.get_mut(..reg_size(id)).unwrap_or_default();
        get(&self.vcpu, id, slice)?;
        single_in_host_order(id, slice);
        if of_sve {
            if !self.has_sve() {
                return Err(SveError::HasSve { id: RegId(id) });
            }
            // A slice is as wide as the register at VQ 16, so each quadword of vector length is a sixteenth of it.
            let width = slice.len() / 16 * usize::from(self.vq.get());
            if let Some(at) = past_end(slice, width) {
                return Err(self.past_vls(id, at));
            }
        }
        if let Some(slice) = slice.get(..bytes.len()) {
            bytes.copy_from_slice(slice);
        }
        Ok(())
    }

    /// Writes the first bytes of the register with this ID, as [`get_id`](Self::get_id) gives them; the others stay.
    #[inline(never)]
    pub(crate) fn set_id(&mut self, id: u64, bytes: &[u8]) -> Result<(), SveError<V::Error>> {
        let mut slice = [0; MAX_SLICE];
        let slice = slice.get_mut(..reg_size(id)).unwrap_or_default();
        if bytes.len() < slice.len() {
            self.get_id(id, slice)?;
        }
        if find::<sve::Layout>(id).is_some() {
            self.check_vq(self.vq)?;
            if !self.has_sve() {
                // A GET, because a vCPU that has SVE would take the SET.
                return Err(match self.vcpu.get_one_reg(id, slice) {
                    Ok(()) => SveError::HasSve { id: RegId(id) },
                    Err(error) => failed(&self.vcpu, Call::Get(RegId(id)), error),
                });
            }
        }
        if let Some(low) = slice.get_mut(..bytes.len()) {
            low.copy_from_slice(bytes);
        }
        single_in_host_order(id, slice);
        set(&mut self.vcpu, id, slice)
    }

    /// The register's ID on this vCPU. With SVE, V has the ID of the Z register that it shows.
    fn single<B: Single>(&self, register: Register<B>) -> u64 {
        match B::shown(register) {
            Some(z) if self.has_sve() => z.id(),
            _ => register.with_slice_0().id(),
        }
    }

    /// Captures everything that a snapshot holds, FPSR and FPCR included, with 51 GETs (34 without SVE).
    #[cfg(feature = "snapshot")]
    pub fn snapshot(&self) -> Result<Snapshot, SveError<V::Error>> {
        self.vls.check_powers()?;
        let (state, status) = (self.capture()?, self.status()?);
        // These parts need no check: the image has this vCPU's VQ, and what no call writes is zero.
        Ok(Snapshot::of_parts(self.vls, state, status))
    }

    /// Restores all that a snapshot holds; if it has no FPSR and FPCR, the vCPU's stay as they are. A vCPU whose
    /// vector lengths differ from the snapshot's is refused before anything is written, and if it was wrapped as one
    /// without SVE, V0 is read before that, since it might have SVE after all.
    #[cfg(feature = "snapshot")]
    pub fn restore_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), SveError<V::Error>> {
        if !snapshot.vls().is(&self.vls) {
            if !self.has_sve() {
                // If the vCPU was taken for what it is not, that is what the caller has to know.
                get(&self.vcpu, fpsimd::V0.id(), &mut [0; 16])?;
            }
            return Err(SveError::SnapshotVls {
                snapshot: snapshot.vls(),
                vcpu: self.vls,
            });
        }
        self.restore(snapshot.state())?;
        snapshot
            .status()
            .map_or(Ok(()), |status| self.set_status(status))
    }

    /// Refuses, before any call, an image of another vector length than the vCPU's.
    fn check_vq(&self, image: Vq) -> Result<(), SveError<V::Error>> {
        if image != self.vq || image > Vq::ARCH_MAX {
            return Err(self.mismatch(image));
        }
        Ok(())
    }

    fn has_sve(&self) -> bool {
        !self.vls.is_empty()
    }

    #[cold]
    fn past_vls(&self, id: u64, at: usize) -> SveError<V::Error> {
        let vls = self.vls;
        let id = RegId(id);
        SveError::PastVls { id, at, vls }
    }

    /// Whether a register's value has the same bytes as in the image. SVE registers are little-endian on every host,
    /// but V registers are integers in the host's byte order.
    fn in_place(&self) -> bool {
        cfg!(target_endian = "little") || self.has_sve()
    }

    fn mismatch<E>(&self, image: Vq) -> SveError<E> {
        SveError::ImageVq {
            image,
            vcpu: self.vq,
        }
    }
}

/// Turns V, FPSR or FPCR, which are integers in the host's byte order, into little-endian bytes, or back.
fn single_in_host_order(id: u64, slice: &mut [u8]) {
    if cfg!(target_endian = "big") && fpsimd::Reg::decode(id).is_ok() {
        slice.reverse();
    }
}

#[inline(never)]
fn read_vls<V: OneReg>(vcpu: &V) -> Result<Vls, SveError<V::Error>> {
    let call = Call::Get(RegId(sve::VLS.id()));
    get_vls(vcpu).map_err(|error| failed(vcpu, call, error))
}

/// VLS, where another call has failed already, so that it does not matter why this one does.
fn vls_if_any<V: OneReg>(vcpu: &V) -> Option<Vls> {
    get_vls(vcpu).ok()
}

#[inline(never)]
fn get_vls<V: OneReg>(vcpu: &V) -> Result<Vls, V::Error> {
    let mut bytes = [0; 64];
    vcpu.get_one_reg(sve::VLS.id(), &mut bytes)?;
    Ok(Vls::from_bytes(&bytes))
}

/// A GET of a single register, out of line so that a program has the vCPU's own code for it in fewer places.
#[inline(never)]
fn get<V: OneReg>(vcpu: &V, id: u64, data: &mut [u8]) -> Result<(), SveError<V::Error>> {
    let read = vcpu.get_one_reg(id, data);
    read.map_err(|error| failed(vcpu, Call::Get(RegId(id)), error))
}

#[inline(never)]
fn set<V: OneReg>(vcpu: &mut V, id: u64, data: &[u8]) -> Result<(), SveError<V::Error>> {
    let written = vcpu.set_one_reg(id, data);
    written.map_err(|error| failed(vcpu, Call::Set(RegId(id)), error))
}

/// The error for a call that has failed.
#[cold]
#[inline(never)]
fn failed<V: OneReg>(vcpu: &V, call: Call, error: V::Error) -> SveError<V::Error> {
    let errno = vcpu.errno(&error);
    let refusal = Refusal::of(vcpu, call, errno);
    SveError::Call {
        call,
        error,
        errno,
        refusal,
    }
}

/// The error that says how the two differ, if a snapshot was refused because of the vCPU's stage.
#[cfg(feature = "snapshot")]
#[cold]
fn other_lengths<V: OneReg>(
    vcpu: &V,
    snapshot: Vls,
    error: SveError<V::Error>,
) -> SveError<V::Error> {
    let SveError::Call {
        refusal: Some(refusal),
        ..
    } = error
    else {
        return error;
    };
    let vcpu = match refusal.stage() {
        Some(Stage::WithoutSve) => Vls::EMPTY,
        Some(_) => vls_if_any(vcpu).unwrap_or(snapshot),
        None => return error,
    };
    if vcpu.is(&snapshot) {
        return error;
    }
    SveError::SnapshotVls { snapshot, vcpu }
}
