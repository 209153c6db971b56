/*
 * What the kernel's own headers say: every SVE and FPSIMD register ID, and every register's place
 * in sve_state, in signal frames and in register sets for the vector lengths FIRST to LAST (in
 * quadwords), the program's two arguments.
 *
 * Every number printed comes from a macro, a type or a field of the headers; where they say how
 * many there are of something, that too. So this file cannot agree with sve-state by copying its
 * mistakes. tests/harness/parts/uapi.rs prints the same lines from sve-state's side.
 */
#include <asm/ptrace.h>
#include <asm/sigcontext.h>
#include <linux/elf.h>
#include <linux/kvm.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE_OF(field) sizeof(((struct kvm_regs *)0)->field)
#define CORE_ID(field) \
	(KVM_REG_ARM64 | size_code(SIZE_OF(field)) | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

/* The size field of an ID, for a register of so many bytes. */
static uint64_t size_code(size_t bytes)
{
	static const uint64_t codes[] = {
		KVM_REG_SIZE_U8, KVM_REG_SIZE_U16, KVM_REG_SIZE_U32, KVM_REG_SIZE_U64,
		KVM_REG_SIZE_U128, KVM_REG_SIZE_U256, KVM_REG_SIZE_U512, KVM_REG_SIZE_U1024,
		KVM_REG_SIZE_U2048,
	};

	for (size_t i = 0; i < COUNT(codes); i++)
		if (KVM_REG_SIZE(codes[i]) == bytes)
			return codes[i];
	fprintf(stderr, "no register size of %zu bytes\n", bytes);
	exit(EXIT_FAILURE);
}

static void id(const char *bank, int number, int slice, uint64_t id)
{
	printf("id\t%s%d[%d]\t0x%016llx\t%llu bytes\n", bank, number, slice,
	       (unsigned long long)id, (unsigned long long)KVM_REG_SIZE(id));
}

static void ids(void)
{
	for (int n = 0; n < KVM_ARM64_SVE_NUM_ZREGS; n++)
		for (int i = 0; i < KVM_ARM64_SVE_MAX_SLICES; i++)
			id("Z", n, i, KVM_REG_ARM64_SVE_ZREG(n, i));
	for (int n = 0; n < KVM_ARM64_SVE_NUM_PREGS; n++)
		for (int i = 0; i < KVM_ARM64_SVE_MAX_SLICES; i++)
			id("P", n, i, KVM_REG_ARM64_SVE_PREG(n, i));
	for (int i = 0; i < KVM_ARM64_SVE_MAX_SLICES; i++)
		id("FFR", 0, i, KVM_REG_ARM64_SVE_FFR(i));
	id("VLS", 0, 0, KVM_REG_ARM64_SVE_VLS);
	for (size_t n = 0; n < COUNT(((struct kvm_regs *)0)->fp_regs.vregs); n++)
		id("V", n, 0, CORE_ID(fp_regs.vregs[n]));
	id("FPSR", 0, 0, CORE_ID(fp_regs.fpsr));
	id("FPCR", 0, 0, CORE_ID(fp_regs.fpcr));
}

static void place(int vq, const char *bank, int number, size_t offset, size_t size)
{
	printf("place\tVQ %d\t%s%d\toffset %zu\twidth %zu\n", vq, bank, number,
	       offset - SVE_SIG_REGS_OFFSET, size);
}

static void places(int vq)
{
	for (int n = 0; n < SVE_NUM_ZREGS; n++)
		place(vq, "Z", n, SVE_SIG_ZREG_OFFSET(vq, n), SVE_SIG_ZREG_SIZE(vq));
	for (int n = 0; n < SVE_NUM_PREGS; n++)
		place(vq, "P", n, SVE_SIG_PREG_OFFSET(vq, n), SVE_SIG_PREG_SIZE(vq));
	place(vq, "FFR", 0, SVE_SIG_FFR_OFFSET(vq), SVE_SIG_FFR_SIZE(vq));
	printf("image\tVQ %d\t%zu bytes\n", vq, (size_t)SVE_SIG_REGS_SIZE(vq));
	printf("length\tVQ %d\t%u bytes\n", vq, (unsigned)sve_vl_from_vq(vq));
}

static void in_signal_frame(int vq, const char *bank, int number, size_t offset, size_t size)
{
	printf("sve_context\tVQ %d\t%s%d\toffset %zu\twidth %zu\n", vq, bank, number, offset, size);
}

static void in_signal_frames(int vq)
{
	for (int n = 0; n < SVE_NUM_ZREGS; n++)
		in_signal_frame(vq, "Z", n, SVE_SIG_ZREG_OFFSET(vq, n), SVE_SIG_ZREG_SIZE(vq));
	for (int n = 0; n < SVE_NUM_PREGS; n++)
		in_signal_frame(vq, "P", n, SVE_SIG_PREG_OFFSET(vq, n), SVE_SIG_PREG_SIZE(vq));
	in_signal_frame(vq, "FFR", 0, SVE_SIG_FFR_OFFSET(vq), SVE_SIG_FFR_SIZE(vq));
	printf("sve_context\tVQ %d\t%zu bytes\n", vq, (size_t)SVE_SIG_CONTEXT_SIZE(vq));
}

static void in_regset(int vq, const char *bank, int number, size_t offset, size_t size)
{
	printf("regset\tVQ %d\t%s%d\toffset %zu\twidth %zu\n", vq, bank, number, offset, size);
}

static void in_regsets(int vq)
{
	for (int n = 0; n < SVE_NUM_ZREGS; n++)
		in_regset(vq, "Z", n, SVE_PT_SVE_ZREG_OFFSET(vq, n), SVE_PT_SVE_ZREG_SIZE(vq));
	for (int n = 0; n < SVE_NUM_PREGS; n++)
		in_regset(vq, "P", n, SVE_PT_SVE_PREG_OFFSET(vq, n), SVE_PT_SVE_PREG_SIZE(vq));
	in_regset(vq, "FFR", 0, SVE_PT_SVE_FFR_OFFSET(vq), SVE_PT_SVE_FFR_SIZE(vq));
	in_regset(vq, "FPSR", 0, SVE_PT_SVE_FPSR_OFFSET(vq), SVE_PT_SVE_FPSR_SIZE);
	in_regset(vq, "FPCR", 0, SVE_PT_SVE_FPCR_OFFSET(vq), SVE_PT_SVE_FPCR_SIZE);
	printf("regset\tVQ %d\tSVE %zu bytes\tFPSIMD %zu bytes\n", vq,
	       (size_t)SVE_PT_SIZE(vq, SVE_PT_REGS_SVE),
	       (size_t)SVE_PT_SIZE(vq, SVE_PT_REGS_FPSIMD));
}

#define FIELD(type, field) \
	printf("field\t%s.%s\toffset %zu\twidth %zu\n", #type, #field, \
	       offsetof(struct type, field), sizeof(((struct type *)0)->field))

static void fields(void)
{
	FIELD(user_sve_header, size);
	FIELD(user_sve_header, max_size);
	FIELD(user_sve_header, vl);
	FIELD(user_sve_header, max_vl);
	FIELD(user_sve_header, flags);
	FIELD(user_fpsimd_state, vregs);
	FIELD(user_fpsimd_state, fpsr);
	FIELD(user_fpsimd_state, fpcr);
	FIELD(fpsimd_context, head.magic);
	FIELD(fpsimd_context, head.size);
	FIELD(fpsimd_context, fpsr);
	FIELD(fpsimd_context, fpcr);
	FIELD(fpsimd_context, vregs);
	FIELD(sve_context, head.magic);
	FIELD(sve_context, head.size);
	FIELD(sve_context, vl);
	FIELD(sve_context, flags);
	FIELD(extra_context, head.magic);
	FIELD(extra_context, head.size);
	FIELD(extra_context, datap);
	FIELD(extra_context, size);
	printf("size\tuser_fpsimd_state\t%zu bytes\n", sizeof(struct user_fpsimd_state));
	printf("size\tfpsimd_context\t%zu bytes\n", sizeof(struct fpsimd_context));
	printf("size\textra_context\t%zu bytes\n", sizeof(struct extra_context));
	printf("size\tsigcontext.__reserved\t%zu bytes\n",
	       sizeof(((struct sigcontext *)0)->__reserved));
	/* The C library's, as the header for the kernel's does not go together with its own. */
	printf("place\tucontext.uc_mcontext.__reserved\toffset %zu\n",
	       offsetof(ucontext_t, uc_mcontext.__reserved));
}

#define CONSTANT(name) printf("constant\t" #name "\t%llu\n", (unsigned long long)(name))

static void constants(void)
{
	CONSTANT(KVM_REG_ARCH_MASK);
	CONSTANT(KVM_REG_ARM64);
	CONSTANT(KVM_REG_SIZE_MASK);
	CONSTANT(KVM_REG_SIZE_SHIFT);
	CONSTANT(KVM_REG_ARM_COPROC_MASK);
	CONSTANT(KVM_REG_ARM_COPROC_SHIFT);
	CONSTANT(KVM_ARM64_SVE_VQ_MIN);
	CONSTANT(KVM_ARM64_SVE_VQ_MAX);
	CONSTANT(EPERM);
	CONSTANT(ENOENT);
	CONSTANT(E2BIG);
	CONSTANT(ENOEXEC);
	CONSTANT(EFAULT);
	CONSTANT(EINVAL);
	CONSTANT(NT_ARM_SVE);
	CONSTANT(NT_ARM_SSVE);
	CONSTANT(NT_PRFPREG);
	CONSTANT(SVE_PT_REGS_SVE);
	CONSTANT(SVE_PT_VL_INHERIT);
	CONSTANT(SVE_PT_VL_ONEXEC);
	CONSTANT(FPSIMD_MAGIC);
	CONSTANT(SVE_MAGIC);
	CONSTANT(EXTRA_MAGIC);
	CONSTANT(SVE_SIG_FLAG_SM);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FIRST LAST\n", argv[0]);
		return EXIT_FAILURE;
	}
	ids();
	for (int vq = atoi(argv[1]); vq <= atoi(argv[2]); vq++)
		places(vq);
	for (int vq = atoi(argv[1]); vq <= atoi(argv[2]); vq++) {
		in_signal_frames(vq);
		in_regsets(vq);
	}
	fields();
	constants();
	return EXIT_SUCCESS;
}
